"""Stage 1 alone, for commands that ask a model what it learned: plan in, engine and judged samples out.

It learns, caches and judges as a run does, so that after a run nothing is learned or judged again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..engine.engine import Engine
from ..engine.stages import schedule
from ..evaluation.judge import Judge
from ..evaluation.sample import Sample
from . import gate
from .plan import Plan
from .progress import Progress
from .target import Judged, digest, obtain

if TYPE_CHECKING:
    from ..models.adapters import State


@dataclass(frozen=True)
class StageOne:
    """A model after stage 1, with the base beside it.

    Attributes:
        engine: asked in state ``base`` or ``target``.
        states: those that can be asked; with ``--target`` there is no base.
        target: the target's key and whether it was cached.
        samples: state → what the gate asked; the base a part of the rows.
        gate: rows of the gate, as in a run's record.
        complaint: why stage 1 failed, or None.
    """

    engine: Engine
    states: "tuple[State, ...]"
    target: Mapping[str, Any]
    samples: Mapping[str, Sequence[Sample]]
    gate: Sequence[Mapping[str, Any]]
    complaint: str | None


def learned(plan: Plan, progress: Progress) -> StageOne:
    """Learn stage 1 or take it from the cache, and judge what the gate asks.

    Nothing is refused here: a model that never memorised is what a diagnosis is for.

    Args:
        plan: from ``make_plan``; algorithms are not looked at.
        progress: told what happens.
    """
    with progress.stage("loading the model"):
        engine = Engine(plan.checkpoint)
    total = schedule(plan.benchmark.learn_pool(), plan.learn).steps
    with progress.stage("stage 1: learning"):
        key, cached = obtain(plan, engine, lambda entry: progress.step(entry, total))
    states: tuple[State, ...] = ("target",) if plan.request.target else ("base", "target")
    keys = {"target": key, "base": digest([plan.checkpoint.weights, plan.benchmark.fingerprint(), str(engine.dtype)])}
    judge, items = Judge(engine, plan.benchmark, plan.metrics, progress.bar), gate.items(plan)
    samples: dict[str, list[Sample]] = {}
    for state in states:
        with progress.stage(f"judging the {state}"):
            judged = Judged(judge, state, keys[state], lambda m: plan.zoo.origin(plan.zoo.get("metric", m)))
            samples[state] = judged(items[:: gate.BASE_STRIDE] if state == "base" else items)
    rows = gate.weigh(plan, samples.get("base"), samples["target"])
    return StageOne(engine, states, {"key": key, "cached": cached}, samples, rows, gate.complaint(rows))
