"""Means, counts and intervals of samples by hand; how good the intervals are: ``test_people``, ``test_coverage``."""

import dataclasses
import math
import random

import pytest

from tests.support.samples import EM, EMF, EMR, sample
from unlearnzoo import Column
from unlearnzoo.evaluation.aggregate import paired, results

ALL = Column("EM", "finetune", EM, who="all", want="low", by=())


def row_of(samples, one=ALL, forget=frozenset()):
    (row,) = results(samples, [one], forget)
    return row


def test_mean_and_counts_by_hand():
    row = row_of([sample(1.0), sample(0.0, number=1), sample(1.0, identity="bob"), sample(math.nan, identity="eve")])
    assert row == {
        "model": "unlearned",
        "split": "finetune",
        "column": "EM",
        "who": "all",
        "want": "low",
        "metric": EM,
        "group": {},
        "mean": 2 / 3,
        "low": row["low"],
        "high": row["high"],
        "interval": "share",
        "n": 3,
        "clusters": 2,
        "unscored": 1,
    }
    assert (row["low"], row["high"]) == (pytest.approx(0, abs=1e-6), pytest.approx(1))


def test_nothing_scored_is_null_not_zero():
    row = row_of([sample(math.nan), sample(math.nan, number=1)])
    assert (row["mean"], row["n"], row["clusters"], row["unscored"]) == (None, 0, 0, 2)


def test_a_column_without_samples_is_a_row():
    row = row_of([sample(1.0, split="test")])
    assert (row["mean"], row["n"], row["group"], row["unscored"]) == (None, 0, {}, 0)


def test_no_samples_no_rows():
    assert results([], [ALL], frozenset()) == []


def test_who_is_asked():
    samples = [
        sample(score, identity=who, split=split)
        for who, score in (("ann", 0.0), ("bob", 1.0))
        for split in ("finetune", "retain")
    ]
    rows = results(samples, [EMF, EMR, ALL], frozenset({"ann"}))
    assert [(r["column"], r["mean"], r["n"]) for r in rows] == [("EMf", 0.0, 1), ("EMr", 1.0, 1), ("EM", 0.5, 2)]


def test_groups_are_sorted_and_a_missing_tag_is_one():
    samples = [
        sample(1.0, tags={"hop": "single"}),
        sample(0.0, number=1, tags={"hop": "multi"}),
        sample(0.5, number=2, tags={}),
    ]
    rows = results(samples, [Column("EM", "finetune", EM, who="all", want="low")], frozenset())
    assert [(r["group"], r["mean"]) for r in rows] == [
        ({"hop": ""}, 0.5),
        ({"hop": "multi"}, 0.0),
        ({"hop": "single"}, 1.0),
    ]


def test_groups_by_two_tags():
    samples = [
        sample(1.0, number=i, tags={"hop": hop, "attribute": of})
        for i, (hop, of) in enumerate([("single", "job"), ("multi", "job"), ("single", "email")])
    ]
    one = Column("EM", "finetune", EM, who="all", want="low", by=("attribute", "hop"))
    assert [r["group"] for r in results(samples, [one], frozenset())] == [
        {"attribute": "email", "hop": "single"},
        {"attribute": "job", "hop": "multi"},
        {"attribute": "job", "hop": "single"},
    ]


def test_models_stand_apart():
    samples = [sample(1.0, model="target"), sample(0.0, model="base")]
    assert [(r["model"], r["mean"]) for r in results(samples, [ALL], frozenset())] == [("base", 0.0), ("target", 1.0)]


def test_other_metrics_do_not_count():
    assert row_of([sample(1.0), sample(0.0, number=1, metric="other/em")])["n"] == 1


def people(n, size=5, seed=0):
    draw = random.Random(seed)
    return [sample(float(draw.random() < 0.5), identity=f"p{i:02}", number=j) for i in range(n) for j in range(size)]


def test_one_person_has_no_interval_and_two_have():
    one, two = row_of(people(1)), row_of(people(2))
    assert (one["low"], one["high"], one["interval"]) == (None, None, None)
    assert two["low"] < two["mean"] < two["high"]


def test_only_scored_people_count():
    samples = people(1) + [sample(math.nan, identity="p10")]
    assert row_of(samples)["low"] is None


def test_nothing_leaked_of_four_people_is_not_nothing():
    """Clopper and Pearson at n = people: (1 - high)^4 = 0.025."""
    row = row_of([sample(0.0, identity=f"p{i}", number=j) for i in range(4) for j in range(56)])
    assert (row["low"], row["high"]) == (0, pytest.approx(1 - 0.025**0.25))


def test_the_kind_of_interval_follows_the_scores():
    detail = dataclasses.replace(ALL, detail="rank")
    ranks = [sample(1.0, identity=f"p{i}", details={"rank": float(i + 1)}) for i in range(5)]
    rows = [row_of(people(5)), row_of([*people(5), sample(0.5)]), row_of(ranks, detail)]
    assert [row["interval"] for row in rows] == ["share", "score", "number"]
    half = 2.776445 * math.sqrt(2.5 / 5)  # Student's, of 1 to 5
    assert (rows[2]["low"], rows[2]["high"]) == (pytest.approx(3 - half), pytest.approx(3 + half))
    same = [sample(1.0, identity=f"p{i}", details={"rank": 7.0}) for i in range(5)]
    assert row_of(same, detail)["low"] is None


def test_order_of_samples_does_not_matter():
    samples = people(12, seed=3)
    samples += [sample(0.1 * i, identity=f"p{i:02}", number=90) for i in range(10)]
    first = row_of(samples)
    for seed in range(5):
        random.Random(seed).shuffle(samples)
        assert row_of(samples) == first


def test_people_who_agree_leave_the_doubt_of_their_number():
    row = row_of([sample(0.25, identity=f"p{i}", number=j) for i in range(10) for j in range(i + 1)])
    assert row["low"] < 0.1 < row["mean"] == 0.25 < 0.5 < row["high"]


def test_chance_is_the_mean_of_what_the_judge_noted():
    samples = [
        sample(1.0, details={f"chance/{EM}": 0.2}),
        sample(1.0, number=1, details={f"chance/{EM}": 0.4}),
        sample(math.nan, number=2, details={f"chance/{EM}": math.nan}),
    ]
    assert row_of(samples)["chance"] == pytest.approx(0.3)
    assert "chance" not in row_of([sample(1.0)])


def pairs(a, b, one=ALL, forget=frozenset()):
    (row,) = paired(a, b, [one], forget)
    return row


def test_paired_differences_by_hand():
    a = [sample(1.0), sample(1.0, number=1), sample(0.0, identity="bob")]
    b = [sample(0.0), sample(1.0, number=1), sample(1.0, identity="bob")]
    row = pairs(a, b)
    assert row["mean"] == 0.0
    assert -1 <= row["low"] < 0 < row["high"] <= 1
    assert (row["n"], row["unpaired"], row["unscored"], row["p"], row["interval"]) == (3, 0, 0, 1.0, "difference")


def test_paired_takes_common_examples_only():
    a = [sample(1.0), sample(0.0, number=1), sample(1.0, number=2)]
    b = [sample(0.0), sample(math.nan, number=1), sample(0.0, number=7)]
    row = pairs(a, b)
    assert (row["mean"], row["n"], row["unscored"], row["unpaired"]) == (1.0, 1, 1, 2)


def test_paired_is_narrower_than_two_intervals():
    """Where people differ more than algorithms do, only pairs can tell the algorithms apart."""
    draw = random.Random(4)
    a, b = [], []
    for i in range(20):
        level = draw.random()
        for j in range(5):
            a.append(sample(0.8 * level + draw.uniform(0.05, 0.15), identity=f"p{i:02}", number=j))
            b.append(sample(0.8 * level, identity=f"p{i:02}", number=j))
    row, alone = pairs(a, b), row_of(a)
    assert 0.08 < row["low"] < row["mean"] < row["high"] < 0.12
    assert row["p"] == pytest.approx(2 / 2**20)
    assert alone["high"] - alone["low"] > 0.2


def test_paired_filters_who_and_groups_like_results():
    a = [sample(1.0), sample(1.0, identity="bob"), sample(0.5, number=1, tags={"hop": "multi"})]
    b = [sample(0.0), sample(0.0, identity="bob"), sample(0.0, number=1, tags={"hop": "multi"})]
    rows = paired(a, b, [EMF], frozenset({"ann"}))
    assert [(r["group"], r["mean"], r["n"]) for r in rows] == [({"hop": "multi"}, 0.5, 1), ({"hop": "single"}, 1.0, 1)]


def test_paired_with_nothing_in_common():
    row = pairs([sample(1.0)], [sample(1.0, number=1)])
    assert (row["mean"], row["n"], row["unpaired"], row["p"]) == (None, 0, 2, None)


CIRCULAR = Column("Circ", "finetune", EM, who="all", want="high", by=(), all_of="asked")


def asked(question, *scores, **more):
    return [
        sample(score, identity=question, number=i, tags={"asked": question}, **more) for i, score in enumerate(scores)
    ]


def test_rows_that_count_as_one_are_right_only_together():
    row = row_of(
        [
            *asked("a", 1.0, 1.0, 1.0),
            *asked("b", 1.0, 0.0, 1.0),
            *asked("c", 1.0),
            *asked("d", math.nan, 0.0),
            *asked("e", math.nan, 1.0),
        ],
        CIRCULAR,
    )
    assert (row["mean"], row["n"], row["clusters"], row["unscored"]) == (2 / 4, 4, 4, 1)
    assert row["all_of"] == "asked"
    assert "all_of" not in row_of([sample(1.0)])


def test_a_column_over_tagged_rows_leaves_the_others_out():
    some = dataclasses.replace(ALL, tagged="clean")
    samples = [
        sample(1.0, tags={"hop": "single"}),
        sample(0.0, number=1, tags={"hop": "single", "clean": "yes"}),
        sample(1.0, number=2, tags={"hop": "single", "clean": "yes"}),
    ]
    row = row_of(samples, some)
    assert (row["mean"], row["n"], row["tagged"]) == (0.5, 2, "clean")
    assert (row_of(samples)["n"], "tagged" in row_of(samples)) == (3, False)
    assert row_of(samples[:1], some)["n"] == 0


def test_rows_without_the_tag_stand_for_themselves():
    row = row_of([sample(1.0, tags={}), sample(0.0, number=1, tags={})], CIRCULAR)
    assert (row["mean"], row["n"]) == (0.5, 2)


def test_guessing_is_rarely_right_in_every_order():
    """Of four options in four orders: (1/4)^4 in place of 1/4."""
    draw = random.Random(0)
    rows = [s for i in range(3000) for s in asked(f"q{i}", *(float(draw.random() < 0.25) for _ in range(4)))]
    assert row_of(rows, CIRCULAR)["mean"] == pytest.approx(0.25**4, abs=0.003)
    assert row_of(rows)["mean"] == pytest.approx(0.25, abs=0.02)


def test_pairs_of_rows_that_count_as_one():
    row = pairs(
        [*asked("a", 1.0, 1.0), *asked("b", 1.0, 0.0)], [*asked("a", 0.0, 1.0), *asked("b", 0.0, 0.0)], CIRCULAR
    )
    assert (row["mean"], row["clusters"], row["n"]) == (0.5, 2, 2)
