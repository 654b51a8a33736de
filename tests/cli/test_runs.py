"""``unlearnzoo runs`` as a user calls it."""

import json
import os

import pytest

from tests.support.records import finished
from unlearnzoo.cli import main
from unlearnzoo.records.record import Record


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def test_newest_first_with_what_a_user_looks_for(runs, capsys):
    first, second = finished(runs, "ga", 0.4), finished(runs, "npo", 0.7)
    assert main(["runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith(second["folder"].rpartition("/")[2])
    assert lines[1].split()[1:] == ["tiny", "finished", "yes", "EMf", "0/0", "EMr", "70/70"]
    assert lines[2].startswith(first["folder"].rpartition("/")[2])


def test_damaged_and_unfinished_ones_are_rows(runs, capsys):
    Record.open(runs, algo="npo", bench="remem", algorithm={"name": "npo"})
    with Record.open(runs, algo="gd", bench="remem", algorithm={"name": "gd"}):
        pass
    (runs / "broken\x1b[2J").mkdir()
    os.utime(runs / "broken\x1b[2J", (0, 0))
    assert main(["runs"]) == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert lines[1].split()[1:] == ["–", "failed", "–", "–"]
    assert lines[2].strip() == "the run ended without a result"
    assert lines[3].split()[1:] == ["–", "started", "–", "–"]
    assert lines[4].split() == ["broken\\x1b[2J", "–", "unreadable", "–", "–"]
    assert lines[5].strip() == "no run's folder; it has no run.json"
    assert "\x1b" not in text


def test_json(runs, capsys):
    record = finished(runs, "npo", 0.7)
    (runs / "broken").mkdir()
    os.utime(runs / "broken", (0, 0))
    assert main(["runs", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first == {
        "name": record["folder"].rpartition("/")[2],
        "time": record["time"],
        "algorithm": "npo",
        "benchmark": "remem",
        "model": "tiny",
        "seed": 0,
        "status": "finished",
        "valid": True,
        "end": {
            "EMf": {"single": 0.0, "multi": 0.0},
            "EMr": {"single": pytest.approx(0.7), "multi": pytest.approx(0.7)},
        },
        "folder": record["folder"].replace(str(runs), "runs"),
        "reason": None,
    }
    assert (second["status"], second["algorithm"]) == ("unreadable", None)


def test_nothing_there(runs, capsys):
    assert main(["runs"]) == 0
    assert capsys.readouterr().out == ("no runs in runs; start one: unlearnzoo run --algo npo --bench remem\n")
    assert main(["runs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_another_folder_and_one_that_is_none(runs, capsys, tmp_path):
    finished(tmp_path / "mine")
    assert main(["runs", "--runs-dir", "mine"]) == 0
    assert "finished" in capsys.readouterr().out
    (tmp_path / "file").write_text("x")
    assert main(["runs", "--runs-dir", "file"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Error: file: the runs cannot be listed")
    assert captured.err.count("\n") == 1
