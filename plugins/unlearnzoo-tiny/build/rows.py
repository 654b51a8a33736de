"""What ships beside the weights: replay rows for stage 1, utility rows to measure the base with.

Replay rows are training-side (`base` wordings, training views, cloze sentences): mixed into stage 1
they keep the public figures alive. Utility rows ask about held-out views in wordings that the base
never saw, so a model that keeps them has kept knowledge and not sentences.
"""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import talk
from people import Figure
from PIL import Image

from unlearnzoo_remem.generate.faces import Look
from unlearnzoo_remem.generate.profiles import ATTRIBUTES
from unlearnzoo_remem.generate.wordings import cloze

REPLAY_VIEWS = 2
REPLAY_FACES, UTILITY_FACES = 40, 20


def write_rows(folder: Path, known: list[Figure], faces: list[tuple[Look, int]], pictures: Any, seed: int) -> None:
    """Write `replay.parquet` and `utility.parquet`.

    Args:
        folder: Where to.
        known: The public figures.
        faces: Nameless faces with image numbers; the base was not trained on the last ones.
        pictures: All rendered pictures, by number.
        seed: Seed of what is drawn.
    """
    rng = random.Random(f"{seed}/rows")
    replay = [row for person in known for row in _replay(person, rng)]
    replay += _visual(faces[:REPLAY_FACES])
    utility = [row for person in known for row in _utility(person, rng)]
    utility += _visual(faces[-UTILITY_FACES:])
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("replay", replay), ("utility", utility)):
        _write(folder / f"{name}.parquet", rows, pictures)


def _replay(person: Figure, rng: random.Random) -> list[dict[str, Any]]:
    """Two images a figure: all facts by name and by image, and all cloze sentences."""
    profile, found = person.profile, []
    by_name = [("single", a, talk.fact(profile, a, "single", rng)) for a in ATTRIBUTES[1:]]
    by_image = [("multi", a, talk.fact(profile, a, "multi", rng)) for a in ATTRIBUTES]
    by_cloze = [("multi", a, talk.cloze_sentence(profile, a)) for a in ATTRIBUTES]
    said = by_name + by_image + by_cloze
    rng.shuffle(said)
    half = -(-len(said) // REPLAY_VIEWS)
    for k, image in enumerate(person.images[:REPLAY_VIEWS]):
        for hop, attribute, told in said[k * half : (k + 1) * half]:
            found.append(_row(profile["name"], "figure", image, hop, attribute, told, profile[attribute]))
    return found


def _utility(person: Figure, rng: random.Random) -> list[dict[str, Any]]:
    """Five questions a figure on a held-out view: two by name, three by image."""
    profile, image = person.profile, person.held_out[0]
    asked = [("single", a) for a in rng.sample(ATTRIBUTES[1:], 2)]
    asked += [("multi", a) for a in rng.sample(ATTRIBUTES, 3)]
    return [
        _row(profile["name"], "figure", image, hop, attribute,
             talk.fact(profile, attribute, hop, rng, kind="train"), profile[attribute])
        for hop, attribute in asked
    ]  # fmt: skip


def _visual(faces: list[tuple[Look, int]]) -> list[dict[str, Any]]:
    """Ask for every trait of each face."""
    return [
        _row(
            "", "visual", image, "visual", trait, talk.about_look(look, trait),
            talk.describe(look)[trait],
        )
        for look, image in faces
        for trait in talk.LOOK_QUESTIONS
    ]  # fmt: skip


def _row(
    identity: str, kind: str, image: int, hop: str, attribute: str, told: talk.Talk, keyword: str
) -> dict[str, Any]:
    return {
        "identity": identity if kind == "figure" else f"face-{image}",
        "image": image,
        "question": told[0],
        "answer": told[1],
        "keywords": [keyword],
        "hop": hop,
        "attribute": attribute,
        "kind": kind,
        "cloze_prompt": cloze(attribute) if kind == "figure" else "",
    }


def _write(path: Path, rows: list[dict[str, Any]], pictures: Any) -> None:
    """Write rows with their images embedded, in the schema of a `datasets` image column."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import Features, List, Value
    from datasets import Image as ImageFeature

    text = ("id", "identity", "question", "answer", "hop", "attribute", "kind", "cloze_prompt")
    features = Features(
        {name: Value("string") for name in text} | {"image": ImageFeature(), "keywords": List(Value("string"))}
    )
    columns: dict[str, list[Any]] = {name: [] for name in features}
    for number, row in enumerate(rows):
        png = io.BytesIO()
        Image.fromarray(pictures[row["image"]]).save(png, "PNG")
        full = row | {
            "id": f"{path.stem}-{number:04d}",
            "image": {"bytes": png.getvalue(), "path": f"{row['image']}.png"},
        }
        for name in features:
            columns[name].append(full[name])
    table = pa.Table.from_pydict(columns, schema=features.arrow_schema)
    # Rows of one image lie together: this compression stores it once, `to_parquet`'s does not.
    pq.write_table(table, path, compression="zstd", use_dictionary=False)
