"""The gate groups by the tags of the benchmark's own curve column, whatever they are, or by none."""

import dataclasses
import math
from types import SimpleNamespace

import pytest

import unlearnzoo
from tests.runs.bare import MODEL
from tests.support.untagged import FILE
from tests.testing.mutants.small import Small
from unlearnzoo import Column
from unlearnzoo.evaluation.samples import Sample, read_samples
from unlearnzoo.planning.limits import Limit
from unlearnzoo.records.record import Record
from unlearnzoo.runs import gate
from unlearnzoo.runs.progress import ConsoleProgress
from unlearnzoo.training.recipe import Learn

REGION = {"ann": "north", "bob": "north", "cid": "south", "dora": "south"}


def planned(by):
    bench = Small()
    bench.prepare()
    columns = (
        Column("F", "finetune", "x/share", "forget", "low", by),
        Column("R", "retain", "x/share", "retain", "high"),
    )
    bench.curve = ("F", "R")
    return SimpleNamespace(
        benchmark=bench,
        evals=columns,
        examples=bench.examples,
        request=SimpleNamespace(precision=None),
        limits={},
        learn=Learn(),
    )


def answered(plan, scores):
    """Return the target's samples: each identity's rows have one score; tagged by region alone."""
    return [
        Sample("target", i.split, i.example.id, who, {"region": REGION[who]}, "?", "!", "!", {"x/share": scores[who]})
        for i in gate.items(plan)
        for who in [i.example.identity]
    ]


@pytest.mark.parametrize(
    ("by", "groups", "means"),
    [
        ((), [{}], [0.625]),
        (("region",), [{"region": "north"}, {"region": "south"}], [0.75, 0.5]),
        (("hop",), [{"hop": ""}], [0.625]),  # no row has it
    ],
)
def test_rows_are_grouped_as_the_column_says(by, groups, means):
    plan = planned(by)
    rows = gate.evaluate(plan, None, answered(plan, {"ann": 1.0, "bob": 0.5, "cid": 0.0, "dora": 1.0}))
    assert [row["group"] for row in rows] == groups and [row["target"] for row in rows] == means
    assert rows[0]["target_forget"] == 1.0 and rows[0]["n"] == {"base": 0, "target": 8 // len(rows), "target_forget": 2}


@pytest.mark.parametrize(("by", "where"), [((), "finetune"), (("region",), "finetune, south-region")])
def test_the_worst_group_is_named(by, where):
    plan = planned(by)
    rows = gate.evaluate(plan, None, answered(plan, dict.fromkeys(REGION, 0.5) | {"cid": 0.0}))
    assert gate.failure(plan, rows, None).startswith(
        f"stage 1 failed: SHARE {25 if by else 38} % < 80 % ({where}); unlearning a model that never memorised"
    )
    assert gate.failure(plan, gate.evaluate(plan, None, answered(plan, dict.fromkeys(REGION, 1.0))), None) is None


@pytest.mark.parametrize(
    ("more", "target", "advice"),
    [
        ({}, None, "Train longer (--set learn.epochs=…)"),
        ({"learn": Learn(steps=9)}, None, "Train longer (--set learn.steps=…)"),
        ({}, "mine/llava", "Train 'mine/llava' longer on these rows before you give it as --target"),
        (
            {"limits": {"finetune": Limit(12, "longest answer + 8", 4, "r", 9)}},
            None,
            "Train longer (--set learn.epochs=…)",
        ),
        (
            {"limits": {"finetune": Limit(3, "--max-new-tokens", 7, "r", 9)}},
            "mine",
            "Leave out --max-new-tokens 3, which cuts answers of finetune before their end (the longest has 7 tokens), "
            "or train 'mine' longer on these rows before you give it as --target",
        ),
        (
            {"request": SimpleNamespace(precision="4bit")},
            None,
            "Train longer (--set learn.epochs=…), or try --precision fp32, since 4bit rounds what it knows",
        ),
    ],
)
def test_the_advice_fits_the_case(more, target, advice):
    plan = planned(())
    vars(plan).update(more)
    said = gate.failure(plan, gate.evaluate(plan, None, answered(plan, dict.fromkeys(REGION, 0.0))), target)
    assert said.endswith(f"means nothing. {advice}, or go on with --allow-unmemorised")


def test_the_answers_of_a_failed_gate_are_kept(tmp_path):
    """Those of the columns, scored by all metrics, and those that the gate alone asked for."""
    plan = planned(())
    asked = answered(plan, dict.fromkeys(REGION, 0.25))
    of_columns = [dataclasses.replace(s, scores={**s.scores, "x/other": 1.0}) for s in asked[:2]]
    with Record.open(tmp_path, algo="ga", bench="small") as record:
        gate.keep(plan, record, of_columns, asked)
    kept = read_samples(record.folder / "samples.parquet")
    assert len(kept) == len(asked) and sum("x/other" in s.scores for s in kept) == 2
    assert {row["model"]: row["mean"] for row in record.data["results"] if row["column"] == "F"} == {"target": 0.25}


def test_answers_that_could_not_be_scored_are_said(capsys):
    """A gate passed by two answers of eight looks like one passed by all."""
    plan = planned(())
    samples = answered(plan, dict.fromkeys(REGION, 1.0))
    lacking = [dataclasses.replace(s, scores={"x/share": math.nan}) for s in samples[2:]]
    rows = gate.evaluate(plan, None, [*samples[:2], *lacking])
    assert rows[0]["n"]["target"] == 2 and rows[0]["unscored"] == {"base": 0, "target": 6, "target_forget": 0}
    ConsoleProgress().gate(rows)
    assert "SHARE 100 % (6 of 8 unscored)" in " ".join(capsys.readouterr().err.split())
    low = [dataclasses.replace(s, scores={"x/share": 0.5}) for s in samples[:2]]
    assert gate.failure(plan, gate.evaluate(plan, None, [*low, *lacking]), None).startswith(
        "stage 1 failed: SHARE 50 % of the 2 of 8 answers that could be scored < 80 % (finetune)"
    )


def test_a_run_of_a_benchmark_without_tags_is_followed_by_probability(tmp_path, monkeypatch):
    """It ended in a KeyError after stage 1, for the tag; and nothing but EMf was a column to stop at."""
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "bare.py").write_text(FILE)
    (record,) = unlearnzoo.run(
        "ga",
        "bare",
        plugins=[tmp_path / "bare.py"],
        model=str(MODEL),
        recipe="tiny",
        runs_dir=tmp_path / "runs",
        stop_at="Pf=.001",
        allow_unmemorised=True,
        options={"learn.steps": 2, "learn.replay": 0, "unlearn.steps": 6, "unlearn.lr": 1e-2, "learn.batch": 4},
    )
    assert record["status"] == "finished" and [row["group"] for row in record["gate"]] == [{}]
    assert record["gate"][0]["metric"] == "unlearnzoo-metrics/probability"
    first, last = record["curve"][0], record["curve"][-1]
    assert set(first) == {"step", "Pf", "Pr"} and set(first["Pf"]) == set(last["Pr"]) == {""}
    assert last["Pf"][""] < first["Pf"][""] and set(record["matched"]["0.50"]) == {""}
