"""Utility benchmarks beside a run: how they are named, where their columns stand, and that data decide their ids."""

import dataclasses
import json

import pytest

from tests.support import three
from tests.testing.mutants.utilities import Quiz
from unlearnzoo.cli import main
from unlearnzoo.planning import utility
from unlearnzoo.reports.report import render

PLUGIN = '''
from unlearnzoo import Column, hookimpl
from tests.testing.mutants.small import Small
from tests.testing.mutants.utilities import Quiz

class Puzzle(Quiz):
    """A quiz whose column has the name of one of ReMem's."""
    name = "puzzle"
    evals = (Column("EMr", "asked", "unlearnzoo-metrics/em", "all", "high", by=()),)

@hookimpl
def unlearnzoo_benchmarks():
    return [Quiz, Puzzle, Small]
'''


@pytest.fixture
def asked(tmp_path, capsys):
    """Dry-run a command and return its exit code, its JSON and stderr."""
    file = tmp_path / "quizzes.py"
    file.write_text(PLUGIN)

    def dry(*arguments, bench="remem"):
        code = main(
            [
                "run",
                "--algo",
                "npo",
                "--bench",
                bench,
                "--plugin",
                str(file),
                "--dry-run",
                "--json",
                *(three.arguments() if bench == "remem" else ()),
                *arguments,
            ]
        )
        out, err = capsys.readouterr()
        return code, json.loads(out or "null"), err

    return dry


def test_its_columns_stand_at_the_end_of_the_plan(asked):
    code, plan, err = asked("--utility", "quiz")
    assert code == 0 and plan["columns"][-3:] == ["Figures", "Visual", "Quiz"]
    assert "quiz asked 8 answers" in " ".join(err.split())
    assert asked()[1]["columns"][-1] == "Visual"


@pytest.mark.parametrize(
    ("arguments", "bench", "text"),
    [
        ((), "quiz", "--bench quiz: it only measures, there is nothing to forget in it; name it with --utility quiz"),
        (("--utility", "small"), "remem", "--utility small: it is to be learned and forgotten; name it with --bench"),
        (("--utility", "quiz,quiz"), "remem", "quiz is named twice by --bench and --utility"),
        (("--utility", "puzzle"), "remem", "--utility puzzle: another part of this run has a column 'EMr', too"),
        (("--utility", "quizz"), "remem", "did you mean 'quiz'?"),
        (("--utility", "quiz", "--set", "quiz.level=0"), "remem", "quiz has no option 'level'"),
    ],
)
def test_what_is_refused(asked, arguments, bench, text):
    code, plan, err = asked(*arguments, bench=bench)
    assert code == 2 and plan is None and text in err and len(err.strip().splitlines()) == 1


def test_the_data_decide_the_ids():
    """What was judged is kept by id: the same ids over other data must not find it."""
    one, other = Quiz(), Quiz()
    one.prepare(), other.prepare()
    other.splits["asked"][0] = dataclasses.replace(other.splits["asked"][0], question="Another one?")
    ids = [[e.id for e in utility.rows({"quiz": quiz}, [], "quiz/asked")] for quiz in (one, other)]
    assert not set(ids[0]) & set(ids[1])
    assert (
        [i.partition("/")[2] for i in ids[0]]
        == [i.partition("/")[2] for i in ids[1]]
        == [e.id for e in one.examples("asked")]
    )
    own = [dataclasses.replace(e, tags={"kind": kind}) for e, kind in zip(one.examples("asked"), "ab", strict=False)]
    assert utility.rows({"quiz": one}, own, "b") == own[1:2]


def test_utility_stands_under_one_heading(tmp_path):
    from tests.support.records import finished

    record = finished(tmp_path)
    for row, split in zip(
        [r for r in record["results"] if r["column"] == "public EM"],
        ("utility:visual", "utility:quiz/asked", "utility:figure"),
        strict=True,
    ):
        row["split"] = split
    line = render([record]).splitlines()[2]
    assert [part.strip() for part in line.split("|")] == ["single-hop", "multi-hop", "utility"]
