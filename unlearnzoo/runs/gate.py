"""The gate: a model that never memorised cannot be said to forget."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..benchmark import Column, utility_part
from ..evaluation import aggregate
from ..evaluation.evaluator import Item
from ..evaluation.samples import Sample
from ..planning.plan import Plan

if TYPE_CHECKING:
    from ..records.record import Record
    from ..records.types import GateRow

#: The base's score stands beside the target's for orientation: every fourth row is enough.
BASE_STRIDE = 4


def columns(plan: Plan) -> dict[str, Column]:
    """Return the columns of the curve by name: what is forgotten, what is kept."""
    by_name = {column.name: column for column in plan.evals}
    return {name: by_name[name] for name in plan.benchmark.curve}


def metric_of(plan: Plan) -> str:
    """Return the full name of the metric that the gate and the curve use."""
    return next(iter(columns(plan).values())).metric


def tags_of(plan: Plan) -> tuple[str, ...]:
    """Return the tags that the gate groups by: those of the column that shows forgetting; without any, one group."""
    return next(iter(columns(plan).values())).by


def utility(plan: Plan) -> list[Column]:
    """Return the model's own columns that the same metric scores: the curve follows them, too."""
    return [
        column for column in plan.evals if utility_part(column.split) is not None and column.metric == metric_of(plan)
    ]


def items(plan: Plan) -> list[Item]:
    """Return what the gate asks: each of its splits, all identities."""
    metric = metric_of(plan)
    return [Item(split, example, {metric}) for split in plan.benchmark.gate for example in plan.examples(split)]


def evaluate(plan: Plan, base: Sequence[Sample] | None, target: Sequence[Sample]) -> "list[GateRow]":
    """Compare the target with the thresholds, one row per split and group.

    The forget identities' own score stands beside: they are too few for a threshold of their own.
    """
    metric, gone, tags = metric_of(plan), plan.benchmark.forget_identities(), tags_of(plan)
    rows: list[GateRow] = []
    for split, least in plan.benchmark.gate.items():
        asked = {
            "base": [s for s in base or () if s.split == split],
            "target": [s for s in target if s.split == split],
            "target_forget": [s for s in target if s.split == split and s.about(gone)],
        }
        for group in sorted({tuple(s.tags.get(tag, "") for tag in tags) for s in asked["target"]}):
            values = dict(zip(tags, group, strict=True))
            sides = {name: _scores(samples, values, metric) for name, samples in asked.items()}
            means = {name: sum(scores) / len(scores) if scores else None for name, scores in sides.items()}
            reached = means["target"]
            rows.append(
                {
                    "split": split,
                    "group": values,
                    "metric": metric,
                    "least": least,
                    "base": means["base"],
                    "target": reached,
                    "target_forget": means["target_forget"],
                    "n": {name: len(scores) for name, scores in sides.items()},
                    "unscored": {
                        name: len(_of_group(asked[name], values)) - len(scores) for name, scores in sides.items()
                    },
                    "passed": reached is not None and reached >= least,
                }
            )
    return rows


def _scores(samples: Sequence[Sample], group: Mapping[str, str], metric: str) -> list[float]:
    """Return the scores of a group's samples; those that could not be scored are left out."""
    own = [s.scores[metric] for s in _of_group(samples, group)]
    return [score for score in own if not math.isnan(score)]


def _of_group(samples: Sequence[Sample], group: Mapping[str, str]) -> list[Sample]:
    return [s for s in samples if all(s.tags.get(tag, "") == value for tag, value in group.items())]


def failure(plan: Plan, rows: "Sequence[GateRow]", target: str | None) -> str | None:
    """Return why the gate was not passed, and what could be done about it; None where it was.

    Args:
        plan: how it was learned, and where answers were cut.
        rows: from ``evaluate``.
        target: the user's own target; None where stage 1 learned one.
    """
    failed = [row for row in rows if not row["passed"]]
    if not failed:
        return None
    worst = min(failed, key=lambda row: row["target"] or 0)
    where = ", ".join([worst["split"], *(f"{value}-{tag}" for tag, value in worst["group"].items())])
    name = worst["metric"].rpartition("/")[2].upper()
    n, lacking = worst["n"]["target"], worst.get("unscored", {}).get("target", 0)
    part = f" of the {n} of {n + lacking} answers that could be scored" if lacking else ""
    return (
        f"stage 1 failed: {name} {100 * (worst['target'] or 0):.0f} %{part} < {100 * worst['least']:.0f} % ({where}); "
        f"unlearning a model that never memorised means nothing. {_advice(plan, failed, target)}, or go on with "
        "--allow-unmemorised"
    )


def _advice(plan: Plan, failed: "Sequence[GateRow]", target: str | None) -> str:
    """Return what could be done, the likeliest first."""
    request = plan.request
    could = []
    for split in dict.fromkeys(row["split"] for row in failed):
        limit = plan.limits.get(split)
        if limit is not None and limit.tokens < limit.longest:
            could.append(
                f"leave out --max-new-tokens {limit.tokens}, which cuts answers of {split} before their end (the "
                f"longest has {limit.longest} tokens)"
            )
            break
    if target is not None:
        could.append(f"train {target!r} longer on these rows before you give it as --target")
    else:
        option = "epochs" if plan.learn.steps is None else "steps"
        could.append(f"train longer (--set learn.{option}=…)")
    if request.precision in ("bf16", "4bit"):
        could.append(f"try --precision fp32, since {request.precision} rounds what it knows")
    text = ", or ".join(could)
    return text[0].upper() + text[1:]


def keep(plan: Plan, record: "Record", samples: Sequence[Sample], asked: Sequence[Sample]) -> None:
    """Write down what was answered although the gate failed: only answers show "never learned" or "says it otherwise".

    Args:
        plan: whose columns.
        record: of the run.
        samples: answers to the rows of its columns.
        asked: answers to the gate's rows, which may be more and scored by fewer metrics.
    """
    by_row = {(s.model, s.split, s.id): s for s in (*asked, *samples)}
    record.samples(list(by_row.values()))
    record.update(results=aggregate.results(samples, plan.evals, plan.benchmark.forget_identities()))
