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


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("NaN", "NaN is no finite number"),
        ("-Infinity", "-Infinity is no finite number"),
        ("1e999", "1e999 is no finite number"),
        ("1" * 400, "11111111111111111111… is no number of 64 bits"),
        ("[" * 200 + "]" * 200, "it is nested deeper than 64 levels"),
    ],
)
def test_what_json_can_say_and_no_run_writes(tmp_path, value, told):
    (tmp_path / "run.json").write_text(f'{{"schema": 2, "x": {value}}}')
    with pytest.raises(DataError, match=f"run.json: damaged; {told}$"):
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
        ({"status": "x" * 100_000}, f"`status`: invalid enum value '{'x' * 100}"),
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
        ({"curve": [{"EMf": {"single": 0.5}}]}, "`curve[0].step`: expected a whole number from 0 on, got None"),
        ({"curve": [{"step": 4}, {"step": 2}]}, "`curve[1].step`: expected a whole number from 4 on, got 2"),
        ({"curve": [{"step": 4, "EMf": 2}]}, "`curve[0].EMf`: expected `object`, got 2"),
        ({"curve": [{"step": -1}]}, "`curve[0][...]`: expected `int` >= 0"),
        ({"curve": [{"step": 1, "EMf": {"single": 1.5}}]}, "`curve[0][...][...]`: expected `float` <= 1.000000001"),
        ({"matched": {"half": {}}}, "`matched`: expected `str` matching regex"),
        ({"results": [{**ROW, "mean": 7.5}]}, "`results[0].mean`: expected a score from 0 to 1, got 7.5"),
        (
            {"results": [{**ROW, "mean": 1e300, "detail": "rank"}]},
            "`results[0].mean`: expected `float` <= 1000000000000.0",
        ),
        ({"results": [{**ROW, "n": -1}]}, "`results[0].n`: expected `int` >= 0"),
        ({"seed": -1}, "`seed`: expected `int` >= 0"),
        ({"seconds": {"total": -0.5}}, "`seconds[...]`: expected `float` >= 0.0"),
        ({"time": "yesterday"}, "`time`: expected `str` matching regex"),
        ({"algorithm": {"options": "\ud800"}}, "a text holds half of a character"),
        ({"model": None}, "`model`: expected `object`, got `null`"),
        ({"target": {"judged": "x"}}, "`target.judged`: expected `array | null`, got `str`"),
        ({"plan": {"learn": {"units": "8"}}}, "`plan.learn.units`: expected `int`, got `str`"),
    ],
)
def test_a_damaged_record_is_one_line_that_names_the_key(tmp_path, changes, told):
    with pytest.raises(DataError) as caught:
        store.load(edited(tmp_path, **changes))
    assert f"run.json: damaged; {told}" in str(caught.value)
    assert len(str(caught.value)) < 500 + len(str(tmp_path))


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
