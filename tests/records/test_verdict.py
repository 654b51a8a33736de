"""The verdict on a run, from records made by hand: each part by numbers that can be looked at."""

import copy

import pytest

from tests.support.records import finished
from unlearnzoo.errors import Diverged
from unlearnzoo.records import store, verdict
from unlearnzoo.records.evidence import aims, measures_nothing
from unlearnzoo.records.record import Record
from unlearnzoo.reports import verdicts

CURVE = ("EMf", "EMr")


def row(model, column, mean, group="single", **more):
    sides = {"EMf": ("train", "forget", "low"), "EMr": ("train", "retain", "high"), "EMt": ("test", "forget", "low")}
    split, who, want = sides.get(column, ("utility:figures", "all", "high"))
    known = {"n": 20, "clusters": 12, "unscored": 0, "low": None, "high": mean}
    tags = {"hop": group} if group else {}
    return {
        "model": model,
        "split": split,
        "column": column,
        "who": who,
        "want": want,
        "metric": "em",
        "group": tags,
        "mean": mean,
        **known,
        **more,
    }


def record(forgot=0.0, kept=0.9, *, target=1.0, test=0.0, curve=(), stop_at=None, require=None, rows=(), **more):
    """Return a finished record; ``curve``: (step, EMf, EMr) after the start."""
    results = [row("target", "EMf", target), row("target", "EMr", 1.0), row("target", "EMt", target)]
    results += [row("unlearned", "EMf", forgot), row("unlearned", "EMr", kept), row("unlearned", "EMt", test)]
    points = [(0, target, 1.0), *(curve or [(8, forgot, kept)])]
    return {
        "status": "finished",
        "algorithm": {"name": "npo"},
        "valid": True,
        "plan": {"aims": aims(CURVE, stop_at, require or {})},
        "results": [*results, *rows],
        "curve": [{"step": s, "EMf": {"single": f}, "EMr": {"single": r}} for s, f, r in points],
        **more,
    }


def put(one, model, column, **values):
    """Return a copy of a record in which one row has other values."""
    changed = copy.deepcopy(one)
    next(r for r in changed["results"] if (r["model"], r["column"]) == (model, column)).update(values)
    return changed


@pytest.mark.parametrize(
    ("forgot", "kept", "word", "text"),
    [
        (0.10, 0.50, "forgotten", "forgotten, and kept"),
        (0.00, 0.02, "destroyed", "forgotten, and not kept"),
        (0.11, 0.50, "remembered", "not forgotten, and kept"),
        (1.00, 0.49, "neither", "neither forgotten nor kept"),
    ],
)
def test_forgotten_at_the_level_and_kept_from_half_of_the_target(forgot, kept, word, text):
    found = verdict.of(record(forgot, kept))
    assert (found["word"], found["text"]) == (word, text)
    assert found["believable"] == {"holds": True, "doubts": [], "cautions": []}


def test_half_is_of_what_the_target_had():
    assert verdict.of(put(record(0, 0.3), "target", "EMr", mean=0.6))["kept"]["holds"]
    assert not verdict.of(put(record(0, 0.29), "target", "EMr", mean=0.6))["kept"]["holds"]


def test_each_group_must_hold():
    more = [row("target", "EMf", 1.0, "multi"), row("unlearned", "EMf", 0.2, "multi")]
    found = verdict.of(record(0.0, rows=more))["forgotten"]
    assert not found["holds"] and [r["holds"] for r in found["rows"]] == [True, False]
    assert found["reason"] == "EMf single 0 %, multi 20 %; at most 10 % (default)"


@pytest.mark.parametrize(
    ("asked", "level", "by"),
    [
        ({}, 0.10, "default"),
        ({"stop_at": 0.35}, 0.35, "--stop-at"),
        ({"stop_at": 0.35, "require": {"EMf": 0.2}}, 0.2, "--require"),
        ({"stop_at": 0.35, "require": {"EMr": 0.2}}, 0.35, "--stop-at"),
        ({"require": {"EMf": 0.0}}, 0.0, "--require"),
    ],
)
def test_what_a_user_asks_for_is_the_level(asked, level, by):
    one = record(**asked)
    assert (one["plan"]["aims"]["level"], one["plan"]["aims"]["level_from"]) == (level, by)
    assert verdict.of(one)["forgotten"]["rows"][0]["level"] == level


def test_the_upper_bound_stands_beside_the_point():
    found = verdict.of(put(record(0.0), "unlearned", "EMf", high=0.6, clusters=4))
    assert found["forgotten"]["reason"] == "EMf single 0 % (up to 60 %); at most 10 % (default)"
    assert found["forgotten"]["holds"] and found["word"] == "forgotten"
    assert found["believable"]["cautions"] == ["EMf single: 4 people leave room for up to 60 %, more than 10 %"]
    bare = verdict.of(put(record(0.0), "unlearned", "EMf", high=None, clusters=2))
    assert bare["believable"]["cautions"] == ["EMf single: no interval over so few people (2)"]


def test_the_best_step_forgot_enough_and_kept_most():
    curve = [(4, 0.5, 1.0), (8, 0.10, 0.7), (12, 0.05, 0.8), (16, 0.0, 0.1)]
    best = verdict.of(record(0.0, 0.1, curve=curve))["best"]
    assert best["step"] == 12
    assert best["seen"] == {"EMf": {"single": 0.05}, "EMr": {"single": 0.8}}
    # Rows that were never trained on are asked of the last step alone.
    assert best["test"] == {} and "after step 16 alone" in best["reason"]


def test_the_last_step_is_reported_on_test_rows():
    best = verdict.of(record(0.0, 0.9, test=0.25))["best"]
    assert (best["step"], best["test"]) == (8, {"EMt": {"single": 0.25}})
    assert best["reason"] == "8 of 8, with EMf single 0 %, EMr single 90 %; on test rows EMt single 25 %"


def test_a_curve_that_never_came_down_says_so():
    best = verdict.of(record(1.0, curve=[(4, 1.0, 1.0), (8, 1.0, 1.0)]))["best"]
    assert (best["step"], best["reason"]) == (None, "none: EMf never comes down")


def test_the_best_step_of_a_run_that_diverged_was_before_that():
    one = record(curve=[(4, 0.05, 0.8), (6, 0.0, 0.0)], status="diverged", error="the loss became non-finite at step 7")
    one["results"] = [r for r in one["results"] if r["model"] == "target"]
    best = verdict.of(one)["best"]
    assert best["step"] == 4 and best["reason"].startswith("4 before it diverged, with EMf single 5 %")


@pytest.mark.parametrize(
    ("forgot", "kept", "advice"),
    [
        (0.0, 0.9, None),
        (0.0, 0.0, "an earlier step (--stop-at)"),
        (1.0, 0.9, "more steps or a higher rate"),
        (1.0, 0.0, "another rate"),
    ],
)
def test_it_says_what_to_try_next(forgot, kept, advice):
    lines = [line for line in verdicts.section({"npo": verdict.of(record(forgot, kept))}, []).last if "Next: " in line]
    assert [line.startswith(f"  Next: {advice}") for line in lines] == [True] * (advice is not None)
    # Of a model of elsewhere, and of retraining, there is no step to change.
    for curve in ([], [{"step": s, "EMf": {"single": 1.0}, "EMr": {"single": 1.0}} for s in (0, 0)]):
        found = verdict.of(record(forgot, kept) | {"curve": curve})
        assert "Next:" not in "".join(verdicts.section({"npo": found}, []).last)


def test_where_no_step_forgot_enough_it_is_said_how_near_it_came():
    best = verdict.of(record(0.9, curve=[(4, 0.4, 1.0), (8, 0.9, 1.0)], stop_at=0.35))["best"]
    assert best["step"] is None
    assert best["reason"] == "none: EMf comes down to 40 % at best, at step 4"


def test_retraining_has_no_steps_and_another_model_no_curve():
    assert verdict.of(record(curve=[(0, 0.0, 1.0)]))["best"]["reason"] == "the curve has no step to choose from"
    assert verdict.of(record() | {"curve": []})["best"]["reason"] == "no curve was followed"


@pytest.mark.parametrize(
    ("curve", "step"), [([(2, 0.9, 1.0), (4, 0.35, 1.0), (6, 0.3, 0.9)], 4), ([(5, 1.0, 1.0)], None)]
)
def test_stop_at_says_whether_it_was_reached(curve, step):
    found = verdict.of(record(curve[-1][1], curve=curve, stop_at=0.35))
    assert found["stopped"] == {"level": 0.35, "step": step, "last": curve[-1][0]}
    assert verdict.of(record())["stopped"] is None


@pytest.mark.parametrize(
    ("require", "holds"),
    [
        ({"EMf": 0.1}, True),
        ({"EMf": 0.04}, False),
        ({"EMf": 0.1, "EMr": 0.5}, True),
        ({"EMf": 0.1, "EMr": 0.95}, False),
    ],
)
def test_what_is_required_is_held_against_point_values(require, holds):
    one = put(record(0.05, require=require), "unlearned", "EMf", high=0.6)
    assert verdict.of(one)["required"]["holds"] is holds
    assert (verdict.unmet(one) is None) is holds
    assert verdict.unmet(record()) is None


def test_a_required_share_of_what_is_kept_replaces_half_of_the_target():
    assert not verdict.of(record(0, 0.6, require={"EMr": 0.7}))["kept"]["holds"]
    assert verdict.of(record(0, 0.2, require={"EMr": 0.1}))["kept"]["holds"]


DOUBTS = {
    "gate": (record(valid=False), "stage 1 stayed below the gate"),
    "target at 0": (record(target=0.0), "EMf single measures nothing: the target is at 0 % already"),
    "target below the level": (record(target=0.08), "EMf single: the target is at 8 %, at or below 10 % before"),
    "kept at 0": (put(record(), "target", "EMr", mean=0.0), "EMr single measures nothing"),
    "guessing": (put(record(), "target", "EMf", mean=0.3, chance=0.3), "where guessing gives 30 %"),
    "unscored": (put(record(), "unlearned", "EMf", n=2, unscored=12), "12 of 14 answers were not scored"),
    "nothing scored": (put(record(), "unlearned", "EMf", mean=None, n=0), "nothing was scored that tells it"),
}


@pytest.mark.parametrize(("one", "told"), DOUBTS.values(), ids=DOUBTS)
def test_what_makes_a_verdict_worthless_is_said_and_decides(one, told):
    found = verdict.of(one)
    assert found["word"] == "doubtful" and not found["believable"]["holds"]
    assert told in found["believable"]["doubts"][0] and found["believable"]["doubts"][0] in found["text"]


def test_a_model_of_elsewhere_without_its_target():
    one = record() | {"curve": []}
    one["results"] = [r for r in one["results"] if r["model"] == "unlearned"]
    found = verdict.of(one)
    assert (found["word"], found["kept"]["holds"]) == ("doubtful", None)
    assert "--target" in found["text"]


def test_missing_answers_that_cannot_turn_it_round_are_a_caution():
    found = verdict.of(put(record(), "unlearned", "EMf", n=100, unscored=2))
    assert found["word"] == "forgotten"
    assert found["believable"]["cautions"] == ["EMf single of the unlearned model: 100 of 102 answers were scored"]


@pytest.mark.parametrize(
    ("column", "mean", "scored", "unscored", "told"),
    [
        # Of 14 answers 10 % is 1.4 of them: one wrong answer more would do.
        ("EMf", 0.0, 12, 2, True),
        ("EMf", 0.0, 13, 1, False),
        ("EMf", 2 / 12, 12, 2, False),
        ("EMf", 2 / 16, 16, 4, True),  # not forgotten by the 16; 2 of 20 would be
        ("EMr", 0.6, 10, 3, True),  # 6 of 13 are less than half
        ("EMr", 0.6, 10, 2, False),
        ("EMr", 0.4, 10, 2, True),  # 6 of 12 are half
        ("EMr", 0.4, 10, 1, False),
    ],
)
def test_answers_that_were_not_scored_could_turn_either_column_either_way(column, mean, scored, unscored, told):
    one = put(record(), "unlearned", column, mean=mean, n=scored, unscored=unscored)
    found = verdict.of(one)
    asked = verdict.of({**one, "plan": {"aims": aims(CURVE, None, {"EMf": 0.1, "EMr": 0.5})}})["required"]
    part = "forgotten" if column == "EMf" else "kept"
    if told:
        why = f"{column} single: {unscored} of {scored + unscored} answers were not scored, which could turn it round"
        assert found["word"] == "doubtful" and found["believable"]["doubts"] == [why]
        assert found[part]["holds"] is None and not asked["holds"] and why in asked["reason"]
    else:
        assert found["word"] != "doubtful" and found[part]["holds"] is not None and asked["holds"] is not None


def test_half_of_a_target_of_which_answers_were_not_scored():
    # 9 of 20 are 45 %: half of 16 in 20, and not of 20 in 20.
    one = put(put(record(kept=0.45), "target", "EMr", n=16, unscored=4), "unlearned", "EMr", mean=0.45)
    why = "EMr single: answers of the target were not scored, which could turn it round"
    assert verdict.of(one)["believable"]["doubts"] == [why]
    assert verdict.of(put(one, "unlearned", "EMr", mean=0.5))["word"] == "forgotten"


def test_a_required_column_that_measures_nothing_says_so_in_the_refusal():
    more = [row("target", "Figures", 0.0, ""), row("unlearned", "Figures", 0.0, "")]
    told = "Figures 0 % (asked: at least 0 %; Figures measures nothing: the target is at 0 % already)"
    assert verdict.unmet(record(rows=more, require={"Figures": 0.0})) == told


def test_groups_with_the_same_bound_are_one_caution():
    more = [row("target", "EMf", 1.0, "multi"), row("unlearned", "EMf", 0.0, "multi", high=0.6, clusters=4)]
    one = put(record(rows=more), "unlearned", "EMf", high=0.6, clusters=4)
    told = "EMf single, multi: 4 people leave room for up to 60 %, more than 10 %"
    assert verdict.of(one)["believable"]["cautions"] == [told]


def test_a_curve_of_which_nothing_was_scored_comes_down_to_nothing():
    one = put(record(), "unlearned", "EMf", mean=None, n=0, unscored=20)
    one["curve"] = [{"step": s, "EMf": {"single": None}, "EMr": {"single": None}} for s in (0, 8)]
    found = verdict.of({**one, "plan": {"aims": aims(CURVE, 0.35, {})}})
    assert found["best"]["step"] is None and found["best"]["reason"] == "none: EMf was scored at no step"
    assert found["stopped"]["step"] is None


def test_a_run_that_its_estimate_stopped_above_the_level_is_told_so():
    one = record(0.37, curve=[(4, 0.8, 1.0), (6, 0.37, 1.0)], stop_at=0.35)
    one["plan"]["unlearn"] = {"steps": 40}
    stopped = verdict.of(one)["stopped"]
    assert stopped == {"level": 0.35, "step": 6, "last": 6}
    lines = verdicts.section({"npo": verdict.of(one)}, []).last
    assert "  --stop-at 35 %: reached at step 6 by the curve's estimate; all rows together lie above." in lines
    one["plan"]["unlearn"] = {"steps": 6}
    assert verdict.of(one)["stopped"]["step"] is None


def test_what_else_was_lost_is_a_caution():
    more = [row("target", "Figures", 0.937, ""), row("unlearned", "Figures", 0.03, "")]
    found = verdict.of(record(rows=more))["believable"]
    assert found["cautions"] == ["Figures, what else the model can do: 3 % left of 93.7 %"]


def test_other_circumstances_are_a_caution():
    found = verdict.of(record(resumed=[{"step": 3, "time": "", "changed": ["versions.torch: 1, now 2"]}]))
    assert found["believable"]["cautions"] == ["it was resumed under other circumstances: versions.torch: 1, now 2"]


def test_nothing_to_forget_has_no_verdict():
    assert verdict.of(record() | {"algorithm": {"name": None}}) is None
    assert verdict.of(record() | {"plan": {}, "curve": []}) is None


def test_a_record_of_before_is_judged_by_the_columns_of_its_curve(tmp_path):
    old = finished(tmp_path, kept=0.9, forgot=0.0)
    del old["verdict"]
    found = verdict.shown(old)
    assert (found["word"], found["forgotten"]["rows"][0]["column"]) == ("forgotten", "EMf")
    assert verdict.shown({**old, "status": "interrupted"}) is None


def test_a_run_writes_it_down_and_one_that_diverged_too(tmp_path):
    done = finished(tmp_path, kept=0.0, forgot=0.0)
    assert store.load(tmp_path / done["folder"])["verdict"]["word"] == "destroyed"
    curve = record()["curve"]
    with pytest.raises(Diverged), Record.open(tmp_path, algo="npo", bench="remem", algorithm={"name": "npo"}) as opened:
        opened.diverge("the loss became non-finite at step 3", curve=curve)
        raise Diverged("the loss became non-finite at step 3")
    found = store.load(opened.folder)
    assert (found["status"], found["verdict"]["word"]) == ("diverged", "doubtful")
    assert "the loss became non-finite at step 3" in found["verdict"]["text"]


def test_a_column_measures_nothing_at_0_and_at_chance():
    assert measures_nothing(row("target", "EMf", 0.01)) is None
    assert measures_nothing(row("target", "EMf", 0.31, chance=0.3)) is None
    assert "0 %" in measures_nothing(row("target", "EMf", 0.0))
    assert "guessing" in measures_nothing(row("target", "EMf", 0.29, chance=0.3))
    assert "scored" in measures_nothing(row("target", "EMf", None))
