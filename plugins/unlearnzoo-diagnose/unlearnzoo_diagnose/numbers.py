"""From rows to what a diagnosis says: means with intervals over people, and heat maps."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from unlearnzoo import Progress
from unlearnzoo.evaluation.aggregate import Bounds, summary
from unlearnzoo.evaluation.clusters import cluster_of
from unlearnzoo.evaluation.metric_inputs import metric_inputs, scored
from unlearnzoo.runs import gate
from unlearnzoo_diagnose.pairs import GROUPS
from unlearnzoo_diagnose.people import Person

if TYPE_CHECKING:
    from unlearnzoo.models.lora import State
    from unlearnzoo.planning.plan import Plan
    from unlearnzoo.runs.stage_one import StageOne

Rows = list[dict[str, Any]]
TEXTS = {"prediction", "answer", "keywords"}


def memorised(plan: "Plan", stage: "StageOne") -> Rows:
    """Score the gate's answers with every metric that takes no more than the text: EM, ROUGE.

    What was asked for the gate is in the cache with its answer, so this asks the model nothing.
    """
    metrics = {full: m for full, m in plan.metrics.items() if m.needs <= TEXTS and "prediction" in m.needs}
    examples = {(split, e.id): e for split in plan.benchmark.gate for e in plan.examples(split)}
    rows = []
    for state, samples in stage.samples.items():
        for split, hop in sorted({(s.split, s.tags.get("hop", "")) for s in samples}):
            joined = cluster_of(s for s in samples if s.split == split)
            chosen = [s for s in samples if (s.split, s.tags.get("hop", "")) == (split, hop)]
            for full, metric in metrics.items():
                given = [metric_inputs(examples[s.split, s.id], s.prediction) for s in chosen]
                values = [score.value for score in scored(metric, given, Progress())]
                rows.append(
                    {
                        "model": state,
                        "split": split,
                        "group": {"hop": hop},
                        "metric": full,
                        **mean(zip((joined[s.identities[0]] for s in chosen), values, strict=True)),
                    }
                )
    return rows


def loss(plan: "Plan", stage: "StageOne", state: "State", chosen: Sequence[Person]) -> Rows:
    """Return the mean cross-entropy per token of what the chosen people were taught with, by hop."""
    who = {person.identity for person in chosen}
    rows = [e for e in plan.benchmark.learn_pool() if e.about(who)]
    if state == "base":  # stands beside for orientation, as in the gate
        rows = rows[:: gate.BASE_STRIDE]
    scores = stage.engine.score([stage.engine.encode(e) for e in rows], state)
    by_hop, joined = [], cluster_of(rows)
    for hop in sorted({e.tags.get("hop", "") for e in rows}):
        values = [
            (joined[e.identities[0]], -sum(answer.logps) / len(answer.logps))
            for e, answer in zip(rows, scores, strict=True)
            if e.tags.get("hop", "") == hop
        ]
        row = mean(values, "numbers")
        by_hop.append({"model": state, "group": {"hop": hop}, **row, "perplexity": math.exp(row["mean"])})
    return by_hop


def summaries(rows: Rows) -> Rows:
    """Return the mean of each measure of the names by model and set, with its interval over people."""
    found = []
    for model, kind in dict.fromkeys((r["model"], r["set"]) for r in rows):
        mine = [r for r in rows if (r["model"], r["set"]) == (model, kind)]
        found.append(
            {"model": model, "set": kind}
            | {
                name: mean((r["identity"], float(r[name])) for r in mine)
                for name in ("min_k", "inverse_perplexity", "recalled")
            }
        )
    return found


def maps(rows: Rows) -> Rows:
    """Return a heat map for each model, set, what was exchanged, and kind: mean IE by group and layer, and its peak."""
    found = []
    for key in dict.fromkeys((r["model"], r["set"], r["exchanged"], r["kind"]) for r in rows):
        mine = [r for r in rows if (r["model"], r["set"], r["exchanged"], r["kind"]) == key]
        cells: dict[tuple[str, int], list[tuple[str, float]]] = {}
        for r in mine:
            cells.setdefault((r["group"], r["layer"]), []).append((r["identity"], r["ie"]))
        means = {cell: mean(values, "differences") for cell, values in cells.items()}
        group, layer = max(means, key=lambda cell: means[cell]["mean"])
        first = {r["identity"]: r for r in mine}.values()
        found.append(
            {
                **dict(zip(("model", "set", "exchanged", "kind"), key, strict=True)),
                "clean": mean((r["identity"], r["clean"]) for r in first),
                "corrupted": mean((r["identity"], r["corrupted"]) for r in first),
                "peak": {"group": group, "layer": layer, **means[group, layer]},
                "ie": {g: [means[g, n]["mean"] for n in sorted({r["layer"] for r in mine})] for g in GROUPS},
            }
        )
    return found


def mean(values: Iterable[tuple[str, float]], of: Bounds = "scores") -> dict[str, Any]:
    """Return mean, interval over people or clusters of them (null of one), and counts; ``of`` as for ``summary``."""
    row = summary(values, of)
    return {name: row[name] for name in ("mean", "low", "high", "n", "clusters")}
