"""``--require``: an exit code of its own, after all is written and shown."""

import json

import pytest

from tests.support import three
from tests.support.records import finished
from unlearnzoo.cli import main
from unlearnzoo.records.evidence import aims

ASKED = {"EMf": 0.1, "EMr": 0.5}


@pytest.fixture
def ended(tmp_path, monkeypatch):
    """Let a run end with two records: of an algorithm that keeps 80 %, and of one that keeps nothing."""
    plan = {"aims": aims(("EMf", "EMr"), None, ASKED)}
    records = [finished(tmp_path, algo, kept, forgot=0.0, plan=plan) for algo, kept in (("gd", 0.9), ("npo", 0.0))]
    monkeypatch.setattr("unlearnzoo.runs.pipeline.execute", lambda *given: records)
    return records


def run(*more):
    words = ["run", "--algo", "gd,npo", "--bench", "remem", *three.arguments(), "--require", "EMf=.10,EMr=.50"]
    return main([*words, *more])


def test_it_is_5_and_names_the_algorithm_that_failed_after_the_tables(ended, capsys):
    assert run() == 5
    out, err = capsys.readouterr()
    assert "Verdict on npo: forgotten, and not kept." in out and "--require: not reached" in out
    assert "Verdict on gd: forgotten, and kept." in out and "--require: reached" in out
    last = err.splitlines()[-1]
    assert last.startswith("Error: --require is not reached by npo (EMr multi 0 %, single 0 % (asked: at least 50 %))")
    assert "gd" not in last and "point values" in last


def test_json_is_whole(ended, capsys):
    assert run("--json") == 5
    printed = json.loads(capsys.readouterr().out)
    assert [record["verdict"]["required"]["holds"] for record in printed] == [True, False]


def test_it_is_0_where_all_reach_it(ended, capsys):
    del ended[1]
    assert run() == 0
    assert "Error" not in capsys.readouterr().err


def test_a_run_that_diverged_does_not_reach_it(ended, capsys):
    ended[1] |= {"status": "diverged", "error": "x"}
    ended[1]["results"] = [row for row in ended[1]["results"] if row["model"] != "unlearned"]
    del ended[1]["verdict"]
    assert run() == 5
    assert "npo (EMf nothing was scored (asked: at most 10 %)" in " ".join(capsys.readouterr().err.split())


def test_a_column_that_the_run_lacks_is_refused_before_it(ended, capsys):
    words = ["run", "--algo", "npo", "--bench", "remem", *three.arguments(), "--require", "EMx=.10"]
    assert main(words) == 2
    assert "--require EMx: this run has no such column; it has ROUGE, EMr" in capsys.readouterr().err


def test_a_stop_above_what_is_required_is_refused_before_it(ended, capsys):
    words = ["run", "--algo", "npo", "--bench", "remem", *three.arguments(), "--require", "EMf=.10", "--dry-run"]
    assert main([*words, "--stop-at", "EMf=.35"]) == 2
    told = "--stop-at EMf=35% ends stage 2 before --require EMf=10% is reached; write --stop-at EMf=10% or less"
    assert told in " ".join(capsys.readouterr().err.split())
    assert main([*words, "--stop-at", "EMf=.10"]) == 0
