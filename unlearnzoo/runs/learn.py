"""Stage 1 alone: learn, check, and judge what base and target know; nothing is unlearned."""

import time
from collections.abc import Iterator
from typing import Any

from ..benchmark import Column
from ..evaluation import aggregate
from ..evaluation.evaluator import select
from ..planning.plan import Plan
from ..planning.summary import _stage_lines, as_data, measured_by, pools
from ..records.environment import calibration
from ..records.record import Record
from .progress import ConsoleProgress
from .stage_one import learned


def columns(plan: Plan) -> list[Column]:
    """Return a column for each of the gate's splits and each metric that looks at an answer, over everybody."""
    named = dict.fromkeys(e.metric for e in plan.benchmark.evals if "prediction" in plan.metrics[e.metric].needs)
    return [
        Column(f"{metric.rpartition('/')[2]} {split}", split, metric, "all", "high")
        for metric in named
        for split in plan.benchmark.gate
    ]


def lines(plan: Plan) -> Iterator[str]:
    """Yield the plan as lines for a person."""
    pool = pools(plan)["learn"]
    yield f"plan: stage 1 on {plan.benchmark.name} with {plan.checkpoint.name}; target seed {plan.request.target_seed}"
    yield f"  learn pool  {pool['rows']} answers about {pool['identities']} people"
    yield from _stage_lines("learn", as_data(plan)["learn"])
    yield f"  columns     {', '.join(e.name for e in columns(plan))}"


def learn(plan: Plan, progress: ConsoleProgress) -> dict[str, Any]:
    """Learn and return the record; below the gate it is finished all the same, and not valid.

    Args:
        plan: without algorithms.
        progress: told what happens.
    """
    start, forget = time.perf_counter(), plan.benchmark.forget_identities()
    shown = columns(plan)
    fields = {
        **measured_by(plan),
        "algorithm": {"name": None},
        "seed": None,
        "target_seed": plan.request.target_seed,
        "plan": {**as_data(plan), "columns": [e.name for e in shown]},
    }
    with Record.open(
        plan.request.runs_dir, algo="learn", bench=plan.benchmark.name, redactor=plan.redactor(), **fields
    ) as record:
        done = learned(plan, progress, select(shown, plan.examples, forget))
        progress.gate(done.gate)
        samples = [s for state in done.states for s in done.samples[state]]
        record.samples(samples)
        took = time.perf_counter() - start
        record.finish(
            gate=done.gate,
            valid=done.failure is None,
            results=aggregate.results(samples, shown, forget),
            target={**done.target, "judged": done.judged},
            machine=calibration(),
            **done.engine.describe(),
            seconds={"total": round(took, 3)},
        )
        return record.data
