"""Rows about several people in a run: its pools, its gate, what is said of them afterwards and in a redacted record."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support import records
from tests.support.couples import ByLabel, Couples
from unlearnzoo import Column
from unlearnzoo.errors import PluginError
from unlearnzoo.evaluation.aggregate import results
from unlearnzoo.evaluation.evaluator import Evaluated
from unlearnzoo.evaluation.samples import TRUTH, read_samples, write_samples
from unlearnzoo.metric import Scored
from unlearnzoo.planning import checks, summary, text
from unlearnzoo.records.purge import purge
from unlearnzoo.records.redaction import Redactor
from unlearnzoo.records.store import load
from unlearnzoo.reports import gold_standard
from unlearnzoo.runs import gate, rescore
from unlearnzoo.runs.sample_cache import SampleCache

METRIC = "x/share"
COLUMNS = (
    Column("F", "finetune", METRIC, "forget", "low", by=()),
    Column("R", "finetune", METRIC, "retain", "high", by=()),
)


@pytest.fixture
def plan():
    bench = Couples()
    bench.prepare()
    bench.curve = ("F", "R")
    return SimpleNamespace(benchmark=bench, evals=COLUMNS, examples=bench.examples)


@pytest.fixture
def target(plan):
    """Ann's own two rows are known, hers with bob is not, and of all others each."""
    scores = {item.example.id: float(item.example.id != "finetune/ann-bob") for item in gate.items(plan)}
    return [
        Evaluated(item, "said", scores[item.example.id], {METRIC: Scored(scores[item.example.id])}).sample("target")
        for item in gate.items(plan)
    ]


def test_pools_count_everybody_once(plan):
    counts = summary.pools(plan)
    assert {name: (pool["rows"], pool["identities"]) for name, pool in counts.items()} == {
        "learn": (11, 4),
        "forget": (3, 2),  # ann's two, and hers with bob
        "retain": (8, 3),
    }


def test_the_plan_says_who_of_the_forget_pool_is_kept(plan):
    assert summary.pools(plan)["forget"]["kept"] == 1  # bob
    (line,) = [line for line in text._pool_lines(plan, summary.pools(plan)) if "forget pool" in line]
    assert line.endswith("3 answers about 2 people (1 of them kept) on 2 images (1.5 QA per image)")
    plan.benchmark.splits["finetune"] = [e for e in plan.benchmark.learn_pool() if len(e.identities) == 1]
    assert "kept" not in summary.pools(plan)["forget"]


def test_a_retain_pool_with_somebody_who_is_forgotten_is_refused(plan):
    request = SimpleNamespace(bench="couples", target=None)
    checks.check_pools(request, {}, plan.benchmark)
    wrong = ByLabel()
    wrong.prepare()
    with pytest.raises(
        PluginError, match="couples: row 'finetune/ann-bob' of its retain pool is about 'ann', who is forgo"
    ):
        checks.check_pools(request, {}, wrong)


def test_what_was_judged_before_is_about_whom_the_data_say(plan, target, tmp_path, monkeypatch):
    """A plugin may come to name two people in a row that named one when it was judged."""
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path))
    cache = SampleCache(SimpleNamespace(metrics={}), "target", "key", lambda metric: "")
    items = [dataclasses.replace(item, metrics=set()) for item in gate.items(plan)]
    cache.known = {(s.split, s.id): dataclasses.replace(s, identity="", identities=(s.identities[-1],)) for s in target}
    assert [cache._of(item).identities for item in items] == [s.identities for s in target]


def test_the_gate_counts_shared_rows_among_those_to_forget(plan, target):
    (row,) = gate.evaluate(plan, None, target)
    assert (row["n"]["target"], row["n"]["target_forget"]) == (11, 3)
    assert (row["target"], row["target_forget"]) == (10 / 11, 2 / 3)


def test_columns_part_where_pools_do(plan, target):
    forget, retain = results(target, COLUMNS, plan.benchmark.forget_identities())
    assert (forget["n"], forget["mean"], forget["clusters"]) == (3, 2 / 3, 1)  # ann and bob are one
    assert (retain["n"], retain["mean"], retain["clusters"]) == (8, 1.0, 1)  # bob, cid and dora are


def test_forget_quality_looks_at_shared_rows(target):
    truths = gold_standard._truths(target, "finetune", {}, frozenset({"ann"}))
    assert sorted(truths) == [0.0, 1.0, 1.0] == sorted(s.details[TRUTH] for s in target if "ann" in s.identities)


def test_a_redacted_record_names_nobody_and_counts_the_same(plan, target):
    bench = plan.benchmark
    redactor = Redactor(bench.learn_pool(), COLUMNS)
    samples = redactor.samples(target)
    told = {"benchmark": {"forget_identities": sorted(bench.forget_identities())}}
    gone = frozenset(redactor.fields(told)["benchmark"]["forget_identities"])
    assert gone == {redactor.name("ann")}
    assert results(samples, COLUMNS, gone) == results(target, COLUMNS, bench.forget_identities())
    couple = next(s for s in samples if s.id == redactor.name("finetune/ann-bob"))
    assert set(couple.identities) == {redactor.name("ann"), redactor.name("bob")}
    assert not [who for who in ("ann", "bob", "cid", "dora") for s in samples if who in str(s)]


def test_purge_leaves_no_row_about_anybody(tmp_path, monkeypatch, target):
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "cache"))
    folder = Path(records.finished(tmp_path / "runs")["folder"])
    write_samples(folder / "samples.parquet", target)
    assert [s.identities for s in read_samples(folder / "samples.parquet")][-1] == ("cid", "dora")
    purge(folder, load(folder))
    assert not (folder / "samples.parquet").exists()


def test_a_row_scored_again_is_still_about_everybody(target):
    metric = SimpleNamespace(needs={"prediction", "answer"})
    rows = rescore._rows(target, metric, {"folder": "x"}, None)
    assert [row["answer"] for row in rows] == [s.answer for s in target]
    again = dataclasses.replace(target[-3], scores={METRIC: 0.5})
    assert (again.identity, again.identities) == ("ann; bob", ("ann", "bob"))


def test_refusals_and_candidates_go_by_row(plan):
    row = next(e for e in plan.benchmark.forget_pool() if len(e.identities) == 2)
    assert plan.benchmark.refusal(row, 0) == plan.benchmark.refusal(dataclasses.replace(row, question="Where?"), 0)
