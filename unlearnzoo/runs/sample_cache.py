"""What base and target answered and scored, kept by example: other algorithms and forget sets share it."""

import dataclasses
import inspect
import math
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..benchmark import utility_part
from ..clock import counted
from ..errors import CacheWarning, ZooError
from ..evaluation.evaluator import Evaluated, Evaluator, Item, parts
from ..evaluation.samples import Sample, read_samples, write_samples
from ..metric import Scored, in_batches
from ..planning import limits, summary
from ..storage.atomic import file_hash
from ..storage.cache import best_effort, cache_folder
from ..storage.hashing import content_key
from .target import exclusive_on_main

if TYPE_CHECKING:
    from ..models.lora import State
    from ..options import Configurable
    from ..planning.plan import Plan


def by_state(plan: "Plan", evaluator: Evaluator, target: str) -> "dict[State, SampleCache]":
    """Return what is known of base and target; with ``--target`` there is no base model.

    Args:
        plan: whose metrics, data and weights.
        evaluator: evaluates what is not known.
        target: the target's key.
    """
    base = content_key([plan.checkpoint.weights, plan.benchmark.fingerprint(), evaluator.engine.precision_key])
    keys: dict[State, str] = {"target": target} if plan.request.target else {"base": base, "target": target}
    asked = [
        # The target's key is about what was learned; what is asked may change beside it.
        plan.benchmark.fingerprint(),
        rules(plan),
        _code(plan, type(plan.benchmark)),
        [
            (e.id, e.question, e.answer, e.keywords, e.tags, e.cloze, e.choices, [i.key for i in e.images])
            for e in plan.utility
        ],
    ]
    return {
        state: SampleCache(evaluator, state, content_key([key, *asked]), lambda m: _code(plan, type(plan.metrics[m])))
        for state, key in keys.items()
    }


def rules(plan: "Plan") -> dict[str, object]:
    """Return by what rules pictures and texts are read and answers are cut, for a key.

    Utility benchmarks do not count, for their rows' ids begin with the hash of their data, which decide their limit;
    nor does the forget pool, on which base and target are not judged.
    """
    own = {
        split: n
        for split, n in limits.tokens(plan.limits).items()
        if split != limits.FORGET_POOL and "/" not in (utility_part(split) or "")
    }
    return {**summary.rules(plan), "generation": own, "asked": plan.request.max_new_tokens}


def source(cls: type) -> str:
    """Return the SHA-256 of the file that a class is written in; empty where there is none."""
    try:
        return file_hash(Path(inspect.getsourcefile(cls) or ""))
    except (TypeError, OSError):
        return ""


def _code(plan: "Plan", cls: type["Configurable"]) -> list[object]:
    """Return where a class comes from and what is written there: an author's file has no version."""
    return [plan.zoo.origin(cls), source(cls)]


class SampleCache:
    """Samples of one state, kept on disk by example; the model is asked only what is missing.

    Args:
        evaluator: evaluates.
        state: ``base`` or ``target``.
        key: content address of that state (weights and data).
        origin: metric → what its scores depend on besides: its version, its code.
    """

    def __init__(self, evaluator: Evaluator, state: "State", key: str, origin: Callable[[str], object]) -> None:
        self.evaluator, self.state = evaluator, state
        self.path = cache_folder("judged") / f"{key}-{state}.parquet"
        self.origin = {m: content_key([origin(m), metric.values()]) for m, metric in evaluator.metrics.items()}
        self.known: dict[tuple[str, str], Sample] = {}
        #: What was scored by this process: a judge that is down is not asked again and again.
        self.asked: set[tuple[str, str, str]] = set()

    def __call__(self, items: Sequence[Item]) -> list[Sample]:
        """Return the samples of these items; the model is asked what is not known yet."""
        if self._missing(items):
            with exclusive_on_main(self.evaluator.engine, self.path):
                # Another command may have asked some of it meanwhile.
                self.known |= self.evaluator.engine.ranks.on_main(self._read)
                for part in parts(self._missing(items)):
                    self._add(part)
        return [self._of(item) for item in items]

    def _missing(self, items: Sequence[Item]) -> list[Item]:
        """Return the items with a metric that is not known yet, with these metrics alone."""
        missing = []
        for item in items:
            have = self.known.get((item.split, item.example.id))
            if lacking := {m for m in item.metrics if have is None or self._open(m, have)}:
                missing.append(Item(item.split, item.example, lacking))
        return missing

    def _add(self, items: Sequence[Item]) -> None:
        """Ask the model these items, and keep the answers with what was known."""
        self.asked |= {(item.split, item.example.id, metric) for item in items for metric in item.metrics}
        for evaluated in self.evaluator.evaluate(items, self.state):
            sample = self._renamed(evaluated)
            key = (sample.split, sample.id)
            old = self.known.get(key)
            if old is not None:
                again = tuple(self._detail(m, "") for m in evaluated.scores)
                details = {name: v for name, v in old.details.items() if not name.endswith(again)}
                sample = dataclasses.replace(
                    sample,
                    scores={**old.scores, **sample.scores},
                    details={**details, **sample.details},
                    prediction=old.prediction if sample.prediction is None else sample.prediction,
                )
            self.known[key] = sample
        if self.evaluator.engine.ranks.main:
            with counted("writing"), best_effort(f"what was judged of the {self.state}", self.path):
                write_samples(self.path, list(self.known.values()))

    def _renamed(self, evaluated: Evaluated) -> Sample:
        """Return a sample whose scores and details have the cache's names."""
        scores = {
            self._name(m): Scored(score.value, {self._detail(m, d): v for d, v in score.details.items()})
            for m, score in evaluated.scores.items()
        }
        return dataclasses.replace(evaluated, scores=scores).sample(self.state)

    def _read(self) -> dict[tuple[str, str], Sample]:
        try:
            return {(s.split, s.id): s for s in read_samples(self.path)} if self.path.is_file() else {}
        except ZooError as error:
            warnings.warn(f"{error}; what was judged of the {self.state} is judged again", CacheWarning, stacklevel=2)
            return {}

    def _open(self, metric: str, have: Sample) -> bool:
        """Return whether a known sample lacks a score, or has a NaN that may not be for good."""
        score = have.scores.get(self._name(metric))
        if score is None:
            return True
        again = math.isnan(score) and in_batches(self.evaluator.metrics[metric])
        return again and (have.split, have.id, metric) not in self.asked

    def _name(self, metric: str) -> str:
        """Name a metric with the hash of its version, code and options: others do not share scores."""
        return f"{metric}@{self.origin[metric]}"

    def _detail(self, metric: str, detail: str) -> str:
        """Name a detail with its metric: as with scores, others do not share it."""
        return f"{detail}@{self._name(metric)}"

    def _of(self, item: Item) -> Sample:
        """Return a sample with the scores and details of these metrics, under their own names."""
        sample, metrics = self.known[item.split, item.example.id], sorted(item.metrics)
        ends = ["", *(self._detail(m, "") for m in metrics)]
        details = {
            name.removesuffix(end): v
            for end in ends
            for name, v in sample.details.items()
            if (name.endswith(end) if end else "@" not in name)
        }
        return dataclasses.replace(
            sample,
            # Whom a row is about says the data, not who was asked for it earlier.
            identity="",
            identities=item.example.identities,
            scores={m: sample.scores[self._name(m)] for m in metrics},
            details=details,
        )
