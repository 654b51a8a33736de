"""The gate: a model that never memorised cannot be said to forget."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..benchmark import Column
from ..evaluation.evaluator import Item
from ..evaluation.samples import Sample
from ..planning.plan import Plan
from ..planning.utility import PREFIX

TAG = "hop"
#: The base's score stands beside the target's for orientation: every fourth row is enough.
BASE_STRIDE = 4


def metric_of(plan: Plan) -> str:
    """Return the full name of the metric that the gate and the curve use."""
    return next(e.metric for e in plan.evals if e.name == plan.benchmark.curve[0])


def utility(plan: Plan) -> list[Column]:
    """Return the model's own columns that the same metric judges: the curve follows them, too."""
    return [e for e in plan.evals if e.split.partition(":")[0] == PREFIX and e.metric == metric_of(plan)]


def items(plan: Plan) -> list[Item]:
    """Return what the gate asks: each of its splits, all identities."""
    metric = metric_of(plan)
    return [Item(split, example, {metric}) for split in plan.benchmark.gate for example in plan.examples(split)]


def evaluate(plan: Plan, base: Sequence[Sample] | None, target: Sequence[Sample]) -> list[dict[str, Any]]:
    """Compare the target with the thresholds, a row for each split and hop.

    The forget identities' own score stands beside: they are too few for a bar of their own.
    """
    metric, gone = metric_of(plan), plan.benchmark.forget_identities()
    rows = []
    for split, least in plan.benchmark.gate.items():
        for hop in sorted({s.tags[TAG] for s in target if s.split == split}):
            sides = {
                "base": _scores(base or (), split, hop, metric),
                "target": _scores(target, split, hop, metric),
                "target_forget": _scores([s for s in target if s.identity in gone], split, hop, metric),
            }
            means = {name: sum(found) / len(found) if found else None for name, found in sides.items()}
            score = means["target"]
            rows.append(
                {
                    "split": split,
                    "group": {TAG: hop},
                    "metric": metric,
                    "least": least,
                    **means,
                    "n": {name: len(found) for name, found in sides.items()},
                    "passed": score is not None and score >= least,
                }
            )
    return rows


def _scores(samples: Sequence[Sample], split: str, hop: str, metric: str) -> list[float]:
    found = [s.scores[metric] for s in samples if s.split == split and s.tags[TAG] == hop]
    return [x for x in found if not math.isnan(x)]


def failure(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Return why stage 1 failed, or None."""
    failed = [r for r in rows if not r["passed"]]
    if not failed:
        return None
    worst = min(failed, key=lambda r: r["target"] or 0)
    where = f"{worst['split']}, {worst['group'][TAG]}-hop"
    return (
        f"stage 1 failed: EM {100 * (worst['target'] or 0):.0f} % < {100 * worst['least']:.0f} % ({where}); "
        "unlearning a model that never memorised means nothing. Train longer "
        "(--set learn.epochs=…), or go on with --allow-unmemorised"
    )
