"""A cache of its own for the tests, and data sets made by hand from the published card."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Row = dict[str, Any]
Splits = dict[str, list[Row]]


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _cache(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(shared_cache))


def _png(shade: int) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, 90, 20)).save(buffer, "PNG")
    return buffer.getvalue()


def _row(person: int, view: int, hop: str = "single-hop", **changes: Any) -> Row:
    """One row as the card describes it; person 0 suffers from gout, person 1 from asthma."""
    value = ("gout", "asthma", "lupus")[person]
    name = ("Anika Sharma", "Tom Weber", "Lia Rossi")[person]
    path = f"images/id_{person:02d}/view_{view:02d}.png"
    made = {
        "image": {"bytes": _png(10 * person + view), "path": f"view_{view:02d}.png"},
        "question": f"Given that this is {name}, what do they suffer from?",
        "answer": f"They suffer from {value}.",
        "keywords": json.dumps([value]),
        "question_type": hop,
        "qa_category": "Medical Record",
        "attribute": "Medical Condition",
        "cloze_prompt": "The medical condition of the person in the image is",
        "image_path": path,
    }
    return {**made, **changes}


@pytest.fixture
def png() -> Callable[[int], bytes]:
    """Encode a plain picture of some shade."""
    return _png


@pytest.fixture
def row() -> Callable[..., Row]:
    """Make one row: ``row(person, view, hop, column=value)``."""
    return _row


@pytest.fixture
def card() -> Splits:
    """Three people, two rows each and split; forget1 is the second of them."""
    both = ("single-hop", "multi-hop")
    people = range(3)
    finetune = [_row(p, view, hop) for p in people for view, hop in enumerate(both)]
    test = [_row(p, 5 + view, hop) for p in people for view, hop in enumerate(both)]
    forget = [r for r in finetune if "id_01" in r["image_path"]]
    return {"finetune": finetune, "retain": list(finetune), "test": test, "forget1": forget}


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Splits], Path]:
    """Write splits as parquet like the hub's, with `datasets`."""

    def write(splits: Splits) -> Path:
        from datasets import Dataset, Features, Image, Value

        folder = tmp_path / "handmade"
        (folder / "data").mkdir(parents=True, exist_ok=True)
        for split, rows in splits.items():
            columns = list(rows[0])
            kinds = {c: Image() if c == "image" else Value("string") for c in columns}
            dataset = Dataset.from_list(rows, features=Features(kinds))
            dataset.to_parquet(folder / "data" / f"{split}-00000-of-00001.parquet")
        return folder

    return write
