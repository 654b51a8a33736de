"""Stage 1 alone: learn, check, and judge what base and target know; nothing is unlearned."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..benchmark import Column
from ..evaluation import aggregate
from ..evaluation.evaluator import Item, select
from ..planning.plan import Plan
from ..planning.summary import as_data, measured_by, pools, rules
from ..planning.text import limit_lines, stage_lines
from ..records.environment import calibration
from ..records.record import Record
from ..records.types import RunRecord
from . import gate
from .progress import ConsoleProgress
from .stage_one import learned

if TYPE_CHECKING:
    from ..models.lora import State


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
    yield from stage_lines("learn", as_data(plan)["learn"])
    yield f"  columns     {', '.join(e.name for e in columns(plan))}"
    yield from limit_lines(rules(plan)["generation"])


def learn(plan: Plan, progress: ConsoleProgress) -> RunRecord:
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
        plan.request.runs_dir, algo="learn", bench=plan.benchmark.name, redactor=plan.redactor(shown), **fields
    ) as record:
        rows = select(shown, plan.examples, forget)
        asked: dict[State, list[Item]] = {"base": rows[:: gate.BASE_STRIDE], "target": rows}
        samples = learned(plan, progress, [record], asked).ask(asked)
        record.samples(samples)
        took = time.perf_counter() - start
        record.finish(
            results=aggregate.results(samples, shown, forget), machine=calibration(), seconds={"total": round(took, 3)}
        )
        return record.data
