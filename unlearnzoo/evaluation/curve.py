"""How forgetting and keeping move along stage 2: many points where they move, few where they do not.

Methods forget at different speeds, so an end point at a fixed step ranks nothing; the curve gives
what was kept at equal forgetting. A probe (teacher-forced, on a fixed part of the forget set)
decides when a point is worth its cost.
"""

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypedDict

from ..clock import counted
from ..encoding.encode import Encoded
from ..metric import Metric, Scored
from .aggregate import group_name
from .evaluator import Item, generated, prompt_key, proven_text
from .matched import LEVELS, Groups, Point, highest
from .metric_inputs import metric_inputs, needed

if TYPE_CHECKING:
    from ..training.engine import Engine, TeacherForced

#: Column → group → mean score.
Means = Mapping[str, Mapping[str, float | None]]
#: A point is scored when the probe has moved this far since the last one.
MOVE = 0.1
NEAR_MOVE = 0.02
#: Utility rows per point, over all its columns, and how many of them are generated: so many make a
#: point less than a tenth more expensive (measured with the embedded model).
UTILITY_ROWS, UTILITY_GENERATED = 48, 12


class State(TypedDict):
    """What a resumed run needs of a curve: its points, and the share that the last point's probe found."""

    points: list[Point]
    last_probe: float


class Curve:
    """Scores points of the curve.

    Args:
        engine: asked in state ``unlearned``.
        sides: column (``EMf``, ``EMr``) → the rows behind it; the first is the forget side.
        metric: scores the rows of all columns.
        probe_rows: forget rows of the probe.
        rows: wrong answers per group that are generated at a point.
        limits: split → after how many new tokens its answers are cut.
        by: column → the tags that its rows are grouped by; a column without any is one group, named ``""``.
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
        limits: Mapping[str, int],
        by: Mapping[str, Sequence[str]] = MappingProxyType({}),
        utility: Mapping[str, Sequence[Item]] = MappingProxyType({}),
    ) -> None:
        self.engine, self.metric, self.limits = engine, metric, limits
        self.forget = next(iter(sides))
        self._by = tuple(by.get(self.forget, ()))
        # (column, group) → its rows, in an order that is the same in each run.
        self.groups: dict[tuple[str, str], list[Item]] = {}
        for column, items in sides.items():
            members: dict[str, list[Item]] = {}
            for item in _shuffled(items):
                members.setdefault(group_name(item.example.tags, by.get(column, ())), []).append(item)
            self.groups |= {(column, group): members[group] for group in sorted(members)}
        # (column, group) → how many of its wrong answers are generated.
        self.rows = dict.fromkeys(self.groups, rows)
        share = max(1, len(utility))
        for column, items in utility.items():
            self.groups[column, ""] = _whole_images(items, UTILITY_ROWS // share)
            self.rows[column, ""] = UTILITY_GENERATED // share
        self.probe_items = _whole_images(sides[self.forget], probe_rows)
        self.last_probe = 1.0
        self.points: list[Point] = []

    def start(self, means: Means) -> None:
        """Set step 0 from the target's own scores, column → group → mean; of utility over ``asked``."""
        self.points = [_point(0, means)]
        self.last_probe = self._probe()

    def state(self) -> State:
        """Return what a resumed run needs, JSON-able."""
        return {"points": list(self.points), "last_probe": self.last_probe}

    def put(self, state: State) -> None:
        """Resume from a ``state``, in place of ``start``."""
        self.points, self.last_probe = list(state["points"]), state["last_probe"]

    def probe(self, step: int) -> Point | None:
        """Probe; where it has moved since the last point, score and keep a new one.

        Around the lowest level of ``matched`` a smaller move is enough: less than a whole one is
        left below it, and a straight line from above it to the end would say little of what was kept.
        """
        share = self._probe()
        # The last point stands above the lowest level, and this look at or below it.
        near = share <= min(LEVELS) < highest(self.points[-1], self.forget)
        if abs(share - self.last_probe) < (NEAR_MOVE if near else MOVE):
            return None
        point = self._score(step)
        self.last_probe = share
        return point

    def end(self, step: int, means: Means) -> None:
        """Set the last point from the full evaluation of the unlearned model."""
        start, *others = self.points
        # A point of the last step was an estimate of what is known in full now.
        self.points = [start, *(p for p in others if p["step"] != step), _point(step, means)]

    def asked(self, column: str) -> list[Item]:
        """Return the rows of a utility column that every point asks."""
        return self.groups[column, ""]

    def _score(self, step: int) -> Point:
        """Score each group and keep the point."""
        flat = [item for items in self.groups.values() for item in items]
        encoded = [self.engine.encode(item.example) for item in flat]
        with counted("scoring"):
            forced = iter(self.engine.score(encoded, "unlearned"))
        asked = {group: [(item, next(forced)) for item in items] for group, items in self.groups.items()}
        if "prediction" in self.metric.needs:
            scores = self._estimates(asked)
        else:
            # Nothing to generate: the log-probabilities of the true answers are here for every row.
            scores = {
                group: sum(self._value(item, None, truth) for item, truth in rows) / len(rows)
                for group, rows in asked.items()
            }
        means: dict[str, Groups] = {}
        for (column, group), score in scores.items():
            means.setdefault(column, {})[group] = score
        self.points.append(_point(step, means))
        return self.points[-1]

    def _estimates(
        self, asked: "Mapping[tuple[str, str], Sequence[tuple[Item, TeacherForced]]]"
    ) -> dict[tuple[str, str], float]:
        """Return each group's mean score: 1 for proven answers, for all others the rate among some of them.

        An answer is proven where teacher forcing shows that greedy decoding gives it, token for token; one that its
        limit cuts is scored as it is cut. Of the others the first ``rows`` of each group (items stand in a fixed
        random order) are generated.
        """
        failed = {group: [(item, truth) for item, truth in rows if not truth.correct] for group, rows in asked.items()}
        drawn = {group: rows[: self.rows[group]] for group, rows in failed.items()}
        prompts = [self._prompt(item) for rows in drawn.values() for item, _ in rows]
        texts = generated(self.engine, prompts, "unlearned")
        found = {}
        for group, rows in asked.items():
            hits = [self._value(item, texts[prompt_key(*self._prompt(item))], truth) for item, truth in drawn[group]]
            rate = sum(hits) / len(hits) if hits else 0.0
            known = sum(self._proven(item, truth) for item, truth in rows if truth.correct)
            found[group] = (known + len(failed[group]) * rate) / len(rows)
        return found

    def _prompt(self, item: Item) -> tuple[Encoded, int]:
        """Return what is asked, and after how many new tokens the answer is cut."""
        return self.engine.encode(item.example), self.limits[item.split]

    def _proven(self, item: Item, truth: "TeacherForced") -> float:
        """Return the score of a proven answer: 1, unless it is cut before its end."""
        encoded, limit = self._prompt(item)
        if len(encoded.answer) <= limit:
            return 1.0
        return self._value(item, proven_text(self.engine, encoded, limit), truth)

    def _probe(self) -> float:
        """Return the proven share of the group that is remembered best."""
        encoded = [self.engine.encode(item.example) for item in self.probe_items]
        proven: dict[str, list[bool]] = {}
        with counted("scoring"):
            forced = self.engine.score(encoded, "unlearned")
        for item, truth in zip(self.probe_items, forced, strict=True):
            proven.setdefault(group_name(item.example.tags, self._by), []).append(truth.correct)
        return max(sum(group) / len(group) for group in proven.values())

    def _value(self, item: Item, text: str | None, truth: "TeacherForced") -> float:
        """Return the score of one answer; what cannot be scored counts as forgotten."""
        inputs = metric_inputs(item.example, text, truth.logps)
        value = Scored.of(self.metric.score(**needed(self.metric, inputs))).value
        return 0.0 if math.isnan(value) else value


def _point(step: int, means: Means) -> Point:
    return {"step": step, **{column: dict(scores) for column, scores in means.items()}}


def _shuffled(items: Sequence[Item]) -> list[Item]:
    order = list(items)
    random.Random("curve").shuffle(order)
    return order


def _whole_images(items: Sequence[Item], total: int) -> list[Item]:
    """Take about ``total`` items, image by image (they then share its prefix), identities in turn.

    Rows about several people have a turn of their own beside those about each of them.
    """
    # Whom they are about → images → the items on them.
    images: dict[tuple[str, ...], dict[tuple[str, ...], list[Item]]] = {}
    for item in _shuffled(items):
        key = tuple(image.key for image in item.example.images) or (item.example.id,)
        images.setdefault(item.example.identities, {}).setdefault(key, []).append(item)
    # The first image of everybody, then the second of everybody, ...: None where there are no more.
    turns = itertools.zip_longest(*(own.values() for own in images.values()))
    chosen: list[Item] = []
    for same_image in (items for turn in turns for items in turn if items):
        if len(chosen) >= total:
            break
        chosen += same_image
    return chosen
