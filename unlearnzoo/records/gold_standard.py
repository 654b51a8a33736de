"""The gold standard of a run: the record of the model that stage 1 gives without the forget set."""

import json
from collections.abc import Sequence
from pathlib import Path

from . import rules, store
from .types import AnyRecord, RunRecord


def is_gold(record: AnyRecord) -> bool:
    """Return whether a record is a gold standard that can be relied on."""
    return bool(record["algorithm"].get("gold_standard") and record["status"] == "finished" and record.get("valid"))


def key(record: AnyRecord) -> str:
    """Return what a method and its gold standard share: data, forget set, pools, model, stage 1, seed and rules."""
    benchmark, model, plan = (record.get(name) or {} for name in ("benchmark", "model", "plan"))
    shared = [
        benchmark.get("data"),
        benchmark.get("forget_identities"),
        plan.get("pools"),
        model.get("weights") or model.get("source"),
        (plan.get("learn") or {}).get("values"),
        record.get("target_seed"),
        rules.reading(record),
    ]
    return json.dumps(shared, sort_keys=True, default=str)


def find(wanted: str, runs_dir: Path) -> RunRecord | None:
    """Return the newest gold standard of a runs folder with this key."""
    records = (entry["record"] for entry in store.find(runs_dir) if entry["record"])
    return next((record for record in records if is_gold(record) and key(record) == wanted), None)


def beside(records: Sequence[AnyRecord]) -> list[AnyRecord]:
    """Return records and the gold standards for them that lie in the same runs folders."""
    have = {key(r) for r in records if is_gold(r)}
    joined: list[AnyRecord] = list(records)
    for record in records:
        if record["algorithm"].get("gold_standard") or key(record) in have:
            continue
        if (gold := find(key(record), Path(record["folder"]).parent)) is not None:
            have.add(key(gold))
            joined.append(gold)
    return joined


def line(fields: AnyRecord, runs_dir: Path, here: Sequence[str], installed: Sequence[str], own_target: bool) -> str:
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
    if (gold := find(key(fields), runs_dir)) is not None:
        return f"{Path(gold['folder']).name}; every method is shown beside it"
    remedy = f"add {installed[0]} to --algo" if installed else "none is installed"
    name = installed[0] if installed else "gold-standard"
    return (
        f"none: no {name} record for this data, forget set, model and stage 1 in {runs_dir}/; distances to it and "
        f"forget quality will be missing; {remedy}"
    )
