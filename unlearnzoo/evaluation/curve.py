"""How forgetting and keeping move along stage 2: dense where they move, cheap where they do not.

Methods forget at different speeds, so an end point at a fixed step ranks nothing; the curve gives
what was kept at equal forgetting. A probe (teacher-forced, on a fixed part of the forget set)
decides when a point is worth its cost.
"""

import math
import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..metric import Metric, Scored
from .judge import MARGIN, MAX_NEW_TOKENS, Item

if TYPE_CHECKING:
    from ..engine.engine import Engine

Point = dict[str, Any]
#: A point is scored when the probe has moved this far since the last one.
MOVE = 0.1
TAG = "hop"


class Curve:
    """Scores points of the curve.

    Args:
        engine: asked in state ``policy``.
        sides: column (``EMf``, ``EMr``) → the rows behind it; the first is the forget side.
        metric: full name → metric; the rows' own (EM) judges.
        probe_rows: forget rows of the probe.
        rows: rows a group whose wrong answers are generated at a point.
    """

    def __init__(self, engine: "Engine", sides: Mapping[str, Sequence[Item]], metric: Metric,
                 probe_rows: int, rows: int) -> None:
        self.engine, self.metric, self.rows = engine, metric, rows
        self.groups = {
            (column, hop): [item for item in order if item.example.tags.get(TAG, "") == hop]
            for column, items in sides.items()
            for order in [_shuffled(items)]
            for hop in sorted({item.example.tags.get(TAG, "") for item in items})
        }
        forget = next(iter(sides))
        self.probe_items = _balanced([g for (c, _), g in self.groups.items() if c == forget], probe_rows)
        self.last_probe: float | None = None
        self.points: list[Point] = []

    def start(self, means: Mapping[str, Mapping[str, float]]) -> None:
        """Set step 0 from the target's own scores, column → hop → EM."""
        self.points = [{"step": 0, **{c: dict(v) for c, v in means.items()}}]
        self.last_probe = self._probe()

    def look(self, step: int) -> Point | None:
        """Probe; where it has moved since the last point, score and keep a new one."""
        found = self._probe()
        assert self.last_probe is not None
        if abs(found - self.last_probe) < MOVE:
            return None
        self.last_probe = found
        return self.add(step)

    def add(self, step: int) -> Point:
        """Score a point now."""
        point: Point = {"step": step}
        for (column, hop), items in self.groups.items():
            point.setdefault(column, {})[hop] = self._share(items)
        self.points.append(point)
        return point

    def _probe(self) -> float:
        encoded = [self.engine.encode(item.example) for item in self.probe_items]
        judged = self.engine.score(encoded, "policy")
        return sum(bool(j.correct) for j in judged) / len(judged)

    def _share(self, items: Sequence[Item]) -> float:
        """Estimate EM of a group: proven answers, and the rate among some of the others."""
        encoded = [self.engine.encode(item.example) for item in items]
        proven = [j.correct for j in self.engine.score(encoded, "policy")]
        wrong = [i for i, right in enumerate(proven) if not right]
        if not wrong:
            return 1.0
        some = wrong[: self.rows]  # items stand in a fixed random order
        longest = max(len(e.answer) for e in encoded)
        texts = self.engine.generate([encoded[i] for i in some], "policy", min(MAX_NEW_TOKENS, longest + MARGIN))
        hits = [self._hit(items[i], text) for i, text in zip(some, texts, strict=True)]
        rate = sum(hits) / len(hits)
        return (len(items) - len(wrong) + len(wrong) * rate) / len(items)

    def _hit(self, item: Item, text: str) -> float:
        known = {"prediction": text, "answer": item.example.answer, "keywords": item.example.keywords}
        found = self.metric.score(**{need: known[need] for need in self.metric.needs})
        value = found.value if isinstance(found, Scored) else float(found)
        return 0.0 if math.isnan(value) else value


def _shuffled(items: Sequence[Item]) -> list[Item]:
    order = list(items)
    random.Random("curve").shuffle(order)
    return order


def _balanced(groups: Sequence[Sequence[Item]], total: int) -> list[Item]:
    """Take about ``total`` items, the same number of each group where it has them."""
    share = max(1, total // max(1, len(groups)))
    return [item for group in groups for item in group[:share]]
