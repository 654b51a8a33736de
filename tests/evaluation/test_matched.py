"""Retain at equal forgetting, by hand."""

import json
import math

import pytest

from unlearnzoo.evaluation.matched import highest, matched, path


def curve(*pairs, hop="single"):
    return [{"step": i, "EMf": {hop: f}, "EMr": {hop: r}} for i, (f, r) in enumerate(pairs)]


def at(points, level=0.5, hop="single"):
    return matched(points, levels=(level,))[f"{level:.2f}"].get(hop)


def test_default_levels_and_shape():
    found = matched(curve((1.0, 1.0), (0.0, 0.0)))
    assert found == {"0.50": {"single": 0.5}, "0.25": {"single": 0.25}, "0.10": {"single": pytest.approx(0.1)}}
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(1.0, 0.9), (0.5, 0.7), (0.0, 0.1)], 0.7),  # a point on the level
        ([(1.0, 0.8), (0.75, 0.8), (0.25, 0.4)], 0.6),  # half-way between two
        ([(0.5, 0.9), (0.2, 0.1)], 0.9),  # the start is on the level
        ([(1.0, 0.9), (0.6, 0.5)], None),  # not reached
        ([(0.4, 0.9), (0.2, 0.1)], None),  # never above
        ([(0.4, 0.9), (0.6, 0.8), (0.4, 0.4)], 0.6),  # above only later
        ([(1.0, 1.0), (0.4, 0.4), (0.8, 0.9), (0.0, 0.0)], 0.5),  # the first of two crossings
        ([(1.0, 1.0), (0.5, 0.6), (0.5, 0.2), (0.0, 0.0)], 0.6),  # rests on the level
        ([(0.8, 0.9), (0.8, 0.7), (0.2, 0.1)], 0.4),  # rests above it: from the last rest on
        ([(1.0, 1.0)], None),
        ([], None),
        ([(1.0, 0.9), (None, 0.2), (0.0, 0.1)], 0.5),  # a point without a score is left out
        ([(1.0, 0.9), (0.5, None), (0.0, 0.1)], 0.5),
        ([(None, None)], None),
    ],
)
def test_first_crossing(points, expected):
    found = at(curve(*points))
    assert found == (expected if expected is None else pytest.approx(expected))


def test_each_hop_crosses_on_its_own():
    points = [
        {"step": 0, "EMf": {"single": 1.0, "multi": 1.0}, "EMr": {"single": 1.0, "multi": 0.8}},
        {"step": 4, "EMf": {"single": 0.0, "multi": 0.8}, "EMr": {"single": 0.6, "multi": 0.8}},
        {"step": 8, "EMf": {"single": 0.0, "multi": 0.2}, "EMr": {"single": 0.6, "multi": 0.2}},
    ]
    assert matched(points, levels=(0.5,)) == {"0.50": {"single": pytest.approx(0.8), "multi": pytest.approx(0.5)}}


def test_a_hop_without_retain_rows_has_no_number():
    points = [{"step": i, "EMf": {"single": f, "multi": f}, "EMr": {"single": f}} for i, f in enumerate((1.0, 0.0))]
    assert matched(points, levels=(0.5,)) == {"0.50": {"single": 0.5, "multi": None}}


def test_other_columns():
    points = [{"step": 0, "bad": {"": 1.0}, "good": {"": 1.0}}, {"step": 1, "bad": {"": 0.0}, "good": {"": 0.5}}]
    assert matched(points, "bad", "good", levels=(0.5,)) == {"0.50": {"": 0.75}}


def test_empty_curve():
    assert matched([]) == {"0.50": {}, "0.25": {}, "0.10": {}}


def test_linear_curves_give_the_line():
    points = curve(*[(1 - i / 7, 1 - (i / 7) / 3) for i in range(8)])
    for level in (0.9, 0.5, 0.25, 0.1, 0.05):
        assert at(points, level) == pytest.approx(1 - (1 - level) / 3)


def test_a_column_in_no_group_is_read_where_each_group_crosses():
    points = [
        {"step": 0, "EMf": {"single": 1.0, "multi": 1.0}, "Figures": {"": 0.9}},
        {"step": 2, "EMf": {"single": 0.0, "multi": 0.5}, "Figures": {"": 0.7}},
        {"step": 4, "EMf": {"single": 0.0, "multi": 0.0}, "Figures": {"": 0.1}},
    ]
    assert matched(points, "EMf", "Figures", levels=(0.5, 0.25)) == {
        "0.50": {"single": pytest.approx(0.8), "multi": pytest.approx(0.7)},
        "0.25": {"single": pytest.approx(0.75), "multi": pytest.approx(0.4)},
    }
    assert matched(points, "EMf", "Visual", levels=(0.5,)) == {"0.50": {"single": None, "multi": None}}


def test_a_start_and_an_end_without_a_step_are_no_path():
    """Retraining has no steps; a run that stops at its first look has some."""
    points = curve((1.0, 1.0), (0.6, 0.8), (0.0, 0.0))
    assert path(points) == points and path(points[:2]) == points[:2]
    assert path([points[0], {**points[2], "step": 0}]) == points[:1]
    assert path([]) == []


@pytest.mark.parametrize(
    ("groups", "reached"),
    [({"single": 0.1, "multi": 0.3}, 0.3), ({"single": 0.1, "multi": None}, math.inf), ({}, math.inf)],
)
def test_what_was_not_scored_has_come_down_to_nothing(groups, reached):
    assert highest({"step": 1, "EMf": groups}, "EMf") == reached
