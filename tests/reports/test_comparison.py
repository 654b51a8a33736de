"""Records beside each other: labels, shared rows, pairs, and what must be said."""

import json
import math

import pytest

from tests.support.records import EVALS, EXPOSURE, FORGET, finished, measures, rules
from tests.support.samples import EM
from unlearnzoo.errors import Diverged
from unlearnzoo.evaluation.aggregate import paired
from unlearnzoo.evaluation.samples import write_samples
from unlearnzoo.records import store
from unlearnzoo.records.record import Record
from unlearnzoo.reports import cautions
from unlearnzoo.reports.comparison import labels
from unlearnzoo.reports.methods import by_method
from unlearnzoo.reports.report import data, render
from unlearnzoo.reports.scores import differences
from unlearnzoo.reports.table import in_order


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [
        finished(folder, algo, kept)
        for algo, kept in (("ga", 0.4), ("gd", 0.8), ("kl", 0.5), ("dpo", 0.6), ("npo", 0.7))
    ]


def test_base_and_target_once_then_a_row_a_run(five):
    table = data(five)["table"]
    assert list(dict.fromkeys(row["run"] for row in table)) == ["base", "target", "ga", "gd", "kl", "dpo", "npo"]
    assert len(table) == 7 * 7  # three columns of two hops, and one of the model's own


def test_values_are_those_of_the_records(five):
    found = data(five)
    for name, record in zip(("ga", "gd", "kl", "dpo", "npo"), five, strict=True):
        own = [{k: v for k, v in row.items() if k != "run"} for row in found["table"] if row["run"] == name]
        assert own == [row for row in record["results"] if row["model"] == "unlearned"]
        assert found["matched"][name] == record["matched"]


def test_pairs_are_those_of_the_samples(five):
    found = data(five)["paired"]
    assert {(row["a"], row["b"]) for row in found} == {
        (a, b)
        for i, a in enumerate(("ga", "gd", "kl", "dpo", "npo"))
        for b in ("ga", "gd", "kl", "dpo", "npo")[i + 1 :]
    }
    a, b = ([s for s in store.samples(r) if s.model == "unlearned"] for r in five[:2])
    expected = paired(a, b, EVALS, FORGET)
    assert [
        {k: v for k, v in row.items() if k not in "ab"} for row in found if (row["a"], row["b"]) == ("ga", "gd")
    ] == expected


def test_it_is_json(five):
    assert json.loads(json.dumps(data(five), allow_nan=False)) == data(five)


def test_one_record(five):
    found = data(five[:1])
    assert found["paired"] == found["notes"] == []


def test_runs_that_share_a_value_are_named_together_and_one_without_a_result_not_at_all(tmp_path):
    a, b, c, d = (finished(tmp_path, algo, seed=seed) for algo, seed in (("ga", 0), ("gd", 0), ("npo", 1), ("kl", 2)))
    found = cautions.notes(["ga", "gd", "npo", "kl"], [a, b, c, {**d, "results": []}])
    assert found == ["the runs differ in seed (ga, gd: 0; npo: 1)"]
    stage_1 = {**c, "seed": None}
    assert cautions.notes(["ga", "gd", "stage 1"], [a, b, stage_1]) == []


def test_labels():
    def named(*runs):
        bare = {"benchmark": {}, "model": {}}
        return labels([{**bare, "algorithm": {"name": a}, "seed": s, "folder": f"runs/{f}"} for a, s, f in runs])

    assert named(("ga", 0, "t_ga_b_1"), ("npo", 0, "t_npo_b_2")) == ["ga", "npo"]
    assert named(("npo", 0, "t_npo_b_1"), ("npo", 1, "t_npo_b_2")) == ["npo seed 0", "npo seed 1"]
    assert named(("npo", 0, "t_npo_b_1"), ("npo", 0, "t_npo_b_1-2")) == ["npo 1", "npo 1-2"]
    assert named(("npo", 0, "t1_npo_b_1"), ("npo", 0, "t2_npo_b_1")) == ["t1_npo_b_1", "t2_npo_b_1"]
    assert named(("npo", 0, "x/t_npo_b_1"), ("npo", 0, "y/t_npo_b_1")) == ["runs/x/t_npo_b_1", "runs/y/t_npo_b_1"]


def test_runs_that_differ_in_options_have_the_names_of_their_methods(tmp_path):
    def run(lr, seed=0):
        plan = {"unlearn": {"values": {"lr": lr, "warmup": 0.0}}}
        return finished(tmp_path, "npo", seed=seed, plan=plan)

    records = [run(2e-5), run(7e-4)]
    assert labels(records) == ["npo (lr 2e-05)", "npo (lr 0.0007)"]
    assert [method["method"] for method in data(records)["equal"]["methods"]] == labels(records)
    assert labels([run(2e-5, 1), *records])[0] == "npo (lr 2e-05) seed 1"
    # A name that would take the table's room is none.
    assert "lr" not in labels([run(0.123456789012345), run(7e-4)])[0]


def test_well_known_names_come_first():
    assert in_order(["multi", "zebra", "single", "", "target", "base"]) == [
        "base",
        "target",
        "single",
        "multi",
        "",
        "zebra",
    ]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"benchmark": {"name": "remem", "data": "d2", "forget_identities": sorted(FORGET)}}, "data"),
        ({"benchmark": {"name": "remem", "data": "d1", "forget_identities": ["p00"]}}, "forget identities"),
        ({"target": {"key": "t2"}}, "target"),
    ],
)
def test_runs_that_may_not_be_compared(tmp_path, changes, what):
    found = data([finished(tmp_path, "ga"), finished(tmp_path, "npo", **changes)])
    assert found["paired"] == []
    (note,) = found["notes"]
    assert note.startswith(f"the runs differ in {what} (ga: ")
    assert "not to be compared" in note


def test_another_seed_is_said_and_compared(tmp_path):
    found = data([finished(tmp_path, "npo"), finished(tmp_path, "npo", seed=1)])
    assert found["notes"] == ["the runs differ in seed (npo seed 0: 0; npo seed 1: 1)"]
    assert found["paired"]


def test_runs_not_to_rely_on(tmp_path):
    low = finished(tmp_path, "ga")
    with (
        pytest.raises(Diverged),
        Record.open(
            tmp_path,
            algo="npo",
            bench="remem",
            algorithm={"name": "npo"},
            benchmark=low["benchmark"],
            model=low["model"],
            seed=0,
            target_seed=0,
            target=low["target"],
        ) as record,
    ):
        raise Diverged("the loss became non-finite at step 3")
    found = data([{**low, "valid": False}, record.data])
    assert found["states"] == [
        "ga: not valid; stage 1 stayed below the gate, so what it forgot was never memorised",
        "npo: diverged: stage 2 left no model (the loss became non-finite at step 3); no result",
    ]
    assert [r["run"] for r in found["runs"]] == ["ga", "npo"]
    assert found["paired"] == []


def test_one_name_from_two_places_is_said(tmp_path):
    own = {"algorithm": {"name": "npo", "distribution": "my-npo", "version": "2.0", "options": {}}}
    found = data([finished(tmp_path), finished(tmp_path, **own), finished(tmp_path, "gd")])
    assert found["notes"] == [
        "npo is not the same algorithm in all runs: it comes from unlearnzoo-npo 0.1.0 and from my-npo 2.0"
    ]
    assert data([finished(tmp_path), finished(tmp_path, seed=1)])["notes"] == [
        "the runs differ in seed (npo seed 0: 0; npo seed 1: 1)"
    ]


@pytest.mark.parametrize(
    ("other", "each"),
    [
        ({"options": {"case": True}}, "ga: em.case None; npo: em.case True; gd: em.case None"),
        ({"version": "0.2.0"}, "ga: version 0.1.0; npo: version 0.2.0; gd: version 0.1.0"),
    ],
)
def test_columns_of_a_metric_that_measured_otherwise_are_left_out(tmp_path, other, each):
    ga, npo, gd = (
        finished(tmp_path, algo, metrics=measures(**em)) for algo, em in (("ga", {}), ("npo", other), ("gd", {}))
    )
    found = data([ga, npo, gd])
    columns = {
        pair: {row["column"] for row in found["paired"] if (row["a"], row["b"]) == pair}
        for pair in (("ga", "gd"), ("ga", "npo"), ("npo", "gd"))
    }
    assert columns == {("ga", "gd"): {e.name for e in EVALS}, ("ga", "npo"): {"Exp"}, ("npo", "gd"): {"Exp"}}
    (note,) = found["notes"]
    assert note.startswith(f"the runs differ in metric {EM} ({each}); its columns are not to be compared and are left")
    assert data([ga, gd])["notes"] == []


def test_a_metric_that_one_run_has_alone_is_no_difference(tmp_path):
    one = finished(tmp_path, "ga", metrics=measures())
    other = finished(tmp_path, "gd", metrics={EXPOSURE: measures()[EXPOSURE]})
    found = data([one, finished(tmp_path, "npo"), other])
    assert found["notes"] == [] and {row["column"] for row in found["paired"]} == {e.name for e in EVALS}


def test_unscored_rows_are_said(tmp_path):
    record = finished(tmp_path)
    for row in record["results"]:
        if row["column"] == "EMf" and row["model"] == "unlearned":
            row["unscored"] = 3
    (note,) = data([record])["notes"]
    assert note.startswith("(k/n) behind a number: of n answers only k could be scored; the others are left out")


@pytest.mark.parametrize(
    ("field", "model", "column"),
    [("results", "base", "Exp"), ("results", "target", "EMr"), ("results", "unlearned", "EMf")]
    + [("baselines", model, "Exp all") for model in ("base", "target")],
)
def test_a_cell_that_lacks_answers_says_so_whoever_lacks_them(tmp_path, field, model, column):
    record = finished(tmp_path)
    row = next(r for r in record[field] if (r["model"], r["column"]) == (model, column))
    row["unscored"] = 12
    cell = f"{100 * row['mean']:.1f} ({row['n']}/{row['n'] + 12})"
    text = render([record])
    assert text.count(cell) == 1 and "(k/n) behind a number" in text
    assert cell not in render([finished(tmp_path)])


def test_a_column_whose_target_is_at_0_measures_nothing(tmp_path):
    record = finished(tmp_path)
    for row in record["results"]:
        if row["model"] == "target" and row["column"] == "public EM":
            row["mean"] = 0.0
        if row["model"] == "target" and row["column"] == "Exp" and row["group"] == {"hop": "multi"}:
            row["mean"] = row["chance"]
    assert data([record])["notes"] == [
        "Exp multi measures nothing: the target is at 29.3 %, where guessing gives 29.3 %",
        "public EM measures nothing: the target is at 0 % already",
    ]


def test_pairs_leave_out_what_one_of_them_could_not_score(tmp_path):
    a, b = finished(tmp_path, "ga"), finished(tmp_path, "npo")
    samples = store.samples(b)
    for s in samples:
        if s.split == "finetune":
            s.scores[EM] = math.nan
    write_samples(tmp_path / b["folder"].rpartition("/")[2] / "samples.parquet", samples)
    row = next(r for r in data([a, b])["paired"] if r["column"] == "EMf")
    assert (row["mean"], row["n"], row["unscored"]) == (None, 0, 12)


@pytest.mark.parametrize("other", [{}, {"rules": rules(pictures=1)}, {"rules": rules(text=1)}])
def test_runs_by_other_rules_are_said_and_not_compared(tmp_path, other):
    older, today = finished(tmp_path, "ga", plan=other), finished(tmp_path, "npo")
    for records in ([older, today], [today, older]):
        found = data(records)
        assert found["paired"] == []
        (note,) = found["notes"]
        assert note.startswith("the runs were made by other rules (") and "not to be compared" in note
        assert "npo: pictures 2, text 2" in note
    assert "not told by its older version" in note or other
    # Two of the same older rules are compared, as they were.
    both = data([older, finished(tmp_path, "gd", plan=other)])
    assert both["notes"] == [] and both["paired"]


def test_columns_whose_answers_were_cut_elsewhere_are_left_out(tmp_path):
    longer = {"rules": rules(generation={**rules()["generation"], "finetune": rules(99)["generation"]["finetune"]})}
    found = data([finished(tmp_path, "ga", plan=longer), finished(tmp_path, "npo")])
    assert {row["column"] for row in found["paired"]} == {e.name for e in EVALS if e.split != "finetune"}
    assert found["notes"] == [
        "answers of finetune were cut after other numbers of tokens (ga: 99; npo: 26); its columns are not to be "
        "compared and are left out of differences"
    ]


def test_runs_of_one_method_by_other_rules_are_no_repetitions(tmp_path):
    runs = [finished(tmp_path, seed=1), finished(tmp_path, seed=2), finished(tmp_path, plan={})]
    assert [len(own) for own in by_method(runs).values()] == [2, 1]


def test_a_mark_holds_beside_all_others_of_its_column():
    """Holm by hand: of three, .01 must come below .05 / 3, and .02 below .05 / 2; alone .04 is enough."""

    def marks(*ps):
        rows = [
            {"run": str(i), "split": "s", "column": "EM", "want": "low", "group": {}, "mean": 0.5, "p": p}
            for i, p in enumerate(ps)
        ]
        lines = differences("Differences", rows, intervals=False).text().splitlines()
        return [line.split()[0] for line in lines if line.endswith("+50.0*")]

    assert marks(0.04) == ["0"]
    assert marks(0.01, 0.02, 0.04) == ["0", "1", "2"]
    assert marks(0.02, 0.02, 0.04) == []
    assert marks(0.01, 0.03, 0.04) == ["0"]
    assert marks(0.01, None, 0.04) == ["0", "2"]


def test_the_mark_speaks_of_models(five):
    text = " ".join(render(five, width=400).split())
    assert "* these two models differ" in text and "Whether two methods differ, only several seeds or draws" in text


def test_a_report_that_shows_no_intervals_computes_none(five):
    plain, full = (data(five, intervals)["paired"] for intervals in (False, True))
    assert {row["low"] for row in plain} == {None}
    for one, other in zip(plain, full, strict=True):
        assert {**one, **{key: other[key] for key in ("low", "high", "interval")}} == other
