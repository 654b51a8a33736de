"""When a point is worth its cost, and what it estimates, on a model whose memory is written down."""

import dataclasses
import math
from types import SimpleNamespace

import pytest

from tests.support.examples import couple, image
from unlearnzoo import Example, Metric
from unlearnzoo.evaluation.curve import UTILITY_GENERATED, UTILITY_ROWS, Curve, _whole_images
from unlearnzoo.evaluation.evaluator import Item


class Equal(Metric):
    """Whether prediction and answer are equal."""

    name = "equal"

    def score(self, prediction, answer):
        return float(prediction == answer)


class Scripted:
    """Proves what is in ``proven``; says the answer of what is in ``said``."""

    def __init__(self):
        self.logps: dict[str, float] = {}
        self.proven: set[str] = set()
        self.said: set[str] = set()
        self.generated = 0
        self.cut: list[tuple[int, int]] = []

    def encode(self, example):
        return SimpleNamespace(example=example, answer=(1, 2), image_key=(), prompt=(example.id,))

    def score(self, encoded, which):
        assert which == "unlearned"
        return [
            SimpleNamespace(correct=e.example.id in self.proven, logps=[self.logps.get(e.example.id, 0.0)])
            for e in encoded
        ]

    def generate(self, encoded, which, limit, done):
        self.cut.append((limit, len(encoded)))
        self.generated += len(encoded)
        return [e.example.answer if e.example.id in self.said else "no idea" for e in encoded]


class Probability(Metric):
    """The true answer's probability: nothing to generate."""

    name = "probability"

    def score(self, logps):
        return math.exp(sum(logps))


LIMITS = {"forget": 12, "retain": 9, "figure": 20}
HOPS = {"EMf": ("hop",), "EMr": ("hop",)}


def items(split, hop, n, who=2):
    return [
        Item(
            split,
            Example(
                id=f"{split}/{hop}-{i}",
                identity=f"id{i % who}",
                question="?",
                answer="yes",
                images=(image(i // 5),),
                tags={"hop": hop},
            ),
        )
        for i in range(n)
    ]


@pytest.fixture
def made():
    engine = Scripted()
    sides = {"EMf": items("forget", "single", 40) + items("forget", "multi", 20), "EMr": items("retain", "single", 10)}
    curve = Curve(engine, sides, Equal(), probe_rows=60, rows=8, limits=LIMITS, by=HOPS)
    remember(engine, curve, 1.0)
    curve.start({"EMf": {"single": 1.0, "multi": 1.0}, "EMr": {"single": 1.0}})
    return engine, curve


def remember(engine, curve, single, multi=0.0):
    """Let the probe find these shares."""
    engine.proven = {f"retain/single-{i}" for i in range(10)}
    for hop, share in (("single", single), ("multi", multi)):
        ids = [item.example.id for item in curve.probe_items if item.example.tags["hop"] == hop]
        engine.proven |= set(ids[: round(share * len(ids))])


def test_a_point_needs_a_move(made):
    engine, curve = made
    remember(engine, curve, 0.95)
    assert curve.probe(1) is None and engine.generated == 0
    remember(engine, curve, 0.85)
    point = curve.probe(2)
    assert point["EMr"] == {"single": 1.0}
    assert point["EMf"]["single"] == 0.85
    remember(engine, curve, 0.8)
    assert curve.probe(3) is None  # counted from the last point, not from the last look
    assert [p["step"] for p in curve.points] == [0, 2]


def test_the_group_remembered_best_counts(made):
    engine, curve = made
    remember(engine, curve, 0.0, 1.0)
    assert curve.probe(1) is None


def test_points_stand_on_both_sides_of_the_lowest_level(made):
    engine, curve = made
    remember(engine, curve, 0.1)
    engine.said = {item.example.id for item in curve.probe_items[:30]}  # generation still knows some
    assert curve.probe(1)["EMf"]["single"] > 0.1
    remember(engine, curve, 0.05)  # half a move
    engine.said = set()
    assert curve.probe(2)["EMf"] == {"single": 0.05, "multi": 0.0}
    remember(engine, curve, 0.0)
    assert curve.probe(3) is None  # below the level there is nothing to find


def test_some_wrong_answers_stand_for_all(made):
    engine, curve = made
    wrong = [item.example.id for item in curve.groups["EMf", "single"]][10:]
    remember(engine, curve, 0.0)
    engine.proven |= {item.example.id for item in curve.groups["EMf", "single"]} - set(wrong)
    engine.said = set(wrong[:2])
    point = curve._score(1)
    assert engine.generated == 8 + 8  # of 30 and 20 wrong ones
    assert point["EMf"]["single"] == pytest.approx((10 + 30 * 2 / 8) / 40)


def test_each_split_has_its_own_limit(made):
    engine, curve = made
    engine.proven = set()
    curve._score(1)
    assert engine.cut == [(9, 8), (12, 16)]


def test_the_end_is_what_the_full_judging_says(made):
    _, curve = made
    ends = {"EMf": {"single": 0.0, "multi": 0.1}, "EMr": {"single": 0.7}}
    curve._score(9)
    curve.end(9, ends)
    assert curve.points[1:] == [{"step": 9, **ends}]


def test_the_probe_takes_whole_images_of_everybody():
    curve = Curve(Scripted(), {"EMf": items("forget", "single", 40)}, Equal(), probe_rows=10, rows=8, limits=LIMITS)
    chosen = [item.example for item in curve.probe_items]
    keys = {(e.identity, e.images[0].key) for e in chosen}
    assert len(chosen) in range(10, 13)
    assert {e.identity for e in chosen} == {"id0", "id1"}
    for item in items("forget", "single", 40):
        inside = (item.example.identity, item.example.images[0].key) in keys
        assert inside == (item.example.id in {e.id for e in chosen})


def test_utility_is_asked_of_the_same_few_rows_at_each_point():
    engine = Scripted()
    utility = {"Figures": items("figure", "single", 60, who=12) + items("figure", "multi", 60, who=12)}
    curve = Curve(
        engine,
        {"EMf": items("forget", "single", 5), "EMr": items("retain", "single", 5)},
        Equal(),
        probe_rows=5,
        rows=8,
        limits=LIMITS,
        by=HOPS,
        utility=utility,
    )
    asked = [item.example.id for item in curve.asked("Figures")]
    assert UTILITY_ROWS <= len(asked) < UTILITY_ROWS + 10 and len(set(asked)) == len(asked)
    curve.start({"EMf": {"single": 1.0}, "EMr": {"single": 1.0}, "Figures": {"": 1.0}})
    engine.proven = set(asked[:10]) | {
        item.example.id for items in utility.values() for item in items if item.example.id not in asked
    }
    engine.said = set(asked[10:13])
    assert curve._score(1)["Figures"] == {"": pytest.approx((10 + (len(asked) - 10) * 3 / 12) / len(asked))}
    assert engine.generated == 5 + 5 + UTILITY_GENERATED
    assert list(curve.points[-1]) == ["step", "EMf", "EMr", "Figures"]


def test_a_metric_over_log_probabilities_scores_every_row_and_generates_nothing():
    """It has no answer to read, so no answer is proven: 20 rows at 1/2 and 20 at 1/8 are 5/16."""
    engine, rows = Scripted(), items("forget", "single", 40)
    engine.proven = {item.example.id for item in rows}
    engine.logps = {item.example.id: math.log(0.5 if i < 20 else 0.125) for i, item in enumerate(rows)}
    curve = Curve(engine, {"P": rows}, Probability(), probe_rows=10, rows=8, limits=LIMITS, by={"P": ("hop",)})
    assert curve._score(1)["P"] == {"single": pytest.approx(5 / 16)} and engine.generated == 0


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ((), [""]),
        (("region",), ["north", "south"]),
        (("region", "hop"), ["north/multi", "north/single", "south/single"]),
    ],
)
def test_groups_are_those_of_the_column(by, groups):
    rows = [
        Item("forget", dataclasses.replace(item.example, tags={"region": region, **item.example.tags}))
        for region, hop in (("north", "single"), ("north", "multi"), ("south", "single"))
        for item in items(f"{region}/{hop}", hop, 4)
    ]
    curve = Curve(Scripted(), {"EMf": rows}, Equal(), probe_rows=12, rows=8, limits=LIMITS, by={"EMf": by})
    assert list(curve._score(1)["EMf"]) == groups
    # Only the south is remembered: it decides the probe where it is a group of its own.
    curve.engine.proven = {item.example.id for item in rows if item.example.tags["region"] == "south"}
    assert curve._probe() == pytest.approx(1 / 3 if not by else 1.0)


def test_rows_about_several_people_have_a_turn_of_their_own():
    """As many of them as of each person alone, whoever's name comes first."""

    def about(*people):
        return [Item("forget", couple("forget", *people, id=f"{people}/{i}", images=(image(i),))) for i in range(9)]

    chosen = _whole_images([*about("ann"), *about("bob"), *about("ann", "bob")], 6)
    assert sorted(item.example.identities for item in chosen) == sorted(2 * [("ann",), ("bob",), ("ann", "bob")])
