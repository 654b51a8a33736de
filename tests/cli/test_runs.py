"""``unlearnzoo runs`` as a user calls it."""

import json
import os
from pathlib import Path

import pytest

from tests.support.records import finished
from unlearnzoo.cli import main
from unlearnzoo.records.record import Record
from unlearnzoo.records.secrets import Masker


def ends(record):
    """Return what is to stand at the end of a run's line: the numbers of its results, as a report has them."""
    own = {(row["column"], row["group"].get("hop")): row["mean"] for row in record["results"]}
    own |= {
        (r["column"], r["group"]["hop"]): r["mean"]
        for r in record["results"]
        if r["model"] == "unlearned" and r["group"]
    }
    return [w for c in ("EMf", "EMr") for w in (c, "/".join(f"{100 * own[c, hop]:.0f}" for hop in ("multi", "single")))]


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def test_newest_first_with_what_a_user_looks_for(runs, capsys):
    first, second = finished(runs, "ga", 0.4), finished(runs, "npo", 0.7)
    assert main(["runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith(second["folder"].rpartition("/")[2])
    assert lines[1].split()[1:] == ["tiny", "finished", "yes", "forgotten", *ends(second)]
    assert lines[2].startswith(first["folder"].rpartition("/")[2])


def test_the_heading_says_which_group_stands_where(runs, capsys):
    finished(runs, "ga", 0.4)
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith("at the end (multi/single)")


def test_damaged_and_unfinished_ones_are_rows(runs, capsys):
    Record.open(runs, algo="npo", bench="remem", algorithm={"name": "npo"})
    with Record.open(runs, algo="gd", bench="remem", algorithm={"name": "gd"}):
        pass
    (runs / "broken\x1b[2J").mkdir()
    os.utime(runs / "broken\x1b[2J", (0, 0))
    assert main(["runs"]) == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert lines[1].split()[1:] == ["–", "failed", "–", "–", "–"]
    assert lines[2].strip() == "the run ended without a result"
    assert lines[3].split()[1:] == ["–", "started", "–", "–", "–"]
    assert lines[4].split() == ["broken\\x1b[2J", "–", "unreadable", "–", "–", "–"]
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
        "verdict": "forgotten",
        "end": {
            column: {
                row["group"]["hop"]: row["mean"]
                for row in record["results"]
                if (row["model"], row["column"]) == ("unlearned", column)
            }
            for column in ("EMf", "EMr")
        },
        "unscored": {},
        "step": None,
        "folder": record["folder"].replace(str(runs), "runs"),
        "reason": None,
    }
    assert (second["status"], second["algorithm"]) == ("unreadable", None)


def test_the_numbers_are_those_of_the_report_not_of_the_curve(runs, capsys):
    """A point of the curve asks a part of the utility rows: "Figures 0" beside the report's 3.0."""
    point = {"EMf": {"single": 0.0, "multi": 0.0}, "EMr": {"single": 0.5, "multi": 0.5}, "public EM": {"": 0.0}}
    record = finished(runs, "npo", 0.7)
    curve = [{"step": 0, **point}, {"step": 8, **point}]
    own = Record(Path(record["folder"]), {k: v for k, v in record.items() if k != "folder"}, Masker("", {}))
    own.update(curve=curve)
    (whole,) = (r for r in record["results"] if (r["model"], r["column"]) == ("unlearned", "public EM"))
    assert main(["runs"]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.endswith(f"public EM {100 * whole['mean']:.0f}") and whole["mean"] > 0.5
    assert main(["report", record["folder"]]) == 0
    assert f"{100 * whole['mean']:.1f}" in capsys.readouterr().out
    own.update(results=[{**r, "unscored": 5} if r == whole else r for r in record["results"]])
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith("(5 unscored)")
    own.update(results=[], status="interrupted", verdict=None)
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith("public EM 0  at step 8")


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
