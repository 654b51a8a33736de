"""Stage 1 alone: learn, check, and judge what base and target know; nothing is unlearned."""

import time
from collections.abc import Iterator
from typing import Any

from ..benchmark import Eval
from ..engine.engine import Engine
from ..evaluation import aggregate
from ..evaluation.judge import Judge, select
from . import gate
from .judged import Judged
from .machine import calibration
from .plan import Plan
from .progress import Progress
from .record import Record
from .summary import _stage_lines, as_data, measured_by, pools
from .target import digest, obtain


def columns(plan: Plan) -> list[Eval]:
    """Return a column for each of the gate's splits and each metric that looks at an answer, over everybody."""
    named = dict.fromkeys(e.metric for e in plan.benchmark.evals if "prediction" in plan.metrics[e.metric].needs)
    return [Eval(f"{metric.rpartition('/')[2]} {split}", split, metric, "all", "high")
            for metric in named for split in plan.benchmark.gate]


def lines(plan: Plan) -> Iterator[str]:
    """Yield the plan as lines for a person."""
    pool = pools(plan)["learn"]
    yield f"plan: stage 1 on {plan.benchmark.name} with {plan.checkpoint.name}; target seed {plan.request.target_seed}"
    yield f"  learn pool  {pool['rows']} answers about {pool['identities']} people"
    yield from _stage_lines("learn", as_data(plan)["learn"])
    yield f"  columns     {', '.join(e.column for e in columns(plan))}"


def learn(plan: Plan, progress: Progress) -> dict[str, Any]:
    """Learn and return the record; below the gate it is finished all the same, and not valid.

    Args:
        plan: without algorithms.
        progress: told what happens.
    """
    start, forget = time.perf_counter(), plan.benchmark.forget_identities()
    shown = columns(plan)
    fields = {**measured_by(plan), "algorithm": {"name": None}, "seed": None,
              "target_seed": plan.request.target_seed, "plan": {**as_data(plan), "columns": [e.column for e in shown]}}
    with Record.open(plan.request.runs_dir, algo="learn", bench=plan.benchmark.name, redactor=plan.redactor(),
                     **fields) as record:
        with progress.stage("loading the model"):
            engine = Engine(plan.checkpoint)
        total = plan.schedules()["learn"].steps
        with progress.stage("stage 1: learning"):
            key, cached = obtain(plan, engine, lambda entry: progress.step(entry, total))
        learned = time.perf_counter() - start
        progress.note(f"stage 1: {'cached' if cached else 'learned'} (target {key})")
        judge = Judge(engine, plan.benchmark, plan.metrics, progress.bar)
        items = select(shown, plan.examples, forget)
        base = digest([plan.checkpoint.weights, plan.benchmark.fingerprint(), str(engine.dtype)])
        # Who brings a target has no base.
        states = {} if plan.request.target else {"base": (base, items[:: gate.BASE_STRIDE])}
        found, files = {}, []
        for state, (address, some) in (states | {"target": (key, items)}).items():
            with progress.stage(f"judging the {state}"):
                judged = Judged(judge, state, address, lambda m: plan.zoo.origin(plan.zoo.get("metric", m)))
                found[state] = judged(some)
                files.append(judged.path.name)
        rows = gate.weigh(plan, found.get("base"), found["target"])
        progress.gate(rows)
        samples = [s for state in found for s in found[state]]
        record.samples(samples)
        took = time.perf_counter() - start
        record.finish(gate=rows, valid=gate.complaint(rows) is None, results=aggregate.results(samples, shown, forget),
                      target={"key": key, "cached": cached, "judged": files}, machine=calibration(),
                      seconds={"learn": round(learned, 3), "evaluate": round(took - learned, 3),
                               "total": round(took, 3)})
        return record.data
