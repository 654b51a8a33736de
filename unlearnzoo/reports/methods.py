"""Which runs are one method, and what a method is called.

Runs of one method that differ in seed, in who is forgotten, or in stage 1's seed or data are repetitions.
"""

import json
from collections.abc import Sequence

from ..records import rules
from ..records.types import AnyRecord

Records = Sequence[AnyRecord]


def repetition(record: AnyRecord) -> str:
    """Return what two runs of different methods share where they may be compared run by run."""
    benchmark = record["benchmark"]
    return json.dumps(
        [
            benchmark.get("data"),
            benchmark.get("forget_identities"),
            (record.get("target") or {}).get("key"),
            record.get("target_seed"),
            record.get("seed"),
        ]
    )


def by_method(records: Records) -> dict[str, list[AnyRecord]]:
    """Group runs by method: the algorithm with its options, stage 2, model, size of the task, rules."""
    groups: dict[str, list[AnyRecord]] = {}
    for record in records:
        groups.setdefault(json.dumps(_method(record), sort_keys=True, default=str), []).append(record)
    named: dict[str, list[list[AnyRecord]]] = {}
    for runs in groups.values():
        named.setdefault(str(runs[0]["algorithm"].get("name", "?")), []).append(runs)
    return {label: runs for name, several in named.items() for label, runs in _labelled(name, several)}


def runs_by_repetition(records: Records) -> dict[str, dict[str, AnyRecord]]:
    """Return label → repetition → record; of the same run, done twice, the later one, a finished one before others."""

    def finished_and_late(record: AnyRecord) -> tuple[bool, str]:
        return record.get("status") == "finished", str(record["time"])

    return {
        label: {repetition(record): record for record in sorted(runs, key=finished_and_late)}
        for label, runs in by_method(records).items()
    }


def _options(record: AnyRecord) -> dict[str, object]:
    return {**(record["algorithm"].get("options") or {}), **_stage(record.get("plan") or {}, "unlearn")}


def _method(record: AnyRecord) -> dict[str, object]:
    algorithm, plan = record["algorithm"], record.get("plan") or {}
    return {
        "algorithm": [algorithm.get("name"), algorithm.get("distribution")],
        "options": _options(record),
        "task": [
            record["benchmark"].get("name"),
            record["model"].get("name"),
            _stage(plan, "learn"),
            len(record["benchmark"].get("forget_identities") or ()),
            ((plan.get("pools") or {}).get("learn") or {}).get("rows"),
            rules.reading(record),
            (record.get("arguments") or {}).get("max_new_tokens"),
        ],
    }


def _stage(plan: AnyRecord, name: str) -> dict[str, object]:
    return dict((plan.get(name) or {}).get("values") or {})


def _labelled(name: str, several: Sequence[list[AnyRecord]]) -> list[tuple[str, list[AnyRecord]]]:
    """Name methods of one algorithm by the options in which they differ, else by number."""
    if len(several) == 1:
        return [(name, several[0])]
    options = [_options(runs[0]) for runs in several]
    differing = [o for o in options[0] if len({repr(values.get(o)) for values in options}) > 1]
    texts = [", ".join(f"{o} {values.get(o)}" for o in differing) for values in options]
    unique = len(set(texts)) == len(texts) and all(texts)
    return [
        (f"{name} ({text})" if unique else f"{name} #{i}", runs)
        for i, (text, runs) in enumerate(zip(texts, several, strict=True), 1)
    ]
