"""The gold standard: which record it is, the distances to it, and what is said where there is none."""

import json
import math

import pytest

from tests.runs import bare
from tests.support import three
from tests.support.records import EVALS, FORGET, finished, measures, retrained, rules
from unlearnzoo.cli import main
from unlearnzoo.evaluation.aggregate import paired
from unlearnzoo.evaluation.ks import ks
from unlearnzoo.evaluation.samples import TRUTH, write_samples
from unlearnzoo.records import gold_standard, store
from unlearnzoo.reports.report import data, render


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return folder, [finished(folder, "npo", 0.7), finished(folder, "ga", 0.3)], retrained(folder)


def unlearned(record):
    return [s for s in store.samples(record) if s.model == "unlearned"]


def test_it_is_found_in_the_same_folder_and_once(runs):
    _, methods, best = runs
    assert [r["folder"] for r in gold_standard.beside(methods)] == [r["folder"] for r in [*methods, best]]
    assert gold_standard.beside([best, methods[0]]) == [best, methods[0]]
    assert gold_standard.beside([best]) == [best]


@pytest.mark.parametrize(
    "changes",
    [
        {"benchmark": {"name": "remem", "data": "d2", "forget_identities": sorted(FORGET)}},
        {"benchmark": {"name": "remem", "data": "d1", "forget_identities": ["p00"]}},
        {"model": {"name": "tiny", "weights": "w2"}},
        {"target_seed": 1},
        {"plan": {"rules": rules(), "learn": {"values": {"lr": 1.0}}}},
        {"plan": {"rules": rules(), "pools": {"retain": {"rows": 1}}}},
        {"plan": {"rules": rules(pictures=1)}},
        {"plan": {}},
        {"valid": False},
    ],
)
def test_another_setting_is_no_gold_standard(tmp_path, changes):
    method = finished(tmp_path, "npo")
    other = retrained(tmp_path, **changes)
    if "valid" in changes:
        (tmp_path / other["folder"] / "run.json").write_text(json.dumps({**other, **changes}))
    assert gold_standard.beside([method]) == [method]
    found = data([method, {**other, **changes}])["gold"]
    assert found["distance"] == found["quality"] == [] and found["missing"] == ["npo"]


def test_the_seed_of_stage_2_is_no_matter(tmp_path):
    best = retrained(tmp_path, seed=3)
    assert gold_standard.beside([finished(tmp_path, "npo")])[1:] == [store.load(tmp_path / best["folder"])]


def test_distances_are_paired(runs):
    _, methods, best = runs
    found = data([*methods, best])["gold"]
    assert found["names"] == ["retrain"] and found["missing"] == []
    expected = paired(unlearned(methods[0]), unlearned(best), EVALS, FORGET)
    assert [
        {k: v for k, v in row.items() if k not in ("run", "gold")} for row in found["distance"] if row["run"] == "npo"
    ] == expected
    emr = next(row for row in found["distance"] if (row["run"], row["column"]) == ("ga", "EMr"))
    assert emr["low"] <= emr["mean"] <= emr["high"] < 0 and emr["unpaired"] == 0


def test_forget_quality_is_the_ks_test_on_the_forget_sets_truths(runs):
    _, methods, best = runs
    rows = data([*methods, best])["gold"]["quality"]
    assert list(dict.fromkeys(row["run"] for row in rows)) == ["target", "npo", "ga"]
    for hop in ("single", "multi"):
        a, b = (
            [
                s.details[TRUTH]
                for s in unlearned(r)
                if s.identity in FORGET and s.split == "finetune" and s.tags["hop"] == hop
            ]
            for r in (methods[0], best)
        )
        row = next(row for row in rows if row["run"] == "npo" and row["group"] == {"hop": hop})
        assert (row["statistic"], row["p"], row["n"], row["n_gold"]) == (*ks(a, b), 12, 12)
        known = next(row for row in rows if row["run"] == "target" and row["group"] == {"hop": hop})
        assert known["p"] < 0.01 < row["p"]  # what still knows them is not like what never did


def test_distances_by_a_metric_that_measured_otherwise_are_left_out(tmp_path):
    method = finished(tmp_path, "npo", metrics=measures())
    best = retrained(tmp_path, metrics=measures(version="0.2.0"))
    found = data([method, best])
    assert {row["column"] for row in found["gold"]["distance"]} == {"Exp"}
    assert found["gold"]["quality"] and found["gold"]["missing"] == []
    (note,) = found["notes"]
    assert "(npo: version 0.1.0; retrain: version 0.2.0)" in note and render([method, best])


def test_records_of_before_the_truths_were_kept(tmp_path):
    method, best = finished(tmp_path, "npo"), retrained(tmp_path)
    samples = store.samples(method)
    for s in samples:
        s.details.pop(TRUTH, None)
    write_samples(tmp_path / method["folder"] / "samples.parquet", samples)
    found = data([method, best])["gold"]
    assert found["distance"] and found["quality"] == []


def test_the_report_shows_it_beside_every_method(runs):
    _, methods, best = runs
    text = render([*methods, best])
    results = text[: text.index("n/people")].splitlines()
    order = [line.split()[0] for line in results[4:] if line and line[0].isalpha() and line.split()[0] != "Results,"]
    assert order == ["chance", "base", "target", "retrain", "npo", "ga"]
    assert "Distance to retrain on the same examples" in text and "Forget quality" in text
    assert "floor of the forget columns" in text
    assert "npo - ga" in text and "npo - retrain" not in text


def test_missing_is_said(runs, tmp_path):
    text = render([finished(tmp_path, "npo")])
    assert "No gold standard for npo" in text and "Distance to" not in text


def test_of_a_target_learned_elsewhere_none_can_be_made(tmp_path):
    own = finished(tmp_path, "npo", arguments={"target": "./finetuned"})
    assert data([own])["gold"]["missing"] == [] and "gold standard" not in render([own])
    assert data([{**finished(tmp_path, "theirs"), "curve": []}])["gold"]["missing"] == []


def test_the_command_brings_it_along(runs, capsys):
    _, methods, best = runs
    assert main(["report", methods[0]["folder"], "--json"]) == 0
    assert [r["run"] for r in json.loads(capsys.readouterr().out)["runs"]] == ["npo", "retrain"]


def plan_lines(capsys, tmp_path, *more, algo="npo"):
    code = main(
        ["run", "--algo", algo, "--bench", "remem", *bare.arguments(), "--dry-run", "--runs-dir", str(tmp_path), *more]
    )
    assert code == 0
    return " ".join(capsys.readouterr().err.split())


def test_the_plan_says_before_anything_else_that_it_is_missing(capsys, tmp_path):
    assert (
        "gold standard: none: no retrain record for this data, forget set, model and stage 1 in "
        f"{tmp_path}/; distances to it and forget quality will be missing; add retrain to --algo"
    ) in plan_lines(capsys, tmp_path)
    assert "gold standard: retrain, in this run" in plan_lines(capsys, tmp_path, algo="npo,retrain")


def test_the_plan_finds_the_record_of_an_earlier_run(capsys, tmp_path):
    from unlearnzoo.planning import summary
    from unlearnzoo.planning.make import make_plan
    from unlearnzoo.planning.request import from_arguments
    from unlearnzoo.registry.zoo import Zoo

    request = from_arguments(
        {"algo": "retrain", "bench": "remem", "model": str(bare.MODEL), "recipe": "tiny", "forget": three.FORGET},
        bare.OPTIONS,
    )
    plan = make_plan(request, Zoo.installed())
    fields = summary.fields(plan, "retrain")
    record = finished(tmp_path, **fields)
    name = record["folder"].rpartition("/")[2]
    assert f"gold standard: {name}; every method" in plan_lines(capsys, tmp_path)
    other = plan_lines(capsys, tmp_path, "--seed", "1", "--set", "unlearn.lr=1e-4")
    assert f"gold standard: {name}; every method" in other
    assert "gold standard: none" in plan_lines(capsys, tmp_path, "--target-seed", "1")
    assert "gold standard: none" in plan_lines(capsys, tmp_path, "--set", "remem.draw=1")
    assert "gold standard: none" in plan_lines(capsys, tmp_path, "--set", "learn.lr=1e-4")


def test_p_values_are_readable():
    from unlearnzoo.reports.gold_standard import p_value

    assert [p_value(p) for p in (1.0, 0.034, 0.01, 0.0099, 3e-120)] == ["1.00", "0.03", "0.01", "9.9e-03", "3.0e-120"]
    assert not math.isnan(float(p_value(1e-300)))
