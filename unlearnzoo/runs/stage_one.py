"""Stage 1 alone, for commands that ask a model what it learned: plan in, engine and judged samples out.

It learns, caches and judges as a run does, so that after a run nothing is learned or judged again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..evaluation.evaluator import Evaluator, Item
from ..evaluation.samples import Sample
from ..planning.plan import Plan
from ..training.engine import Engine
from ..training.schedule import schedule
from . import gate
from .progress import ConsoleProgress
from .sample_cache import by_state
from .target import load_or_train

if TYPE_CHECKING:
    from ..models.lora import State


@dataclass(frozen=True)
class StageOne:
    """A model after stage 1, with the base beside it.

    Attributes:
        engine: asked in state ``base`` or ``target``.
        states: those that can be asked; with ``--target`` there is no base.
        target: the target's key and whether it was cached.
        samples: state → what was asked, by default what the gate asks; the base a part of the rows.
        judged: files of the cache that hold them.
        gate: rows of the gate, as in a run's record.
        complaint: why stage 1 failed, or None.
    """

    engine: Engine
    states: "tuple[State, ...]"
    target: Mapping[str, Any]
    samples: Mapping[str, Sequence[Sample]]
    judged: Sequence[str]
    gate: Sequence[Mapping[str, Any]]
    failure: str | None


def learned(plan: Plan, progress: ConsoleProgress, items: Sequence[Item] | None = None) -> StageOne:
    """Learn stage 1 or take it from the cache, and judge what is asked.

    Nothing is refused here: a model that never memorised is what a diagnosis is for.

    Args:
        plan: from ``make_plan``; algorithms are not looked at.
        progress: told what happens.
        items: what to judge, the gate's rows among it; these alone by default.
    """
    with progress.stage("loading the model"):
        engine = Engine(plan.checkpoint)
    total = schedule(plan.benchmark.learn_pool(), plan.learn).steps
    with progress.stage("stage 1: learning"):
        key, cached = load_or_train(plan, engine, lambda entry: progress.step(entry, total))
    if plan.request.target is None:
        progress.note(f"stage 1: {'cached' if cached else 'learned'} (target {key})")
    evaluator = Evaluator(engine, plan.benchmark, plan.metrics, plan.examples, progress.bar, progress)
    asked = gate.items(plan) if items is None else items
    samples: dict[str, Sequence[Sample]] = {}
    known = by_state(plan, evaluator, key)
    for state, judged in known.items():
        with progress.stage(f"evaluating the {state}"):
            samples[state] = judged(asked[:: gate.BASE_STRIDE] if state == "base" else asked)
    files = [judged.path.name for judged in known.values()]
    rows = gate.evaluate(plan, samples.get("base"), samples["target"])
    return StageOne(engine, tuple(known), {"key": key, "cached": cached}, samples, files, rows, gate.failure(rows))
