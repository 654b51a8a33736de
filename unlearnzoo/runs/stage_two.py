"""Stage 2 of one algorithm: unlearn, evaluate, and keep the books of both."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self, TypedDict

from msgspec import Meta

from ..clock import Clock, added, joined
from ..errors import Diverged
from ..evaluation import aggregate
from ..evaluation.curve import Curve
from ..evaluation.curve import State as CurveState
from ..evaluation.evaluator import Item, select
from ..evaluation.matched import Groups, highest, matched, path
from ..evaluation.samples import Sample
from ..models import adapter_export
from ..planning import limits
from ..planning.phases import total_steps
from ..planning.plan import Plan
from ..records.environment import calibration
from ..records.record import Record
from ..training.adapter_weights import take
from ..training.checkpointing import state as training_state
from ..training.checkpointing.checkpointer import Checkpointer
from ..training.engine import Engine
from ..training.reference import Reference
from ..training.trainer import LoraTrainer
from . import checkpoints, gate
from .progress import ConsoleProgress
from .stage_one import StageOne, on_step
from .target import relearn


class Left(TypedDict):
    """What a checkpoint says of the run beside the training: the curve, steps told, seconds by phase."""

    curve: CurveState
    steps: Annotated[int, Meta(ge=0, lt=2**31)]
    seconds: dict[str, Annotated[float, Meta(ge=0)]]


@dataclass(frozen=True)
class Shared:
    """What the algorithms of one command share.

    Attributes:
        plan: of the command.
        progress: told what happens.
        stage_one: engine, evaluator and target.
        items: what each model is asked.
        samples: what base and target answered to them.
        reference: the target's cached view.
        clock: of the phases before stage 2.
        profiled: whether records say where the time went.
    """

    plan: Plan
    progress: ConsoleProgress
    stage_one: StageOne
    items: Sequence[Item]
    samples: Sequence[Sample]
    reference: Reference
    clock: Clock
    profiled: bool


@dataclass
class StageTwo:
    """Stage 2 of one algorithm.

    Attributes:
        shared: with the other algorithms.
        name: of the algorithm, as typed.
        record: what it writes.
        checkpointer: keeps the training's position.
        curve: how far it has forgotten.
        clock: seconds by phase, those of an interrupted process among them.
        resumed: whether an interrupted process began it.
        total: steps planned, of all phases.
        steps: done and written down.
        place: the curve at that step. A position is kept with these two: after Ctrl-C the step in progress is
            told again.
    """

    shared: Shared
    name: str
    record: Record
    checkpointer: Checkpointer
    curve: Curve
    clock: Clock
    resumed: bool
    total: int
    steps: int
    place: CurveState

    @classmethod
    def open(cls, shared: Shared, name: str, record: Record) -> Self:
        """Open it where an interrupted process left it, or at its start."""
        plan, curve = shared.plan, new_curve(shared.plan, shared.stage_one.engine)
        checkpointer = checkpoints.stage_2(plan, name, record.folder, shared.stage_one.key, shared.reference)
        left = checkpointer.left(Left)
        steps = left["steps"] if left else 0
        if left:
            curve.put(left["curve"])
            shared.progress.note(f"{name}: resuming after step {steps}")
        record.go_on(steps, curve=curve.points, matched=_matched(plan, curve) if left else {})
        clock = Clock(added(shared.clock.seconds(), left["seconds"] if left else {}))
        total = total_steps(plan, plan.algorithms[name])
        stage = cls(shared, name, record, checkpointer, curve, clock, bool(left), total, steps, curve.state())
        checkpointer.extra_state = stage._position
        return stage

    def run(self) -> None:
        """Unlearn and evaluate.

        Raises:
            Diverged: the loss became non-finite; the record is closed.
        """
        shared, progress = self.shared, self.shared.progress
        try:
            with self.clock.phase("stage 2"), progress.stage(f"stage 2: {self.name}"):
                steps = self._unlearn()
        except Diverged as error:
            results = aggregate.results(shared.samples, shared.plan.evals, shared.plan.benchmark.forget_identities())
            self.record.diverge(str(error), **self._curve_fields(), **self._profile(), results=results)
            self.checkpointer.keep_reference_only()
            raise
        with self.clock.phase("evaluation"), progress.stage(f"evaluating {self.name}"):
            self._evaluate(steps)
        seconds, speed = self.clock.rounded(), calibration()
        cpu_seconds = time.process_time()
        machine, engine = {**speed, "cpu_seconds": round(cpu_seconds, 1)}, self.shared.stage_one.engine
        # By now it was asked something: how rows go together is known, whatever came from caches.
        self.record.finish(seconds=seconds, machine=machine, **engine.describe(), **self._profile())
        self.checkpointer.keep_reference_only()
        progress.note(
            f"{self.name}: {seconds['total']:.0f} s, shared parts included; process so far {cpu_seconds:.0f} CPU s; "
            f"matrix product {speed['matmul_gflops']:.0f} GFLOP/s on {speed['threads']} threads"
        )

    def _unlearn(self) -> int:
        """Let the algorithm work; return the optimiser steps done."""
        # First a fresh adapter: the curve's start must not be probed with that of the algorithm before.
        trainer = self._trainer().start()
        if not self.resumed:
            with self.clock.phase("curve"):
                self.curve.start(curve_means(self.shared.plan, self.curve, self.shared.samples, "target"))
            self.place = self.curve.state()
        trainer.algorithm.prepare(trainer)
        trainer.algorithm.unlearn(trainer)
        return trainer.steps

    def _trainer(self) -> LoraTrainer:
        shared, plan, seed = self.shared, self.shared.plan, self.shared.plan.request.seed
        engine = shared.stage_one.engine
        training_state.seed(seed)
        return LoraTrainer(
            engine,
            plan.algorithms[self.name],
            {"forget": plan.benchmark.forget_pool(), "retain": plan.benchmark.retain_pool()},
            lambda example: plan.benchmark.refusal(example, seed),
            plan.unlearn,
            seed,
            shared.reference,
            self.on_step,
            lambda pool: relearn(plan, engine, pool, on_step(plan, pool, shared.progress)),
            plan.limits[limits.FORGET_POOL].tokens,
            checkpointer=self.checkpointer,
        )

    def on_step(self, entry: dict[str, float], probe: bool) -> bool:
        """Write down a step and, where it is time, how far it has forgotten; return whether that is far enough."""
        plan, progress = self.shared.plan, self.shared.progress
        self.record.step(entry)
        progress.step(entry, self.total)
        point = None
        if probe:
            with self.clock.phase("curve"):
                point = self.curve.probe(int(entry["step"]))
        if point is not None:
            self.record.update(**self._curve_fields())
            progress.point(point)
        self.steps, self.place = int(entry["step"]), self.curve.state()
        level = plan.request.stop_level()
        return point is not None and level is not None and highest(point, plan.benchmark.curve[0]) <= level

    def _evaluate(self, steps: int) -> None:
        """Ask the unlearned model, and write down what it answers and what it is."""
        shared, plan = self.shared, self.shared.plan
        own = checkpoints.evaluate_by_part(self.checkpointer, shared.stage_one.evaluator, shared.items)
        samples = [*shared.samples, *own]
        self.curve.end(steps, curve_means(plan, self.curve, samples, "unlearned"))
        results = aggregate.results(samples, plan.evals, plan.benchmark.forget_identities())
        self.record.samples(samples)
        # Before the adapter, which may find the disk full.
        self.record.update(results=results, **self._curve_fields(), steps=steps)
        if not plan.request.redact:
            export(shared, self.record)

    def _curve_fields(self) -> dict[str, object]:
        return {"curve": self.curve.points, "matched": _matched(self.shared.plan, self.curve)}

    def _profile(self) -> dict[str, object]:
        """Return where the time went, if that was asked for."""
        both = [("", self.shared.clock.profile), (self.name, self.clock.profile)]
        return {"profile": joined(both)} if self.shared.profiled else {}

    def _position(self) -> Left:
        """Return what the next checkpoint says."""
        return {"curve": self.place, "steps": self.steps, "seconds": self.clock.seconds()}


def new_curve(plan: Plan, engine: Engine) -> Curve:
    """Return the curve of stage 2, without a point."""
    forget, sides = plan.benchmark.forget_identities(), gate.columns(plan)
    return Curve(
        engine,
        {name: select([column], plan.examples, forget) for name, column in sides.items()},
        plan.metrics[gate.metric_of(plan)],
        plan.unlearn.probe_rows,
        plan.unlearn.curve_rows,
        limits.tokens(plan.limits),
        {name: column.by for name, column in sides.items()},
        {column.name: select([column], plan.examples, forget) for column in gate.utility(plan)},
    )


def curve_means(plan: Plan, curve: Curve, samples: Sequence[Sample], model: str) -> dict[str, Groups]:
    """Return a model's means by column and group, as a point of the curve has them.

    Args:
        plan: whose columns.
        curve: says which utility rows count.
        samples: of any number of models.
        model: ``target`` (step 0 of every curve) or ``unlearned`` (its end).
    """
    own = [sample for sample in samples if sample.model == model]
    means: dict[str, Groups] = {column: {} for column in plan.benchmark.curve}
    for row in aggregate.results(own, gate.columns(plan).values(), plan.benchmark.forget_identities()):
        means[row["column"]][aggregate.group_name(row["group"], row["group"])] = row["mean"]
    for column in gate.utility(plan):
        asked = {item.example.id for item in curve.asked(column.name)}
        scores = [s.scores[column.metric] for s in own if s.split == column.split and s.id in asked]
        means[column.name] = {"": aggregate.summary([("", score) for score in scores])["mean"]}
    return means


def export(shared: Shared, record: Record) -> None:
    """Save what makes the unlearned model of the base, as one adapter."""
    engine = shared.stage_one.engine
    parts = [take(engine, name) for name in sorted(engine.active("unlearned"))]
    if not engine.ranks.main:
        return
    whole = adapter_export.joined([(part.tensors, part.scale) for part in parts])
    config = engine.model.peft_config["unlearn"]
    record.adapter(lambda folder: adapter_export.save(folder, whole, shared.plan.checkpoint.source, config))


def _matched(plan: Plan, curve: Curve) -> dict[str, Groups]:
    """Read the curve."""
    return matched(path(curve.points), *plan.benchmark.curve)
