"""Draw the views of a plan and write it as parquet, in the schema of the published set."""

import io
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from unlearnzoo_remem.generate.faces import Look, render
from unlearnzoo_remem.generate.plan import Row, Spec, View, people, plan
from unlearnzoo_remem.read.reader import COLUMNS, no_bars


def write(spec: Spec, folder: Path) -> None:
    """Generate a data set: ``folder/data/<split>-00000-of-00001.parquet``.

    Raises:
        OptionError: the spec cannot be met.
        OSError: the folder cannot be written.
    """
    splits = plan(spec)
    looks = [profile["look"] for profile in people(spec)]
    views = dict.fromkeys(view for rows in splits.values() for view, _ in rows)
    images = {view: draw(spec.seed, view, looks[view.person]) for view in views}
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for split, rows in splits.items():
        path = folder / "data" / f"{split}-00000-of-00001.parquet"
        path.write_bytes(parquet(rows, images))


def parquet(rows: Sequence[Row], images: Mapping[View, bytes]) -> bytes:
    """Return rows as a parquet file with the features that the hub reads."""
    from datasets import Dataset, Features, Image, Value

    features = Features({c: Image() if c == "image" else Value("string") for c in COLUMNS})
    records = [
        {"image": {"bytes": images[view], "path": Path(view.path).name}, **text, "image_path": view.path}
        for view, text in rows
    ]
    file = io.BytesIO()  # Arrow aborts the process where it cannot write to a full disk
    with no_bars():
        Dataset.from_list(records, features=features).to_parquet(file)
    return file.getvalue()


def draw(seed: int, view: View, look: Look, size: int = 48) -> bytes:
    """Return one view as a PNG of ``size`` by ``size`` pixels."""
    rng = random.Random(f"{seed}/{view.path}")
    buffer = io.BytesIO()
    render(look, rng, view.layout, size).save(buffer, "PNG")
    return buffer.getvalue()
