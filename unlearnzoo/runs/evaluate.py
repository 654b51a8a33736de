"""Evaluate a model that was unlearned elsewhere, with the same columns and record as a run's."""

import gc
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ..errors import GateError
from ..evaluation import aggregate
from ..evaluation.evaluator import Evaluator, Item, select
from ..evaluation.samples import Sample
from ..launch import worker
from ..models.checkpoint import Checkpoint
from ..models.lora import State
from ..planning import limits
from ..planning.paths import located
from ..planning.plan import Plan
from ..planning.summary import aims_of, measured_by, pools, rules
from ..records.environment import calibration
from ..records.record import Record
from ..records.types import RunRecord
from ..training.engine import Engine
from . import gate
from .progress import ConsoleProgress


def evaluate(
    plan: Plan, name: str, unlearned: Checkpoint, target: Checkpoint | None, progress: ConsoleProgress
) -> RunRecord:
    """Evaluate it and return the record.

    Args:
        plan: benchmark, metrics and columns.
        name: what the record calls the method.
        unlearned: the model that was unlearned.
        target: the model before that; with it the gate tells whether there was anything to forget.
        progress: told what happens.

    Raises:
        GateError: the target does not know what is to be forgotten.
    """
    start, forget = time.perf_counter(), plan.benchmark.forget_identities()
    items = select(plan.evals, plan.examples, forget)
    with (
        worker.records(plan.request.runs_dir) as runs_dir,
        Record.open(
            runs_dir,
            algo=name,
            bench=plan.benchmark.name,
            redactor=plan.redactor(),
            **_fields(plan, name, unlearned, target),
        ) as record,
    ):
        samples: list[Sample] = []
        if target is not None:
            with progress.stage("evaluating the target"):
                rows = gate.items(plan) if plan.benchmark.gate else []
                samples, gated = _asked(plan, target, "target", record, progress, items, rows)
            record.samples(samples)
            record.update(target={"key": target.weights, "cached": True})
            if rows:
                _pass(plan, target.name, samples, gated, record, progress)
        with progress.stage(f"evaluating {name}"):
            samples = samples + _asked(plan, unlearned, "unlearned", record, progress, items)[0]
        record.samples(samples)
        took = round(time.perf_counter() - start, 3)
        record.finish(
            results=aggregate.results(samples, plan.evals, forget),
            seconds={"evaluate": took, "total": took},
            machine={**calibration(), "cpu_seconds": round(time.process_time(), 1)},
        )
        return record.data


def _fields(plan: Plan, name: str, unlearned: Checkpoint, target: Checkpoint | None) -> dict[str, Any]:
    """Return what the record says from its start."""
    return {
        **measured_by(plan),
        "algorithm": {"name": name, "distribution": None, "version": None, "options": {}},
        "model": {
            "name": unlearned.name,
            "source": located(unlearned.source),
            "weights": unlearned.weights,
            "adapter": None if unlearned.adapter is None else located(str(unlearned.adapter)),
            "target": None if target is None else located(target.source),
        },
        "plan": {
            "pools": pools(plan),
            "rules": rules(plan),
            "columns": [column.name for column in plan.evals],
            **({"aims": aims_of(plan)} if plan.benchmark.curve else {}),
        },
    }


def _asked(
    plan: Plan, checkpoint: Checkpoint, state: State, record: Record, progress: ConsoleProgress, *asked: Sequence[Item]
) -> list[list[Sample]]:
    """Ask a model; it is gone afterwards, for the device may not hold two."""
    engine = Engine(checkpoint)
    record.update(**engine.describe())
    evaluator = Evaluator(engine, plan.benchmark, plan.metrics, limits.tokens(plan.limits), progress.bar, progress)
    samples = [evaluator(items, state) for items in asked]
    record.update(**engine.describe())
    engine.sharding.release()
    del engine, evaluator
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return samples


def _pass(
    plan: Plan,
    target: str,
    samples: Sequence[Sample],
    gated: Sequence[Sample],
    record: Record,
    progress: ConsoleProgress,
) -> None:
    """Write down what the gate found; stop where there was nothing to forget."""
    rows = gate.evaluate(plan, None, gated)
    failure = gate.failure(plan, rows, target)
    record.update(gate=rows, valid=failure is None)
    progress.gate(rows)
    if failure and not plan.request.allow_unmemorised:
        gate.keep(plan, record, samples, gated)
        raise GateError(failure)


def label(name: str | None, model: str, adapter: Path | None) -> str:
    """Return the method's name in the record: as given, or the last folder of what is evaluated."""
    return name or (adapter or Path(model)).resolve().name
