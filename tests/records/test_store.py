"""Finding and reading records, also damaged and foreign ones."""

import json
import os

import pytest

from tests.support.records import finished
from unlearnzoo.errors import DataError, UnknownName
from unlearnzoo.records import store
from unlearnzoo.records.record import Record

ROW = {"model": "base", "split": "s", "column": "c", "who": "all", "want": "low", "metric": "m", "group": {}, "mean": 1}


def edited(tmp_path, **changes):
    """Return the folder of a record that somebody has edited."""
    record = finished(tmp_path / "runs")
    file = tmp_path / "runs" / record["folder"].rpartition("/")[2] / "run.json"
    found = json.loads(file.read_text())
    file.write_text(json.dumps({**found, **changes}))
    return file.parent


def test_load_by_folder_or_file(tmp_path):
    record = finished(tmp_path)
    for path in (tmp_path / record["folder"], tmp_path / record["folder"] / "run.json"):
        assert store.load(path) == record


def test_no_record(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "none", tmp_path / "file"):
        with pytest.raises(DataError, match=r"no run's folder; it has no run\.json"):
            store.load(path)


@pytest.mark.parametrize("content", [b"", b'{"schema": 1, ', b"\xff\xfe", b"[" * 100_000])
def test_damaged_json(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(DataError, match="damaged; it is no JSON"):
        store.load(tmp_path)


@pytest.mark.parametrize("content", ["[]", "3", "null", "{}"])
def test_other_json(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(DataError, match="no record of a run"):
        store.load(tmp_path)


@pytest.mark.parametrize("schema", [0, 3, None, "2", "x\x1b[31m"])
def test_other_schema(tmp_path, schema):
    with pytest.raises(DataError, match="this unlearnzoo reads 1 and 2") as caught:
        store.load(edited(tmp_path, schema=schema))
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"status": None}, "`status`: expected `str`, got `null`"),
        ({"status": "done\x1b"}, "`status`: invalid enum value 'done\\x1b'"),
        ({"algorithm": "npo"}, "`algorithm`: expected `object`, got `str`"),
        ({"algorithm": {"options": []}}, "`algorithm.options`: expected `object`, got `array`"),
        ({"results": 5}, "`results`: expected `array`, got `int`"),
        ({"results": [5]}, "`results[0]`: expected `object`, got `int`"),
        ({"results": [ROW, {**ROW, "group": []}]}, "`results[1].group`: expected `object`, got `array`"),
        ({"results": [{**ROW, "who": "me"}]}, "`results[0].who`: invalid enum value 'me'"),
        ({"results": [{k: v for k, v in ROW.items() if k != "mean"}]}, "`results[0].mean` is missing"),
        ({"curve": {}}, "`curve`: expected `array`, got `object`"),
        ({"curve": [{"step": 1, "EMf": 0.5}]}, "`curve[0][...]`: expected `int | object`, got `float`"),
        ({"matched": []}, "`matched`: expected `object`, got `array`"),
        ({"matched": {"0.50": 1}}, "`matched[...]`: expected `object`, got `int`"),
        ({"model": None}, "`model`: expected `object`, got `null`"),
        ({"target": {"judged": "x"}}, "`target.judged`: expected `array | null`, got `str`"),
        ({"plan": {"learn": {"units": "8"}}}, "`plan.learn.units`: expected `int`, got `str`"),
    ],
)
def test_a_damaged_record_is_one_line_that_names_the_key(tmp_path, changes, told):
    with pytest.raises(DataError) as caught:
        store.load(edited(tmp_path, **changes))
    assert str(caught.value).endswith(f"run.json: damaged; {told}")


def test_a_key_that_must_be_there(tmp_path):
    folder = edited(tmp_path)
    fields = json.loads((folder / "run.json").read_text())
    del fields["curve"]
    (folder / "run.json").write_text(json.dumps(fields))
    with pytest.raises(DataError, match="damaged; `curve` is missing$"):
        store.load(folder)


def test_keys_that_this_version_does_not_know_are_handed_out(tmp_path):
    later = {"audits": [{"name": "relearn"}], "model": {"name": "tiny", "family": "qwen"}}
    record = store.load(edited(tmp_path, **later))
    assert {key: record[key] for key in later} == later


def test_find_lists_newest_first_and_damaged_ones_too(tmp_path):
    first, second = finished(tmp_path, "ga"), finished(tmp_path, "npo")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")
    (tmp_path / "file").write_text("x")
    for name in ("empty", "broken"):
        os.utime(tmp_path / name, (0, 0))
    rows = store.find(tmp_path)
    assert [row["record"] for row in rows] == [second, first, None, None]
    assert rows[2]["reason"] == "no run's folder; it has no run.json"
    assert rows[3]["reason"].endswith("run.json: damaged; it is no JSON")


def test_find_where_nothing_is(tmp_path):
    assert store.find(tmp_path / "none") == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="cannot be listed"):
        store.find(tmp_path / "file")


def test_resolve_takes_paths_and_beginnings(tmp_path):
    names = ["2026-01-01_ga", "2026-01-01_ga-2", "2026-01-02_npo"]
    for name in names:
        (tmp_path / name).mkdir()
    assert store.resolve(str(tmp_path / names[0]), tmp_path) == tmp_path / names[0]
    assert store.resolve("2026-01-02", tmp_path) == tmp_path / names[2]
    assert store.resolve(names[0], tmp_path) == tmp_path / names[0]
    with pytest.raises(UnknownName, match="the beginning of 2 runs: 2026-01-01_ga, 2026-01-01_ga-2"):
        store.resolve("2026-01-01", tmp_path)
    for name in ("2027", "", "*", "../x"):
        with pytest.raises(UnknownName):
            store.resolve(name or "no", tmp_path)


def test_samples_of_a_run_that_did_not_get_so_far(tmp_path):
    record = Record.open(tmp_path, algo="npo", bench="remem", algorithm={"name": "npo"})
    assert store.samples(record.data) is None


def test_what_another_command_keeps_there_is_no_damaged_run(tmp_path):
    finished(tmp_path)
    (tmp_path / "diagnosis").mkdir()
    (tmp_path / "diagnosis/other.json").write_text("{}")
    (tmp_path / "killed").mkdir()
    assert {row["name"] for row in store.find(tmp_path) if row["record"] is None} == {"killed"}
    assert len(store.find(tmp_path)) == 2
