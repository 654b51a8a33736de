"""What was kept at equal forgetting.

Algorithms forget at different speeds, so their ends cannot be ranked; where each first came down to
the same level of forgetting, they can.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

LEVELS = (0.50, 0.25, 0.10)


def matched(
    curve: Sequence[Mapping[str, Any]], forget: str = "EMf", retain: str = "EMr", levels: Sequence[float] = LEVELS
) -> dict[str, dict[str, float | None]]:
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
    groups = dict.fromkeys(group for point in curve for group in point[forget])
    lines = {group: _line(curve, forget, retain, group) for group in groups}
    return {f"{level:.2f}": {group: _first(line, level) for group, line in lines.items()} for level in levels}


def _line(curve: Sequence[Mapping[str, Any]], forget: str, retain: str, group: str) -> list[tuple[float, float]]:
    """Return a group's (forget, retain) pairs that are known."""
    pairs = [(point[forget].get(group), _of(point.get(retain, {}), group)) for point in curve]
    return [(f, r) for f, r in pairs if f is not None and r is not None]


def _of(scores: Mapping[str, float | None], group: str) -> float | None:
    return scores.get("") if set(scores) == {""} else scores.get(group)


def path(curve: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Return what can be read of a curve: a start and an end without a step between them (retraining) are no path."""
    return curve if curve and curve[-1]["step"] > 0 else curve[:1]


def _first(line: Sequence[tuple[float, float]], level: float) -> float | None:
    """Return the second coordinate where the first one comes down to a level."""
    if line and line[0][0] == level:
        return line[0][1]
    for (f0, r0), (f1, r1) in pairwise(line):
        if f0 > level >= f1:
            return r0 + (r1 - r0) * (f0 - level) / (f0 - f1)
    return None
