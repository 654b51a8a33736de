"""The gold standard beside every method: the model that stage 1 gives without the forget set.

Each metric's distance to it, and forget quality (Maini et al., 2024, TOFU: a task of fictitious
unlearning for LLMs): whether the unlearned model finds the true answers to the forget set as likely
as a model that never saw them.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..evaluation.aggregate import Row, paired
from ..evaluation.ks import ks
from ..evaluation.samples import TRUTH, Sample
from . import store

Record = Mapping[str, Any]


def is_gold(record: Record) -> bool:
    """Tell whether a record is a gold standard that can be relied on."""
    return bool(record["algorithm"].get("gold_standard") and record["status"] == "finished" and record.get("valid"))


def key(record: Record) -> str:
    """Return what a method and its gold standard share: data, forget set, pools, model, stage 1 and its seed."""
    benchmark, model, plan = (record.get(name) or {} for name in ("benchmark", "model", "plan"))
    shared = [benchmark.get("data"), benchmark.get("forget_identities"), plan.get("pools"),
              model.get("weights") or model.get("source"), (plan.get("learn") or {}).get("values"),
              record.get("target_seed")]
    return json.dumps(shared, sort_keys=True, default=str)


def find(wanted: str, runs_dir: Path) -> dict[str, Any] | None:
    """Return the newest gold standard of a runs folder with this key."""
    found = (entry["record"] for entry in store.find(runs_dir) if entry["record"])
    return next((record for record in found if is_gold(record) and key(record) == wanted), None)


def beside(records: Sequence[Record]) -> list[Record]:
    """Return some records and the gold standards for them that lie in the same runs folders."""
    have = {key(r) for r in records if is_gold(r)}
    found: list[Record] = list(records)
    for record in records:
        if record["algorithm"].get("gold_standard") or key(record) in have:
            continue
        if (gold := find(key(record), Path(record["folder"]).parent)) is not None:
            have.add(key(gold))
            found.append(gold)
    return found


def line(fields: Record, runs_dir: Path, here: Sequence[str], installed: Sequence[str], own_target: bool) -> str:
    """Return the plan's line on where the gold standard comes from, or that there is none.

    Args:
        fields: what ``key`` asks of a record, of the run that is planned.
        runs_dir: where records go.
        here: gold standards among the algorithms of this run.
        installed: all gold standards that are installed.
        own_target: stage 1 was learned elsewhere (``--target``).
    """
    if here:
        return f"{here[0]}, in this run; every method is shown beside it"
    if own_target:
        return "none: stage 1 was learned elsewhere (--target); distances to it will be missing"
    if (found := find(key(fields), runs_dir)) is not None:
        return f"{Path(found['folder']).name}; every method is shown beside it"
    what = f"add {installed[0]} to --algo" if installed else "none is installed"
    name = installed[0] if installed else "gold-standard"
    return (f"none: no {name} record for this data, forget set, model and stage 1 in {runs_dir}/; distances to it and "
            f"forget quality will be missing; {what}")


def compare(names: Sequence[str], records: Sequence[Record], judged: Sequence[Sequence[Sample]],
            forget_column: str | None) -> dict[str, Any]:
    """Hold each record against its gold standard.

    Args:
        names: of the records.
        records: gold standards among them.
        judged: each record's samples; empty where there are none.
        forget_column: the column over the forget set.

    Returns:
        ``names`` of the gold standards; ``distance``: rows as of ``paired`` (the method less its gold
        standard) with ``run`` and ``gold``; ``quality``: rows with ``run, gold, group, statistic, p, n,
        n_gold``, the target's first; ``missing``: names of the methods without one.
    """
    golds = {key(r): i for i, r in reversed(list(enumerate(records))) if is_gold(r)}
    found: dict[str, Any] = {"names": [names[i] for i in sorted(golds.values())], "distance": [], "quality": [],
                             "missing": []}
    told: set[int] = set()
    for name, record, samples in zip(names, records, judged, strict=True):
        at = golds.get(key(record))
        if record["algorithm"].get("gold_standard") or not any(r["model"] == "unlearned" for r in record["results"]):
            continue
        if at is None or not judged[at] or not samples:
            found["missing"].append(name)
            continue
        mine, best = _of(samples, "unlearned"), _of(judged[at], "unlearned")
        rows = store.comparable(record, records[at])
        forget = frozenset(record["benchmark"].get("forget_identities") or ())
        found["distance"] += [{"run": name, "gold": names[at], **row} for row in paired(mine, best, rows, forget)]
        groups = [row for row in record["results"] if row["model"] == "unlearned" and row["column"] == forget_column]
        if at not in told:
            told.add(at)
            found["quality"] += _quality("target", names[at], _of(samples, "target"), best, groups, forget)
        found["quality"] += _quality(name, names[at], mine, best, groups, forget)
    return found


def _quality(run: str, gold: str, mine: Sequence[Sample], best: Sequence[Sample], groups: Sequence[Row],
             forget: frozenset[str]) -> list[Row]:
    rows = []
    for one in groups:
        a, b = (_truths(side, one, forget) for side in (mine, best))
        if a and b:
            statistic, p = ks(a, b)
            rows.append({"run": run, "gold": gold, "group": one["group"], "statistic": statistic, "p": p,
                         "n": len(a), "n_gold": len(b)})
    return rows


def _truths(samples: Sequence[Sample], one: Row, forget: frozenset[str]) -> list[float]:
    """Return the true answers' probabilities over the forget set's rows of a group."""
    return [s.details[TRUTH] for s in samples if s.split == one["split"] and s.identity in forget
            and TRUTH in s.details and all(s.tags.get(tag, "") == value for tag, value in one["group"].items())]


def _of(samples: Sequence[Sample], model: str) -> list[Sample]:
    return [s for s in samples if s.model == model]
