"""A run: learn → check → unlearn → evaluate → record; several algorithms share one target."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import interrupts
from ..clock import Clock, Spent, joined
from ..errors import Diverged, GateError
from ..evaluation import aggregate
from ..evaluation.evaluator import Item, select
from ..launch import worker
from ..planning.plan import Plan
from ..records import store
from ..records.record import Record
from ..records.types import RunRecord
from ..training.trainer import new_reference
from . import checkpoints, gate, profile
from .progress import ConsoleProgress
from .resume import Earlier, open_records
from .stage_one import learned
from .stage_two import Shared, StageTwo

if TYPE_CHECKING:
    from ..models.lora import State


def execute(
    plan: Plan, progress: ConsoleProgress, planned: float = 0.0, earlier: Earlier | None = None, profiled: bool = False
) -> list[RunRecord]:
    """Carry out a plan and return the records, one per algorithm.

    Args:
        plan: from ``make_plan``.
        progress: told what happens.
        planned: seconds that planning took.
        earlier: what an interrupted run of this plan left, to be resumed.
        profiled: say at the end, and in the records, where the time of this process went.

    Raises:
        GateError: stage 1 did not memorise (the records say so).
        Diverged: every algorithm diverged.
        RunError: another process works on it.
    """
    clock = Clock()
    clock.add("planning", Spent(planned, time.process_time()))
    with contextlib.ExitStack() as stack:
        stack.enter_context(interrupts.handled())
        opened = open_records(plan, stack, earlier, stack.enter_context(worker.records(plan.request.runs_dir)))
        own = [record for record in opened.values() if isinstance(record, Record)]
        try:
            shared = _shared(plan, progress, own, clock, profiled)
            failures = _unlearn(shared, opened)
        except (GateError, Diverged):
            checkpoints.clear(record.folder for record in own)
            _tell(own, progress)
            raise
        except BaseException:
            progress.note(f"to resume: {store.resume_command(own[0].data)}")
            raise
        records = [record.data if isinstance(record, Record) else record for record in opened.values()]
        checkpoints.clear(Path(record["folder"]) for record in records)
        _tell(own, progress)
        if failures and all(record["status"] == "diverged" for record in records):
            raise failures[0]
        return records


def _tell(records: Sequence[Record], progress: ConsoleProgress) -> None:
    """Print where the time went, as far as records say it."""
    for line in profile.lines([record.data.get("profile", []) for record in records]):
        progress.note(line)


def _shared(plan: Plan, progress: ConsoleProgress, records: Sequence[Record], clock: Clock, profiled: bool) -> Shared:
    """Learn stage 1 and ask base and target what the algorithms have in common.

    Raises:
        GateError: stage 1 did not memorise, and nobody allowed that.
    """
    forget = plan.benchmark.forget_identities()
    items = select(plan.evals, plan.examples, forget)
    everybody = select(plan.benchmark.baselines, plan.examples, forget)
    stage_one = learned(plan, progress, records, _of_both([*items, *everybody]), clock)
    with clock.phase("gate"):
        samples = stage_one.ask(_of_both(items))
        baselines = aggregate.results(stage_one.ask(_of_both(everybody)), plan.benchmark.baselines, forget)
    for record in records:
        record.update(
            baselines=baselines,
            seconds=clock.rounded(),
            **({"profile": joined([("", clock.profile)])} if profiled else {}),
        )
    if stage_one.failure and not plan.request.allow_unmemorised:
        for record in records:
            gate.keep(plan, record, samples, [s for own in stage_one.samples.values() for s in own])
        raise GateError(stage_one.failure)
    if stage_one.failure:
        progress.note(f"going on although {stage_one.failure}")
    return Shared(plan, progress, stage_one, items, samples, new_reference(stage_one.engine), clock, profiled)


def _of_both(items: Sequence[Item]) -> "dict[State, Sequence[Item]]":
    """Ask base and target the same."""
    return {"base": items, "target": items}


def _unlearn(shared: Shared, opened: Mapping[str, Record | RunRecord]) -> list[Diverged]:
    """Do stage 2 of each algorithm that is not done yet; return how some of them diverged."""
    failures = []
    for name, record in opened.items():
        if not isinstance(record, Record):
            shared.progress.note(f"{name}: {record['status']} already")
            folder = Path(record["folder"])
            checkpoints.take_over(shared.plan, name, folder, shared.stage_one.key, shared.reference)
            continue
        try:
            StageTwo.open(shared, name, record).run()
        except Diverged as error:
            failures.append(error)
            shared.progress.note(f"{name}: {error}")
    return failures
