"""Stage 1, the same for every command that begins with it: load, learn or take from the cache, ask, and check.

Whatever it learns and asks is kept, so that after one command nothing is learned or asked again by another.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..clock import Clock
from ..evaluation.evaluator import Evaluator, Item
from ..evaluation.samples import Sample
from ..example import Example
from ..planning import limits
from ..planning.plan import Plan
from ..records.record import Record
from ..training.engine import Engine
from ..training.schedule import schedule
from . import gate
from .progress import ConsoleProgress
from .sample_cache import SampleCache, by_state
from .target import key_of, load_or_train

if TYPE_CHECKING:
    from ..models.lora import State
    from ..records.types import GateRow


@dataclass(frozen=True)
class StageOne:
    """A model after stage 1, with the base beside it.

    Attributes:
        engine: asked in state ``base`` or ``target``.
        evaluator: asks it and scores.
        key: of the target.
        cached: whether the target was there before.
        answers: state → what is known of it; with ``--target`` there is no base.
        samples: state → what the gate asked: all of its rows of the target, a part of them of the base.
        gate: rows of the gate, as in a run's record.
        failure: why stage 1 failed, or None.
    """

    engine: Engine
    evaluator: Evaluator
    key: str
    cached: bool
    answers: "Mapping[State, SampleCache]"
    samples: "Mapping[State, Sequence[Sample]]"
    gate: "Sequence[GateRow]"
    failure: str | None

    @property
    def states(self) -> "tuple[State, ...]":
        """The states that can be asked."""
        return tuple(self.answers)

    def ask(self, items: "Mapping[State, Sequence[Item]]") -> list[Sample]:
        """Return samples of base and target, in this order; the model is asked only what is not known yet."""
        return [sample for state, answers in self.answers.items() for sample in answers(items[state])]


def learned(
    plan: Plan,
    progress: ConsoleProgress,
    records: Sequence[Record] = (),
    beside: "Mapping[State, Sequence[Item]] | None" = None,
    clock: Clock | None = None,
) -> StageOne:
    """Learn stage 1 or take it from the cache, ask base and target, and check what they know.

    Nothing is refused here: a model that never memorised is what a diagnosis is for.

    Args:
        plan: from ``make_plan``; algorithms are not looked at.
        progress: told what happens.
        records: are given device, target and gate as soon as they are known.
        beside: state → what to ask in the same go as the gate's rows.
        clock: counts the phases ``loading``, ``stage 1`` and ``gate``.
    """
    clock = clock or Clock()
    with clock.phase("loading"), progress.stage("loading the model"):
        engine = Engine(plan.checkpoint)
    if note := engine.pixels.note:
        progress.note(note)
    for record in records:
        record.update(**engine.describe())
    with clock.phase("stage 1"), progress.stage("stage 1: learning"):
        # Named before it is there, so that what an interrupted stage 1 leaves can be found and purged.
        before = [record.target(key_of(plan, engine)) for record in records]
        key, cached = load_or_train(plan, engine, on_step(plan, plan.benchmark.learn_pool(), progress))
    targets = [{"key": key, "cached": cached if known is None else known} for known in before]
    for record, target in zip(records, targets, strict=True):
        record.update(target=target | {"judged": []})
    if plan.request.target is None:
        progress.note(f"stage 1: {'cached' if cached else 'learned'} (target {key})")
    evaluator = Evaluator(engine, plan.benchmark, plan.metrics, limits.tokens(plan.limits), progress.bar, progress)
    with clock.phase("gate"):
        answers = by_state(plan, evaluator, key)
        samples = _asked(plan, answers, beside or {}, progress)
    rows = gate.evaluate(plan, samples.get("base"), samples["target"])
    failure = gate.failure(plan, rows, plan.request.target)
    files = [cache.path.name for cache in answers.values()]
    for record, target in zip(records, targets, strict=True):
        record.update(**engine.describe(), gate=rows, valid=failure is None, target=target | {"judged": files})
    progress.gate(rows)
    return StageOne(engine, evaluator, key, cached, answers, samples, rows, failure)


def _asked(
    plan: Plan,
    answers: "Mapping[State, SampleCache]",
    beside: "Mapping[State, Sequence[Item]]",
    progress: ConsoleProgress,
) -> "dict[State, list[Sample]]":
    """Ask base and target what is not known of them; return the gate's samples by state."""
    rows = gate.items(plan)
    asked: dict[State, list[Item]] = {"base": rows[:: gate.BASE_STRIDE], "target": rows}
    samples: dict[State, list[Sample]] = {}
    for state, cache in answers.items():
        with progress.stage(f"evaluating the {state}"):
            cache(merge([*asked[state], *beside.get(state, ())]))
            samples[state] = cache(asked[state])
    return samples


def on_step(plan: Plan, pool: Sequence[Example], progress: ConsoleProgress) -> Callable[[dict[str, float]], bool]:
    """Return what a stage 1 over these rows tells its steps."""
    total = schedule(pool, plan.learn).steps
    return lambda entry: progress.step(entry, total)


def merge(items: Sequence[Item]) -> list[Item]:
    """Join items of the same row: one with all their metrics."""
    by_row: dict[tuple[str, str], Item] = {}
    for item in items:
        joined = by_row.setdefault((item.split, item.example.id), Item(item.split, item.example))
        joined.metrics |= item.metrics
    return list(by_row.values())
