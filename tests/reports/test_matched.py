"""Methods at equal forgetting over their runs: grouping, intervals, pairs, and what is said of them."""

import json
import math

import pytest

from tests.support.records import finished
from unlearnzoo.evaluation.intervals import quantile
from unlearnzoo.reports.matched import data
from unlearnzoo.reports.matched_text import section
from unlearnzoo.reports.report import render

COLUMNS = ("EMf", "EMr", "Figures")


def record(algo, kept, seed=0, who="p00", levels=("0.50",), utility=None, **more):
    """Return what a report looks at of a record; ``kept`` at each level."""
    curve = [
        {"step": i, "EMf": {"single": f}, "EMr": {"single": 1.0}} | ({"Figures": {"": u}} if utility else {})
        for i, (f, u) in enumerate(zip((1.0, 0.5, 0.0), utility or (0, 0, 0), strict=True))
    ]
    return {
        "algorithm": {"name": algo, "options": {}},
        "model": {"name": "m"},
        "target": {"key": "t"},
        "seed": seed,
        "target_seed": 0,
        "curve": curve,
        "matched": {level: {"single": kept} for level in levels},
        "time": f"{seed}",
        "plan": {},
        "benchmark": {"name": "b", "data": "d", "forget_identities": [who]},
        **more,
    }


def only(rows, **which):
    (row,) = [r for r in rows if all(r[k] == v for k, v in which.items())]
    return row


def test_a_method_is_the_mean_over_its_runs_with_students_interval():
    found = data([record("ga", kept, seed) for seed, kept in enumerate((0.2, 0.4, 0.6))], COLUMNS)
    assert found["methods"] == [{"method": "ga", "n": 3, "diverged": 0}]
    row = only(found["rows"], column="EMr")
    half = quantile(2) * 0.2 / math.sqrt(3)
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((0.4, 0.4 - half, 0.4 + half))
    assert row["values"] == [0.2, 0.4, 0.6] and row["reached"] == 3


def test_one_run_has_no_interval():
    row = only(data([record("ga", 0.2)], COLUMNS)["rows"], column="EMr")
    assert (row["mean"], row["low"], row["high"]) == (0.2, None, None)


def test_a_run_that_did_not_come_down_leaves_no_interval():
    found = data([record("ga", kept, seed) for seed, kept in enumerate((0.2, None, 0.6, 0.4))], COLUMNS)
    row = only(found["rows"], column="EMr")
    assert (row["reached"], row["mean"], row["low"]) == (3, pytest.approx(0.4), None)


def test_pairs_on_shared_runs():
    # Far apart from run to run, a steady distance inside each: only the paired interval sees it.
    base = (0.1, 0.5, 0.9)
    runs = [record("gd", x + 0.05 + i / 100, i) for i, x in enumerate(base)] + [
        record("ga", x, i) for i, x in enumerate(base)
    ]
    pair = only(data(runs, COLUMNS)["pairs"], column="EMr")
    assert (pair["a"], pair["b"], pair["shared"], pair["apart"]) == ("gd", "ga", 3, True)
    half = quantile(2) * 0.01 / math.sqrt(3)
    assert (pair["mean"], pair["low"], pair["high"]) == pytest.approx((0.06, 0.06 - half, 0.06 + half))


def test_pairs_without_shared_runs_are_welchs():
    base = (0.1, 0.5, 0.9)
    runs = [record("gd", x + 0.06, i) for i, x in enumerate(base)] + [
        record("ga", x, 10 + i) for i, x in enumerate(base)
    ]
    pair = only(data(runs, COLUMNS)["pairs"], column="EMr")
    half = quantile(4) * 0.4 * math.sqrt(2 / 3)
    assert (pair["shared"], pair["apart"]) == (0, False)
    assert (pair["low"], pair["high"]) == pytest.approx((0.06 - half, 0.06 + half))


@pytest.mark.parametrize(
    ("left", "right"), [((0.2,), (0.9,)), ((0.2, 0.3), (0.8, 0.9)), ((0.2, 0.3, 0.4), (0.8, None, 0.9))]
)
def test_what_cannot_be_told(left, right):
    runs = [record("ga", x, i) for i, x in enumerate(left)] + [record("gd", x, i) for i, x in enumerate(right)]
    pair = only(data(runs, COLUMNS)["pairs"], column="EMr")
    assert (pair["low"], pair["high"], pair["apart"]) == (None, None, None)


def test_other_people_and_other_stages_1_are_runs_too_other_options_are_not():
    same = [record("ga", 0.1), record("ga", 0.2, who="p01"), record("ga", 0.3, target_seed=1, target={"key": "t1"})]
    assert data(same, COLUMNS)["methods"] == [{"method": "ga", "n": 3, "diverged": 0}]
    mild = record("ga", 0.4, algorithm={"name": "ga", "options": {"beta": 2}})
    strong = record("ga", 0.4, algorithm={"name": "ga", "options": {"beta": 3}})
    assert [m["method"] for m in data([mild, strong], COLUMNS)["methods"]] == ["ga (beta 2)", "ga (beta 3)"]
    faster = record("ga", 0.4, plan={"unlearn": {"values": {"lr": 1.0}}})
    assert [m["n"] for m in data([*same, faster], COLUMNS)["methods"]] == [3, 1]


def test_the_same_run_twice_counts_once_and_the_later_is_it():
    found = data([record("ga", 0.9, time="2"), record("ga", 0.1, time="1")], COLUMNS)
    assert found["methods"] == [{"method": "ga", "n": 1, "diverged": 0}]
    assert only(found["rows"], column="EMr")["values"] == [0.9]


@pytest.mark.parametrize("status", ["interrupted", "failed", "started", "diverged"])
def test_of_the_same_run_twice_a_finished_one_is_it(status):
    found = data(
        [
            record("ga", 0.4, time="1", status="finished"),
            record("ga", 0.5, time="2", status="finished"),
            record("ga", 0.1, time="3", status=status),
        ],
        COLUMNS,
    )
    assert only(found["rows"], column="EMr")["values"] == [0.5]
    alone = data([record("ga", 0.3, time="1", status=status), record("ga", 0.1, time="2", status=status)], COLUMNS)
    # One that diverged says something of its method; one that was cut short is no run of it.
    values = [row["values"] for row in alone["rows"]]
    assert values == ([[0.1]] if status == "diverged" else [])
    assert [m["diverged"] for m in alone["methods"]] == ([1] if status == "diverged" else [])


def test_answers_that_could_not_be_scored_are_said_behind_each_cell():
    def row(model, column, n, unscored):
        return {"model": model, "column": column, "group": {"hop": "single"}, "n": n, "unscored": unscored}

    results = [row("base", "EMf", 1, 9), row("target", "EMf", 8, 0), row("unlearned", "EMf", 2, 6)]
    results += [row("target", "EMr", 16, 0), row("unlearned", "EMr", 16, 0), row("unlearned", "Exp", 0, 8)]
    one = record("ga", 0.4, status="finished", results=results)
    found = only(data([one], COLUMNS)["rows"], column="EMr")
    # Target and end of the two columns of the curve: 8 + 2 + 16 + 16 of 48.
    assert (found["n"], found["unscored"]) == (42, 6)
    text = "\n".join(table.text() for table in section(data([one], COLUMNS)).tables)
    assert "40.0 (42/48)" in text


def test_utility_is_read_off_the_curve():
    found = data([record("ga", 0.5, utility=(0.9, 0.7, 0.1), levels=("0.50", "0.25"))], COLUMNS)
    values = {row["level"]: row["mean"] for row in found["rows"] if row["column"] == "Figures"}
    assert values["0.50"] == pytest.approx(0.7) and values["0.25"] == pytest.approx(0.4)
    assert found["columns"] == ["EMr", "Figures"]


def test_a_gold_standard_and_runs_without_a_curve_are_no_methods():
    gold = record("retrain", None, algorithm={"name": "retrain", "gold_standard": True})
    assert data([gold, record("ga", 0.5, curve=[])], COLUMNS)["methods"] == []
    assert data([], ())["rows"] == []


def test_it_is_json():
    found = data([record("ga", None, i) for i in range(3)], COLUMNS)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.fixture(scope="module")
def nine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [
        finished(folder, algo, kept + seed / 50, seed)
        for algo, kept in (("ga", 0.2), ("gd", 0.8), ("kl", 0.81))
        for seed in range(3)
    ]


def test_the_report_says_which_are_apart_and_which_are_not(nine):
    nine = [
        {
            **r,
            "matched": {
                level: {g: v + 0.02 * (r["seed"] == 1) * (r["algorithm"]["name"] == "kl") for g, v in of.items()}
                for level, of in r["matched"].items()
            },
        }
        for r in nine
    ]
    text = " ".join(render(nine, pairs=False).split())
    assert "Differences on the same examples" not in render(nine)  # 27 lines that say less
    assert "gd, n = 3" in text and "Differences in EMr at equal forgetting" in text
    assert ("EMr at EMf = 10 %, single: apart: gd above ga, kl above ga; not told apart: gd and kl.") in text


def test_one_run_per_method_says_so(nine):
    text = " ".join(render([nine[0], nine[3]]).split())
    assert "n = 1 run per method, so no interval, and no telling which methods are apart; 3 runs" in text
    assert "Differences in EMr at equal" not in text


@pytest.mark.parametrize("width", [80, 120])
def test_never_wider_than_asked(nine, width):
    assert max(map(len, render(nine, True, width).splitlines())) <= width


def test_the_picture_has_one_colour_per_method(nine, tmp_path):
    pytest.importorskip("matplotlib")
    from PIL import Image

    from unlearnzoo.reports.curve_plot import draw
    from unlearnzoo.reports.plots import COLOURS

    draw(nine, tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as image:
        colours = {c: n for n, c in image.convert("RGB").getcolors(maxcolors=1 << 24)}
    hexes = [tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in COLOURS]
    assert all(colours.get(c, 0) > 300 for c in hexes[:3]) and all(colours.get(c, 0) < 50 for c in hexes[3:6])
