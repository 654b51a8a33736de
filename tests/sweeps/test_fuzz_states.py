"""States of sweeps and tunings that somebody edited: read as they are, or refused in one line."""

import copy
import json
import os

import pytest

from tests.support.mutations import DEEP, mutated
from tests.support.records import finished
from unlearnzoo.cli import main
from unlearnzoo.cli.tune import _lines
from unlearnzoo.errors import ZooError
from unlearnzoo.sweeps import tabulate
from unlearnzoo.sweeps.spec import Spec
from unlearnzoo.sweeps.state import RESULT, RUNS, Point, write_result
from unlearnzoo.tuning.state import open_state

FEW, MANY = 60, 1000
RANGES = {"npo": {"unlearn.lr": {"low": 1e-4, "high": 1e-2, "scale": "log"}}}
SETTING = {"algo": "npo", "setting": 0, "values": {"unlearn.lr": 1e-3}, "status": "finished", "run": "r", "score": 0.5}
SETTING |= {"lowest": None, "kept": {"single": 0.5}, "seconds": 1.5}
PROTOCOL = {"bench": "remem", "validation": {"remem.draw": 1}, "objective": "least EMr at EMf = 0.10"}
TUNE = {
    "schema": 1,
    "protocol": PROTOCOL,
    "ranges": RANGES,
    "settings": [SETTING],
    "best": {"npo": {**SETTING, "config": "tune/npo.yaml", "tried": 1}},
}


@pytest.fixture
def point(tmp_path):
    """A finished point and its record."""
    found = Point({"seed": 0}, ("run", "--seed=0"), tmp_path / "points" / "p")
    record = finished(found.folder / RUNS)
    write_result(found.folder, 0, seconds=1.0, started="2026-01-01T00:00:00+00:00", argv=["run"], records=["r"])
    (found.folder / RUNS / record["folder"].rpartition("/")[2]).rename(found.folder / RUNS / "r")
    return found


@pytest.mark.parametrize(
    "change",
    [
        {"records": ["../../../secret"]},
        {"records": [".."]},
        {"records": ["/etc"]},
        {"records": ["a\\b"]},
        {"records": ["é" * 200]},
        {"records": ["\ud800"]},
        {"seconds": -1},
        {"seconds": 1e300},
        {"exit": 10**12},
    ],
)
def test_a_result_that_no_point_writes_is_none(point, change):
    known = json.loads((point.folder / RESULT).read_text())
    assert point.status == "finished"
    (point.folder / RESULT).write_text(json.dumps(known | change))
    assert point.result is None and point.status == "open"


@pytest.mark.parametrize("content", ['{"exit": 0, "seconds": NaN}', DEEP, '{"exit": ' + "1" * 5000 + "}"])
def test_a_result_that_is_no_json(point, content):
    (point.folder / RESULT).write_text(content)
    assert point.result is None


def test_a_pipe_in_place_of_a_result_does_not_wait(point):
    (point.folder / RESULT).unlink()
    os.mkfifo(point.folder / RESULT)
    assert point.result is None


def hold_result(point, numbers):
    known = json.loads((point.folder / RESULT).read_text())
    spec = Spec("mine", ("run",), {}, (), ("seed",), ("EMf", "EMr@0.10"), {"columns": ()}, {})
    for number in numbers:
        done, text = mutated(known, number)
        (point.folder / RESULT).write_text(text)
        try:
            found = tabulate.read(spec, [point])
            tabulate.unlike(found)
            data = tabulate.as_data(spec, [point], tabulate.rows(spec, found), found)
            json.dumps(data, allow_nan=False)
            told = "".join(one.problem or "" for one in found)
        except ZooError as error:
            told = str(error)
        except Exception as error:
            raise AssertionError(f"{done}: {error!r}") from error
        assert "\n" not in told, done


def hold_tune(tmp_path, numbers):
    for number in numbers:
        done, text = mutated(TUNE, number)
        (tmp_path / "tune.json").write_text(text)
        try:
            state = open_state(tmp_path, copy.deepcopy(PROTOCOL), RANGES)
            told = "".join(_lines(state, 1))
            json.dumps(state, allow_nan=False)
        except ZooError as error:
            told = str(error).replace("\n", "\x1b")
        except Exception as error:
            raise AssertionError(f"{done}: {error!r}") from error
        assert "\x1b" not in told, done


def test_some_edited_results(point):
    hold_result(point, range(FEW))


@pytest.mark.slow
def test_some_edited_tunings(tmp_path):
    hold_tune(tmp_path, range(FEW))


@pytest.mark.soak
def test_many_edits(point, tmp_path):
    hold_result(point, range(MANY))
    hold_tune(tmp_path, range(MANY))


def test_a_plan_of_a_sweep_with_edited_results(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text("command: run\nfixed: {algo: npo, bench: remem}\naxes: {seed: [0, 1]}\n")
    assert main(["sweep", "s.yaml", "--dry-run", "--json"]) == 0
    keys = [row["key"] for row in json.loads(capsys.readouterr().out)]
    for key, change in zip(keys, ('{"exit": 1, "error": "\x1b[31m\\n\\u001b[31mx"}', "{"), strict=True):
        (tmp_path / "sweeps/s/points" / key).mkdir(parents=True)
        (tmp_path / "sweeps/s/points" / key / RESULT).write_text(change.replace("\x1b", ""))
    assert main(["sweep", "s.yaml", "--dry-run"]) == 0
    told = capsys.readouterr()
    assert "1 failed, 1 open" in told.err and "\x1b" not in told.err + told.out
