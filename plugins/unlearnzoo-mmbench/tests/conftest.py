"""A file as MMBench publishes it, written by hand: questions about plain squares, in every order."""

import base64
import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import own_cache, shared_folder  # noqa: F401 - one cache for all tests

Row = dict[str, Any]
COLUMNS = ("index", "question", "hint", "A", "B", "C", "D", "answer", "category", "l2-category", "image", "split")


def png(shade: int) -> bytes:
    """Encode a plain picture of some shade."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, 90, 20)).save(buffer, "PNG")
    return buffer.getvalue()


def encoded(shade: int) -> str:
    """Return it as the public file holds it."""
    return base64.b64encode(png(shade)).decode()


def row(index: int, question: str, options: Sequence[str], answer: str, **more: Any) -> Row:
    """Return a row; options beyond those given are empty."""
    texts = dict.fromkeys("ABCD", "") | dict(zip("ABCD", options, strict=False))
    return {
        "index": index,
        "question": question,
        "hint": "",
        **texts,
        "answer": answer,
        "category": "color",
        "l2-category": "perception",
        "image": encoded(index % 200),
        "split": "dev",
        **more,
    }


@pytest.fixture
def make() -> Callable[..., Row]:
    """Return the function that makes a row."""
    return row


@pytest.fixture
def rows() -> list[Row]:
    """Three questions of three, two and four options; texts hold quotes, line breaks and words that pandas drops."""
    first = ("red", "green", 'the "blue" one')
    return [
        row(7, "What colour is the square?", first, "C", hint="Look at\nthe middle."),
        row(1000007, "What colour is the square?", (*first[1:], first[0]), "B", hint="Look at\nthe middle.", image="7"),
        row(2000007, "What colour is the square?", (first[2], *first[:2]), "A", hint="Look at\nthe middle.", image="7"),
        row(12, "Is it round?", ("None", "NA"), "A"),
        row(1000012, "Is it round?", ("NA", "None"), "B"),
        row(40, "Which label is it?", ("B", "A", "D", "C"), "D"),
        row(1000040, "Which label is it?", ("A", "D", "C", "B"), "C"),
        row(2000040, "Which label is it?", ("D", "C", "B", "A"), "B"),
        row(3000040, "Which label is it?", ("C", "B", "A", "D"), "A"),
    ]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Write rows as the public file is written; returns its name."""

    def written(rows: Sequence[Row], name: str = "mmbench_dev.tsv", columns: Sequence[str] = COLUMNS) -> str:
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, columns, delimiter="\t", lineterminator="\n", extrasaction="ignore")
            table.writeheader()
            table.writerows(rows)
        return str(tmp_path / name)

    return written
