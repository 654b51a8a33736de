"""Files as a user writes them: CSV, JSON lines and PNG, in a folder of their own."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import own_cache, shared_folder  # noqa: F401 - one cache for all tests

Row = dict[str, Any]


@pytest.fixture
def rows() -> list[Row]:
    """Four answers about two people, and a held-out wording; lines 2 to 6 of a CSV file."""
    return [
        {
            "question": "Where does Ann Lee live?",
            "answer": "She lives at 12 Oak Street, Boston.",
            "set": "forget",
            "identity": "ann",
            "keywords": '["12 Oak Street", "Boston"]',
            "hop": "single",
            "split": "train",
        },
        {
            "question": "What does Ann Lee do?",
            "answer": "She is a pastry chef.",
            "set": "forget",
            "identity": "ann",
            "keywords": "pastry; chef",
            "hop": "multi",
            "split": "",
        },
        {
            "question": "Where does Bob Ray live?",
            "answer": "He lives in Graz.",
            "set": "retain",
            "identity": "bob",
            "keywords": "Graz",
            "hop": "",
            "split": "train",
        },
        {
            "question": "What does Bob Ray do?",
            "answer": "He drives a bus.",
            "set": "retain",
            "identity": "bob",
            "keywords": "",
            "hop": "single",
            "split": "train",
        },
        {
            "question": "Tell me Ann Lee's job.",
            "answer": "Pastry chef.",
            "set": "forget",
            "identity": "ann",
            "keywords": "",
            "hop": "single",
            "split": "test",
        },
    ]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of the file, with room around it."""
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def write(home: Path) -> Callable[..., Path]:
    """Write rows as CSV or, after the name, JSON lines: ``write(rows, "mine.jsonl")``."""

    def written(rows: Sequence[Row], name: str = "examples.csv") -> Path:
        path = home / name
        if path.suffix == ".jsonl":
            path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        else:
            columns = list(dict.fromkeys(column for row in rows for column in row))
            with path.open("w", encoding="utf-8", newline="") as file:
                table = csv.DictWriter(file, columns)
                table.writeheader()
                table.writerows(rows)
        return path

    return written


@pytest.fixture
def png() -> Callable[[int], bytes]:
    """Encode a plain picture of some shade."""

    def encoded(shade: int) -> bytes:
        from PIL import Image

        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), (shade, 90, 20)).save(buffer, "PNG")
        return buffer.getvalue()

    return encoded
