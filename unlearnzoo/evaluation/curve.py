"""How forgetting and keeping move along stage 2: dense where they move, cheap where they do not.

Methods forget at different speeds, so an end point at a fixed step ranks nothing; the curve gives
what was kept at equal forgetting. A probe (teacher-forced, on a fixed part of the forget set)
decides when a point is worth its cost.
"""

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..metric import Metric, Scored
from .evaluator import MARGIN, MAX_NEW_TOKENS, Item
from .matched import LEVELS

if TYPE_CHECKING:
    from ..training.engine import Engine

Point = dict[str, Any]
#: A point is scored when the probe has moved this far since the last one.
MOVE = 0.1
NEAR_MOVE = 0.02
TAG = "hop"
#: Utility rows of a point, over all its columns, and those of them that are generated: so many make a
#: point less than a tenth dearer (measured with the embedded model).
UTILITY_ROWS, UTILITY_GENERATED = 48, 12


class Curve:
    """Scores points of the curve.

    Args:
        engine: asked in state ``unlearned``.
        sides: column (``EMf``, ``EMr``) → the rows behind it; the first is the forget side.
        metric: full name → metric; the rows' own (EM) judges.
        probe_rows: forget rows of the probe.
        rows: rows a group whose wrong answers are generated at a point.
        utility: column → rows that show what else the model can do; a fixed part of them, the same
            at each point, is asked.
    """

    def __init__(
        self,
        engine: "Engine",
        sides: Mapping[str, Sequence[Item]],
        metric: Metric,
        probe_rows: int,
        rows: int,
        utility: Mapping[str, Sequence[Item]] | None = None,
    ) -> None:
        self.engine, self.metric = engine, metric
        self.groups = {
            (column, hop): [item for item in order if item.example.tags.get(TAG, "") == hop]
            for column, items in sides.items()
            for order in [_shuffled(items)]
            for hop in sorted({item.example.tags.get(TAG, "") for item in items})
        }
        self.rows = dict.fromkeys(self.groups, rows)
        share = max(1, len(utility or ()))
        for column, items in (utility or {}).items():
            self.groups[column, ""] = _whole_images(items, UTILITY_ROWS // share)
            self.rows[column, ""] = UTILITY_GENERATED // share
        self.forget = next(iter(sides))
        self.probe_items = _whole_images(sides[self.forget], probe_rows)
        self.last_probe = 1.0
        self.points: list[Point] = []

    def start(self, means: Mapping[str, Mapping[str, float]]) -> None:
        """Set step 0 from the target's own scores, column → hop → EM; of utility over ``asked``."""
        self.points = [_point(0, means)]
        self.last_probe = self._probe()

    def state(self) -> dict[str, Any]:
        """Return what a resumed run needs, JSON-able."""
        return {"points": list(self.points), "last_probe": self.last_probe}

    def put(self, state: Mapping[str, Any]) -> None:
        """Go on from a ``state``, in place of ``start``."""
        self.points, self.last_probe = list(state["points"]), state["last_probe"]

    def probe(self, step: int) -> Point | None:
        """Probe; where it has moved since the last point, score and keep a new one.

        Around the lowest level of ``matched`` a smaller move is enough: less than a whole one is
        left below it, and a straight line from above it to the end would say little of what was kept.
        """
        found = self._probe()
        near = found <= min(LEVELS) < max(self.points[-1][self.forget].values())
        if abs(found - self.last_probe) < (NEAR_MOVE if near else MOVE):
            return None
        point = self._score(step)
        self.last_probe = found
        return point

    def end(self, step: int, means: Mapping[str, Mapping[str, float]]) -> None:
        """Set the last point from the full evaluating of the unlearned model."""
        start, *others = self.points
        self.points = [start, *(p for p in others if p["step"] != step), _point(step, means)]

    def asked(self, column: str) -> list[Item]:
        """Return the rows of a utility column that each point asks."""
        return self.groups[column, ""]

    def _score(self, step: int) -> Point:
        """Estimate EM of each group: proven answers, and the rate among some of the others."""
        flat = [item for items in self.groups.values() for item in items]
        encoded = [self.engine.encode(item.example) for item in flat]
        proven = iter(self.engine.score(encoded, "unlearned"))
        wrong = {group: [item for item in items if not next(proven).correct] for group, items in self.groups.items()}
        # Items stand in a fixed random order.
        some = [item for group, items in wrong.items() for item in items[: self.rows[group]]]
        longest = max(len(e.answer) for e in encoded)
        texts = iter(
            self.engine.generate(
                [self.engine.encode(item.example) for item in some], "unlearned", min(MAX_NEW_TOKENS, longest + MARGIN)
            )
        )
        means: dict[str, dict[str, float]] = {}
        for (column, hop), items in self.groups.items():
            failed = wrong[column, hop]
            hits = [self._hit(item, next(texts)) for item in failed[: self.rows[column, hop]]]
            rate = sum(hits) / len(hits) if hits else 0.0
            means.setdefault(column, {})[hop] = (len(items) - len(failed) + len(failed) * rate) / len(items)
        self.points.append(_point(step, means))
        return self.points[-1]

    def _probe(self) -> float:
        """Return the proven share of the group that is remembered best."""
        encoded = [self.engine.encode(item.example) for item in self.probe_items]
        right: dict[str, list[bool]] = {}
        for item, judged in zip(self.probe_items, self.engine.score(encoded, "unlearned"), strict=True):
            right.setdefault(item.example.tags.get(TAG, ""), []).append(judged.correct)
        return max(sum(found) / len(found) for found in right.values())

    def _hit(self, item: Item, text: str) -> float:
        known = {
            "question": item.example.question,
            "prediction": text,
            "answer": item.example.answer,
            "keywords": item.example.keywords,
            "choices": item.example.choices,
        }
        found = self.metric.score(**{need: known[need] for need in self.metric.needs})
        value = found.value if isinstance(found, Scored) else float(found)
        return 0.0 if math.isnan(value) else value


def _point(step: int, means: Mapping[str, Mapping[str, float]]) -> Point:
    return {"step": step, **{column: dict(by_hop) for column, by_hop in means.items()}}


def _shuffled(items: Sequence[Item]) -> list[Item]:
    order = list(items)
    random.Random("curve").shuffle(order)
    return order


def _whole_images(items: Sequence[Item], total: int) -> list[Item]:
    """Take about ``total`` items, image by image (they then share its prefix), identities in turn."""
    images: dict[str, dict[tuple[str, ...], list[Item]]] = {}
    for item in _shuffled(items):
        key = tuple(image.key for image in item.example.images) or (item.example.id,)
        images.setdefault(item.example.identity, {}).setdefault(key, []).append(item)
    turns = itertools.zip_longest(*(of.values() for of in images.values()))
    chosen: list[Item] = []
    for image in (i for turn in turns for i in turn if i):
        if len(chosen) >= total:
            break
        chosen += image
    return chosen
