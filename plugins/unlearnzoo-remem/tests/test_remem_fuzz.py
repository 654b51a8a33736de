"""Data sets that somebody edited: read, or refused in one line; nothing else, whatever was done to them."""

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.support.mutations import VALUES, flipped
from unlearnzoo import ZooError
from unlearnzoo_remem.read.data import load

Splits = dict[str, list[dict[str, Any]]]
FEW, MANY = 40, 600


def read(folder: Path, done: object) -> None:
    told = ""
    try:
        load(str(folder))
    except ZooError as error:
        told = str(error)
    except Exception as error:
        raise AssertionError(f"{done}: {error!r}") from error
    assert told.isprintable() and len(told) < 10_000, f"{done}: {told[:300]!r}"


def hold(card: Splits, folder: Path, numbers: Iterable[int]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir()
    for split, rows in card.items():
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{split}.parquet")
    whole = {path: path.read_bytes() for path in sorted(folder.iterdir())}
    for number in numbers:
        draw = random.Random(number)
        path = draw.choice(sorted(whole))
        rows = [dict(row) for row in card[path.stem]]
        column, value = draw.choice(sorted(rows[0])), draw.choice(VALUES)
        done = f"{number}: {path.name} {column} {str(value)[:12]!r}"
        kind = draw.choice(("row", "column", "drop", "bytes"))
        for i, row in enumerate(rows):
            if kind == "drop":
                row.pop(column)
            elif kind == "column" or (kind == "row" and i == 1):
                row[column] = value if kind == "column" or not isinstance(row[column], str) else json.dumps(value)
        if kind == "bytes":
            path.write_bytes(flipped(whole[path], number))
        else:
            try:
                pq.write_table(pa.Table.from_pylist(rows), path)
            except (pa.ArrowException, OverflowError):
                path.write_bytes(whole[path])  # no parquet can say it
                continue
        read(folder, f"{done} {kind}")
        path.write_bytes(whole[path])


@pytest.mark.slow
def test_some_edits(card: Splits, tmp_path: Path) -> None:
    hold(card, tmp_path / "d", range(FEW))


@pytest.mark.soak
def test_many_edits(card: Splits, tmp_path: Path) -> None:
    hold(card, tmp_path / "d", range(MANY))
