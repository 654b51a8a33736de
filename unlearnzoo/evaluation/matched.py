"""What was kept at equal forgetting.

Algorithms forget at different speeds, so their ends cannot be ranked; where each first came down to
the same level of forgetting, they can.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

LEVELS = (0.50, 0.25, 0.10)

#: Group → score, 0 to 1; None where nothing was scored.
Groups = dict[str, float | None]
#: ``step``, and column → its groups.
Point = dict[str, int | Groups]


def groups_of(point: Mapping[str, int | Groups], column: str) -> Groups:
    """Return a column's groups at a point; empty where the point lacks the column."""
    groups = point.get(column)
    return groups if isinstance(groups, dict) else {}


def highest(point: Mapping[str, int | Groups], column: str) -> float:
    """Return the highest score among a column's groups: all have come down to a level once it has.

    Infinite where a group was not scored, or there is none: nobody knows whether that came down.
    """
    scores = groups_of(point, column).values()
    return max((math.inf if score is None else score for score in scores), default=math.inf)


def matched(
    curve: Sequence[Point], forget: str = "EMf", retain: str = "EMr", levels: Sequence[float] = LEVELS
) -> dict[str, Groups]:
    """Read the retain score where the forget score first comes down to each level.

    Each group crosses by its own forget score. Between two points both scores are taken as linear.
    A curve that starts below a level never comes down to it: nothing was forgotten on the way.

    Args:
        curve: points ``{"step": 0, "EMf": {"single": 1.0, ...}, "EMr": {...}}`` in order of step;
            a group without a score on either side (absent or None) leaves the point out.
        forget: column that falls.
        retain: column that is read; one in no group (utility) is read where each group crosses.
        levels: of the forget score.

    Returns:
        Level (``"0.50"``) → group → retain score; None where the level is not reached.
    """
    groups = dict.fromkeys(group for point in curve for group in groups_of(point, forget))
    lines = {group: _line(curve, forget, retain, group) for group in groups}
    return {f"{level:.2f}": {group: _first(line, level) for group, line in lines.items()} for level in levels}


def _line(curve: Sequence[Point], forget: str, retain: str, group: str) -> list[tuple[float, float]]:
    """Return a group's (forget, retain) pairs, where both are known."""
    pairs = [(groups_of(point, forget).get(group), _score(groups_of(point, retain), group)) for point in curve]
    return [(f, r) for f, r in pairs if f is not None and r is not None]


def _score(groups: Groups, group: str) -> float | None:
    """Return a group's score; the only one there is where the column has no groups."""
    return groups.get("") if set(groups) == {""} else groups.get(group)


def path(curve: Sequence[Point]) -> Sequence[Point]:
    """Return the part of a curve that can be read.

    A start and an end at step 0 (retraining) have no steps between them: no level was crossed on the way.
    """
    return curve if curve and curve[-1]["step"] != 0 else curve[:1]


def _first(line: Sequence[tuple[float, float]], level: float) -> float | None:
    """Return the retain score where the forget score first comes down to a level; None where it does not."""
    if line and line[0][0] == level:
        return line[0][1]
    for (f0, r0), (f1, r1) in pairwise(line):
        if f0 > level >= f1:
            # Linear between two points: the share of the way from f0 down to f1 that the level is at.
            return r0 + (r1 - r0) * (f0 - level) / (f0 - f1)
    return None
