"""Rows that come with a model, from real parquet, within bounds."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unlearnzoo import DataError
from unlearnzoo.data import model_rows

ROW = {"id": "a", "identity": "x", "image": None, "question": "Q?", "answer": "A", "keywords": ["A"], "kind": "fact"}


def written(path, rows):
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_rows_of_several_batches_keep_their_order(tmp_path):
    found = model_rows.read(written(tmp_path / "r.parquet", [ROW | {"id": str(n)} for n in range(150)]))
    assert [one.id for one in found] == [str(n) for n in range(150)]
    assert found[0].keywords == ("A",) and found[0].tags == {"kind": "fact"}


def test_pictures_that_rows_share_count_as_often_as_they_stand(tmp_path, monkeypatch):
    monkeypatch.setattr(model_rows, "_LARGEST", 1 << 20)
    path = written(tmp_path / "r.parquet", [ROW | {"image": {"bytes": b"x" * 50_000}}] * 30)
    assert path.stat().st_size < 100_000
    with pytest.raises(
        DataError, match=r"^/\S+/r\.parquet: the file has [\d,]+ bytes and takes more than 1 MB unpacked"
    ):
        model_rows.read(path)


def test_what_cannot_be_read_is_one_line(tmp_path):
    with pytest.raises(DataError, match=r"r\.parquet: column 'keywords' is missing; needed are id, identity"):
        model_rows.read(written(tmp_path / "r.parquet", [{k: v for k, v in ROW.items() if k != "keywords"}]))
    with pytest.raises(DataError, match=r"none\.parquet: cannot be read as parquet \(.*No such file"):
        model_rows.read(tmp_path / "none.parquet")
