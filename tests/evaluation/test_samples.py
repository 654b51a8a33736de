"""Samples on disk: real parquet, exact round trips, and files that are no samples."""

import math
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.samples import EM, sample
from unlearnzoo import DataError
from unlearnzoo.evaluation.samples import read_samples, write_samples


def test_round_trip_keeps_everything(tmp_path):
    given = [
        sample(1.0, details={"rank": 3.5, "candidates": 20.0}, question="Zoë\n[b]?\x1b", answer="«»"),
        sample(0.0, number=1, prediction=None, tags={}),
        sample(0.25, number=2, metric="other/metric@1f", tags={"hop": "multi", "ünïcode": "x"}),
    ]
    write_samples(tmp_path / "s.parquet", given)
    assert read_samples(tmp_path / "s.parquet") == given


def test_unscored_and_not_asked_are_two_things(tmp_path):
    write_samples(tmp_path / "s.parquet", [sample(math.nan), sample(1.0, metric="a/b", number=1)])
    first, second = read_samples(tmp_path / "s.parquet")
    assert math.isnan(first.scores[EM])
    assert "a/b" not in first.scores
    assert second.scores == {"a/b": 1.0}


def test_columns_are_named_as_in_the_data(tmp_path):
    write_samples(tmp_path / "s.parquet", [sample(1.0, details={"rank": 1.0})])
    assert pq.read_table(tmp_path / "s.parquet").column_names == [
        "model",
        "split",
        "id",
        "identity",
        "question",
        "answer",
        "prediction",
        "attribute",
        "hop",
        EM,
        "rank",
    ]


def test_a_tag_named_like_a_field_keeps_its_name(tmp_path):
    given = [sample(1.0, tags={"model": "x", "id": "y", "rank": "z"}, details={"rank": 1.0})]
    write_samples(tmp_path / "s.parquet", given)
    assert read_samples(tmp_path / "s.parquet") == given


def couple(score, **more):
    return sample(score, identity="", identities=("ann", "bob"), **more)


def test_everybody_of_a_row_is_kept(tmp_path):
    given = [sample(1.0, identity="Smith; Sons"), couple(0.0, number=1), couple(1.0, number=2)]
    write_samples(tmp_path / "s.parquet", given)
    found = read_samples(tmp_path / "s.parquet")
    assert found == given and [s.identities for s in found] == [("Smith; Sons",), ("ann", "bob"), ("ann", "bob")]
    table = pq.read_table(tmp_path / "s.parquet")
    assert table["identity"].to_pylist() == ["Smith; Sons", "ann; bob", "ann; bob"]
    assert table["identities"].to_pylist() == [["Smith; Sons"], ["ann", "bob"], ["ann", "bob"]]


def test_a_tag_named_identities_is_another_column(tmp_path):
    given = [couple(0.0, tags={"identities": "x"})]
    write_samples(tmp_path / "s.parquet", given)
    assert read_samples(tmp_path / "s.parquet") == given


@pytest.mark.parametrize("cell", [None, [], [None], ["ann", None], ["bob", "cid"]])
def test_who_a_row_is_about_is_never_guessed(tmp_path, cell):
    write_samples(tmp_path / "s.parquet", [couple(0.0, number=7)])
    table = pq.read_table(tmp_path / "s.parquet")
    at = table.schema.get_field_index("identities")
    changed = pa.array([cell], pa.list_(pa.string()))
    pq.write_table(table.set_column(at, table.schema.field(at), changed), tmp_path / "s.parquet")
    with pytest.raises(DataError, match=r"s\.parquet: .*'finetune--7'.*identities"):
        read_samples(tmp_path / "s.parquet")


def test_no_samples_at_all(tmp_path):
    write_samples(tmp_path / "s.parquet", [])
    assert read_samples(tmp_path / "s.parquet") == []


def test_a_second_write_replaces_the_first(tmp_path):
    write_samples(tmp_path / "s.parquet", [sample(1.0)])
    write_samples(tmp_path / "s.parquet", [sample(0.0)])
    assert [s.scores[EM] for s in read_samples(tmp_path / "s.parquet")] == [0.0]
    assert [p.name for p in tmp_path.iterdir()] == ["s.parquet"]


def test_only_the_owner_reads_them(tmp_path):
    write_samples(tmp_path / "s.parquet", [sample(1.0)])
    assert (tmp_path / "s.parquet").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet" * 100])
def test_damaged_file(tmp_path, content):
    (tmp_path / "s.parquet").write_bytes(content)
    with pytest.raises(DataError, match=r"s\.parquet: cannot be read as parquet"):
        read_samples(tmp_path / "s.parquet")


def test_truncated_file(tmp_path):
    write_samples(tmp_path / "s.parquet", [sample(1.0)])
    whole = (tmp_path / "s.parquet").read_bytes()
    for cut in range(0, len(whole), 97):
        (tmp_path / "s.parquet").write_bytes(whole[:cut])
        with pytest.raises(DataError):
            read_samples(tmp_path / "s.parquet")


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_samples(tmp_path / "none.parquet")
    pq.write_table(pa.table({"model": ["base"]}), tmp_path / "foreign.parquet")
    with pytest.raises(DataError, match="no samples of a run"):
        read_samples(tmp_path / "foreign.parquet")


def test_a_flipped_bit_in_the_values_is_seen(tmp_path):
    path, samples = tmp_path / "s.parquet", [sample(i / 7, question=f"Who is {i}?", number=i) for i in range(50)]
    write_samples(path, samples)
    whole = path.read_bytes()
    values, draw, seen = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little"), random.Random(0), 0
    for _ in range(60):
        bad = bytearray(whole)
        bad[draw.randrange(values)] ^= 1 << draw.randrange(8)
        path.write_bytes(bad)
        try:
            assert read_samples(path) == samples  # of a page's header, say, what nobody reads
        except DataError:
            seen += 1
    assert seen > 30
