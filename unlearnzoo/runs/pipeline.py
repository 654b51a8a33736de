"""A run: learn → check → unlearn → evaluate → record; several algorithms share one target."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .. import interrupts
from ..errors import Diverged, GateError
from ..evaluation import aggregate
from ..evaluation.curve import Curve
from ..evaluation.evaluator import Evaluator, Item, select
from ..evaluation.matched import matched, path
from ..evaluation.samples import Sample
from ..example import Example
from ..launch import worker
from ..models import adapter_export
from ..planning.plan import Plan
from ..records.environment import calibration
from ..records.record import Record
from ..training.adapter_weights import take
from ..training.checkpointing import state as training_state
from ..training.checkpointing.checkpointer import Checkpointer
from ..training.engine import Engine
from ..training.schedule import schedule
from ..training.trainer import LoraTrainer, OnStep, new_reference
from . import checkpoints, gate
from .progress import ConsoleProgress
from .resume import Earlier, open_records
from .sample_cache import by_state
from .target import key_of, load_or_train, relearn


class Clock:
    """Adds up wall-clock seconds by phase; a phase inside another stops that one's clock."""

    def __init__(self, **known: float) -> None:
        self.seconds: dict[str, float] = dict(known)
        self._now, self._since = "", time.perf_counter()

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count what happens inside towards a phase."""
        self.tick()
        outside, self._now = self._now, name
        try:
            yield
        finally:
            self.tick()
            self._now = outside

    def tick(self) -> dict[str, float]:
        """Return the seconds so far."""
        now = time.perf_counter()
        if self._now:
            self.seconds[self._now] = self.seconds.get(self._now, 0.0) + now - self._since
        self._since = now
        return dict(self.seconds)

    def rounded(self) -> dict[str, float]:
        """Return seconds by phase, and their total."""
        found = {name: round(self.seconds.get(name, 0.0), 3) for name in ("plan", "learn", "unlearn", "evaluate")}
        return found | {"total": round(sum(found.values()), 3)}


def execute(
    plan: Plan, progress: ConsoleProgress, planned: float = 0.0, earlier: Earlier | None = None
) -> list[dict[str, Any]]:
    """Carry out a plan and return the records, one an algorithm.

    Args:
        plan: from ``make_plan``.
        progress: told what happens.
        planned: seconds that planning took.
        earlier: what an interrupted run of this plan left; it is gone on with.

    Raises:
        GateError: stage 1 did not memorise (the records say so).
        Diverged: every algorithm diverged.
        RunError: another process works on it.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(interrupts.handled())
        found = open_records(plan, stack, earlier, stack.enter_context(worker.records(plan.request.runs_dir)))
        open_ones = {name: record for name, record in found.items() if isinstance(record, Record)}
        try:
            run = _Run(plan, progress, Clock(plan=planned))
            for one in open_ones.values():
                one.update(**run.engine.describe())
            run.learn(open_ones)
            failures = []
            for name, record in found.items():
                if not isinstance(record, Record):
                    run.skip(name, record)
                    continue
                try:
                    run.one(name, record)
                except Diverged as error:
                    failures.append(error)
                    progress.note(f"{name}: {error}")
        except (GateError, Diverged):
            checkpoints.clear(record.folder for record in open_ones.values())
            raise
        except BaseException:
            progress.note(f"to go on: unlearnzoo run --resume {next(iter(open_ones.values())).folder}")
            raise
        records = [record.data if isinstance(record, Record) else record for record in found.values()]
        checkpoints.clear(Path(record["folder"]) for record in records)
        if failures and all(record["status"] == "diverged" for record in records):
            raise failures[0]
        return records


class _Run:
    """What the algorithms of one command share: engine, target, judged samples, reference."""

    def __init__(self, plan: Plan, progress: ConsoleProgress, clock: Clock) -> None:
        self.plan, self.progress, self.clock = plan, progress, clock
        with clock.phase("learn"), progress.stage("loading the model"):
            self.engine = Engine(plan.checkpoint)
        if note := self.engine.pixels.note:
            progress.note(note)
        self.evaluator = Evaluator(self.engine, plan.benchmark, plan.metrics, plan.examples, progress.bar, progress)
        self.forget = plan.benchmark.forget_identities()
        self.items = select(plan.evals, plan.examples, self.forget)
        self.samples: list[Sample] = []
        self.judged: list[str] = []
        self.target = ""

    def learn(self, records: dict[str, Record]) -> None:
        """Stage 1 and the gate."""
        plan, engine = self.plan, self.engine
        with self.clock.phase("learn"), self.progress.stage("stage 1: learning"):
            # Said before it is there, so that what an interrupted stage 1 leaves can be found and purged.
            known = {name: record.target(key_of(plan, engine)) for name, record in records.items()}
            key, cached = load_or_train(plan, engine, self._on_learn(plan.benchmark.learn_pool()))
            self.target, of = key, {name: cached if before is None else before for name, before in known.items()}
            for name, record in records.items():
                record.update(target={"key": key, "cached": of[name], "judged": []})
        if plan.request.target is None:
            self.progress.note(f"stage 1: {'cached' if cached else 'learned'} (target {key})")
        with self.clock.phase("evaluate"):
            self._judge_known(key)
        rows = gate.evaluate(plan, self.base_gate, self.target_gate)
        failure = gate.failure(rows)
        for name, record in records.items():
            record.update(
                gate=rows,
                valid=failure is None,
                target={"key": key, "cached": of[name], "judged": self.judged},
                baselines=self.baselines,
                seconds=self.clock.rounded(),
            )
        self.progress.gate(rows)
        if failure and not plan.request.allow_unmemorised:
            raise GateError(failure)
        if failure:
            self.progress.note(f"going on although {failure}")
        self.reference = new_reference(engine)

    def _judge_known(self, key: str) -> None:
        """Judge base and target where the cache does not know them."""
        plan = self.plan
        extra = select(plan.benchmark.baselines, plan.examples, self.forget)
        gate_items = gate.items(plan)
        self.judged = []
        found: dict[str, tuple[list[Sample], list[Sample], list[Sample]]] = {}
        for state, judged in by_state(plan, self.evaluator, key).items():
            with self.progress.stage(f"evaluating the {state}"):
                self.judged.append(judged.path.name)
                asked = gate_items[:: gate.BASE_STRIDE] if state == "base" else gate_items
                judged(merge([*asked, *self.items, *extra]))
                found[state] = (judged(self.items), judged(asked), judged(extra))
        self.samples = [s for state in found for s in found[state][0]]
        self.base_gate = found["base"][1] if "base" in found else None
        self.target_gate = found["target"][1]
        everybody = [s for state in found for s in found[state][2]]
        self.baselines = aggregate.results(everybody, plan.benchmark.baselines, self.forget)

    def one(self, name: str, record: Record) -> None:
        """Stage 2 and the evaluation of one algorithm."""
        plan, request = self.plan, self.plan.request
        total, level = plan.schedules()["unlearn"].steps, request.stop_level()
        curve = self._curve()
        checkpointer = checkpoints.stage_2(plan, name, record.folder, self.target, self.reference)
        left = checkpointer.found.get("extra_state", {})
        clock, steps = Clock(**checkpoints.added(self.clock.seconds, left.get("seconds", {}))), left.get("steps", 0)
        if left:
            curve.put(left["curve"])
            self.progress.note(f"{name}: going on after step {steps}")
        record.go_on(steps, curve=curve.points, matched=_matched(plan, curve) if left else {})
        place = {"curve": curve.state(), "steps": steps}
        checkpointer.extra_state = lambda: {**place, "seconds": clock.tick()}

        def on_step(entry: dict[str, float], probe: bool) -> bool:
            record.step(entry)
            self.progress.step(entry, total)
            point = None
            if probe:
                with clock.phase("evaluate"):
                    point = curve.probe(int(entry["step"]))
            if point is not None:
                record.update(curve=curve.points, matched=_matched(plan, curve))
                self.progress.point(point)
            place.update(curve=curve.state(), steps=int(entry["step"]))
            return point is not None and level is not None and max(point[plan.benchmark.curve[0]].values()) <= level

        try:
            with clock.phase("unlearn"), self.progress.stage(f"stage 2: {name}"):
                # First a fresh adapter: the curve's start must not be probed with that of the algorithm before.
                trainer = self._trainer(name, on_step, checkpointer)
                if not left:
                    with clock.phase("evaluate"):
                        curve.start(self._means(self.samples, "target", curve))
                    place["curve"] = curve.state()
                trainer.algorithm.prepare(trainer)
                trainer.algorithm.unlearn(trainer)
        except Diverged as error:
            record.diverge(
                str(error),
                curve=curve.points,
                matched=_matched(plan, curve),
                results=aggregate.results(self.samples, plan.evals, self.forget),
            )
            checkpointer.keep_reference_only()
            raise
        with clock.phase("evaluate"), self.progress.stage(f"evaluating {name}"):
            samples = self.samples + checkpoints.evaluate_by_part(checkpointer, self.evaluator, self.items)
            curve.end(trainer.steps, self._means(samples, "unlearned", curve))
            results = aggregate.results(samples, plan.evals, self.forget)
            record.samples(samples)
            # Before the adapter, which may find the disk full.
            record.update(results=results, curve=curve.points, matched=_matched(plan, curve), steps=trainer.steps)
            if not request.redact:
                self._export(record)
        seconds, speed = clock.rounded(), calibration()
        record.finish(seconds=seconds, machine={**speed, "cpu_seconds": round(time.process_time(), 1)})
        checkpointer.keep_reference_only()
        self.progress.note(
            f"{name}: {seconds['total']:.0f} s, shared parts included; process so far "
            f"{time.process_time():.0f} CPU s; matrix product {speed['matmul_gflops']:.0f} GFLOP/s "
            f"on {speed['threads']} threads"
        )

    def skip(self, name: str, record: dict[str, Any]) -> None:
        """Pass over an algorithm that an earlier process finished."""
        self.progress.note(f"{name}: {record['status']} already")
        checkpoints.take_over(self.plan, name, Path(record["folder"]), self.target, self.reference)

    def _trainer(self, name: str, on_step: OnStep, checkpointer: Checkpointer) -> LoraTrainer:
        plan, seed = self.plan, self.plan.request.seed
        training_state.seed(seed)
        pools = {"forget": plan.benchmark.forget_pool(), "retain": plan.benchmark.retain_pool()}
        return LoraTrainer(
            self.engine,
            plan.algorithms[name],
            pools,
            lambda e: plan.benchmark.refusal(e, seed),
            plan.unlearn,
            seed,
            self.reference,
            on_step,
            lambda pool: relearn(plan, self.engine, pool, self._on_learn(pool)),
            checkpointer=checkpointer,
        )

    def _on_learn(self, pool: Sequence[Example]) -> Callable[[dict[str, float]], bool]:
        total = schedule(pool, self.plan.learn).steps
        return lambda entry: self.progress.step(entry, total)

    def _curve(self) -> Curve:
        plan = self.plan
        columns = {e.name: e for e in plan.evals if e.name in plan.benchmark.curve}
        sides = {name: select([columns[name]], plan.examples, self.forget) for name in plan.benchmark.curve}
        utility = {e.name: select([e], plan.examples, self.forget) for e in gate.utility(plan)}
        return Curve(
            self.engine,
            sides,
            plan.metrics[gate.metric_of(plan)],
            plan.unlearn.probe_rows,
            plan.unlearn.curve_rows,
            utility,
        )

    def _means(self, samples: Sequence[Sample], model: str, curve: Curve) -> dict[str, dict[str, float]]:
        """Return a model's EM by column and hop: the target's is step 0 of every curve."""
        chosen = [e for e in self.plan.evals if e.name in self.plan.benchmark.curve]
        rows = aggregate.results([s for s in samples if s.model == model], chosen, self.forget)
        found: dict[str, dict[str, float]] = {column: {} for column in self.plan.benchmark.curve}
        for row in rows:
            found[row["column"]][row["group"][gate.TAG]] = row["mean"]
        for one in gate.utility(self.plan):
            asked = {item.example.id for item in curve.asked(one.name)}
            scores = [
                s.scores[one.metric] for s in samples if s.model == model and s.split == one.split and s.id in asked
            ]
            found[one.name] = {"": aggregate.summary([("", score) for score in scores])["mean"]}
        return found

    def _export(self, record: Record) -> None:
        parts = [take(self.engine, name) for name in sorted(self.engine.states["unlearned"])]
        if not self.engine.ranks.main:
            return
        joined = adapter_export.joined([(part.tensors, part.scale) for part in parts])
        adapter_export.save(
            record.folder / "adapter", joined, self.plan.checkpoint.source, self.engine.model.peft_config["unlearn"]
        )


def merge(items: Sequence[Item]) -> list[Item]:
    """Join items of the same row: one with all their metrics."""
    found: dict[tuple[str, str], Item] = {}
    for item in items:
        kept = found.setdefault((item.split, item.example.id), Item(item.split, item.example))
        kept.metrics |= item.metrics
    return list(found.values())


def _matched(plan: Plan, curve: Curve) -> dict[str, Any]:
    """Read the curve."""
    return matched(path(curve.points), *plan.benchmark.curve)
