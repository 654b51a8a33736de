"""Parquet files of some hundred bytes that stand for gigabytes, and plain ones as they are."""

import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unlearnzoo import DataError
from unlearnzoo.storage import parquet
from unlearnzoo.storage.parquet import parquet_batches

#: A value of 1 MB that 2,000 rows share: 2 GB.
ROWS, VALUE = 2_000, "x" * 1_000_000
SHARED = pa.DictionaryArray.from_arrays(pa.array([0] * ROWS, pa.int32()), [VALUE])
SWELLING = {
    "a text": SHARED,
    "a list in one row": pa.ListArray.from_arrays(pa.array([0, ROWS], pa.int32()), SHARED),
    "lists": pa.ListArray.from_arrays(pa.array(range(ROWS + 1), pa.int32()), SHARED),
    "bytes in a struct": pa.StructArray.from_arrays([SHARED], ["bytes"]),
}


def written(path, column, **options):
    pq.write_table(pa.table({"column": column}), path, compression="zstd", **options)
    return path


def rows(path, **options):
    return [row for batch in parquet_batches(path, **options) for row in batch.to_pylist()]


@pytest.mark.parametrize("column", SWELLING.values(), ids=SWELLING)
def test_values_that_rows_share_are_counted_as_often_as_they_stand(tmp_path, column):
    path = written(tmp_path / "small.parquet", column)
    assert path.stat().st_size < 1500
    with pytest.raises(DataError) as found:
        rows(path)
    told = f"{path}: the file has {path.stat().st_size:,} bytes and takes more than 512 MB unpacked; give fewer rows"
    assert str(found.value).startswith(told)


def test_memory_stays_within_a_batch(tmp_path):
    path = written(tmp_path / "small.parquet", SHARED.slice(0, 400))
    before = pa.total_allocated_bytes()
    for batch in parquet_batches(path):
        assert pa.total_allocated_bytes() - before < 128 << 20
        assert batch.num_rows <= (64 << 20) // len(VALUE)


def test_rows_without_end_are_refused_by_the_files_own_number(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "MOST_VALUES", 1000)
    path = written(tmp_path / "long.parquet", pa.nulls(1001))
    with pytest.raises(
        DataError, match=r"^/\S+/long.parquet: 1,001 rows of 1,001 values, of which 1,000 are read; give fewer"
    ):
        rows(path)
    path = written(tmp_path / "list.parquet", pa.array([[0] * 1001]))
    with pytest.raises(DataError, match="1 rows of 1,001 values"):
        rows(path)


def test_parts_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "MOST_PARTS", 9)
    with pytest.raises(DataError, match=r"10 parts \(row groups times columns\), of which 9 are read"):
        rows(written(tmp_path / "parts.parquet", pa.array(range(10)), row_group_size=1))


@pytest.mark.parametrize("column", [pa.array(["ab", "abc"] * 9), pa.array([b"ab", b"abc"] * 9)])
def test_values_that_share_a_beginning(tmp_path, column, monkeypatch):
    path = written(tmp_path / "d.parquet", column, use_dictionary=False, column_encoding={"column": "DELTA_BYTE_ARRAY"})
    assert [row["column"] for row in rows(path)] == column.to_pylist()
    with pytest.raises(DataError, match="takes more than 0 MB unpacked"):
        rows(path, most=20)
    lists = pa.array([["ab", "abc"]])
    options = {"use_dictionary": False, "column_encoding": {"column.list.element": "DELTA_BYTE_ARRAY"}}
    with pytest.raises(DataError, match=r"column 'column.list.element' is encoded in a way that is not read"):
        rows(written(tmp_path / "l.parquet", lists, **options))


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["ä", None, ""]),
        pa.array(["ä", None], pa.large_string()),
        pa.array(["a", "b", "a"]).dictionary_encode(),
        pa.array([["a", None], [], None], pa.large_list(pa.large_string())),
        pa.array([{"bytes": b"1", "path": None}, None], pa.struct({"bytes": pa.binary(), "path": pa.string()})),
        pa.array([[{"x": ["a"]}]]),
        pa.array([1.5, None]),
        pa.array([], pa.string()),
    ],
)
def test_what_is_read_is_what_was_written(tmp_path, column):
    path = written(tmp_path / "plain.parquet", column)
    assert [row["column"] for row in rows(path)] == column.to_pylist()
    first = next(parquet_batches(path))
    assert first.schema.names == ["column"] and not isinstance(first.column(0), pa.DictionaryArray)


@pytest.mark.parametrize(
    "column", [[["q", "r"], [], None] * 4, [{"bytes": b"1", "path": "p"}, None, {"bytes": None, "path": None}] * 4]
)
def test_texts_in_lists_and_structs_of_several_row_groups(tmp_path, column):
    path = written(tmp_path / "groups.parquet", pa.array(column), row_group_size=5)
    assert [row["column"] for row in rows(path)] == column


def test_some_columns_in_batches(tmp_path):
    path = tmp_path / "two.parquet"
    pq.write_table(pa.table({"a": [1, 2, 3], "b": ["x", "y", "z"]}), path)
    assert [b.to_pylist() for b in parquet_batches(path, ["b"], rows=2)] == [[{"b": "x"}, {"b": "y"}], [{"b": "z"}]]


#: Thrift: how many values of a column stand at each level of repetition (none) and of definition (0 and 3), and
#: the same with a level of definition less than the column has.
LEVELS, FEWER = bytes.fromhex("290619260006"), bytes.fromhex("291600191606")


@pytest.mark.parametrize("groups", [1, 3])
def test_a_footer_that_contradicts_itself(tmp_path, groups):
    """Asked about such a part, pyarrow ends the process: ``terminate called``, which nobody can catch."""
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"b": ["x", "y", "z"] * groups, "a": [1] * 3 * groups}), path, row_group_size=3)
    content = path.read_bytes()
    assert content.count(LEVELS) == groups, "pyarrow writes it otherwise by now"
    at = content.rindex(LEVELS)
    path.write_bytes(content[:at] + FEWER + content[at + len(FEWER) :])
    with pytest.raises(DataError, match=r"x\.parquet: cannot be read as parquet \(.*histogram size mismatch"):
        rows(path)
    assert len(rows(path, columns=["b"])) == 3 * groups


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet" * 100])
def test_what_is_none_is_one_line(tmp_path, content):
    path = tmp_path / "x.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x\.parquet: cannot be read as parquet \("):
        rows(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_and_nothing_at_all(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe: no plain file"):
        rows(tmp_path / "pipe")
    with pytest.raises(FileNotFoundError):
        rows(tmp_path / "none")
