"""Draw the views of a plan and write it as parquet, in the schema of the published set."""

import io
import random
from pathlib import Path

from unlearnzoo_remem.build import Spec, View, people, plan
from unlearnzoo_remem.faces import Look, render
from unlearnzoo_remem.reader import COLUMNS, no_bars


def write(spec: Spec, folder: Path) -> None:
    """Generate a data set: ``folder/data/<split>-00000-of-00001.parquet``.

    Raises:
        OptionError: the spec cannot be met.
        OSError: the folder cannot be written.
    """
    from datasets import Dataset, Features, Image, Value

    splits = plan(spec)
    looks = [profile["look"] for profile in people(spec)]
    views = dict.fromkeys(view for rows in splits.values() for view, _ in rows)
    images = {view: _png(spec, view, looks[view.person]) for view in views}
    features = Features({c: Image() if c == "image" else Value("string") for c in COLUMNS})
    (folder / "data").mkdir(parents=True, exist_ok=True)
    with no_bars():
        for split, rows in splits.items():
            records = [
                {
                    "image": {"bytes": images[view], "path": Path(view.path).name},
                    **text,
                    "image_path": view.path,
                }
                for view, text in rows
            ]
            dataset = Dataset.from_list(records, features=features)
            file = io.BytesIO()  # Arrow aborts the process where it cannot write to a full disk
            dataset.to_parquet(file)
            path = folder / "data" / f"{split}-00000-of-00001.parquet"
            path.write_bytes(file.getvalue())


def _png(spec: Spec, view: View, look: Look) -> bytes:
    rng = random.Random(f"{spec.seed}/{view.path}")
    buffer = io.BytesIO()
    render(look, rng, view.layout).save(buffer, "PNG")
    return buffer.getvalue()
