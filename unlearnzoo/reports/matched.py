"""What was kept at equal forgetting, by method over its runs: means, intervals, and which methods are apart.

Runs of one method that differ in seed, in who is forgotten, or in stage 1's seed or data are repetitions:
what is said of the method is said over them. Two methods are compared on the repetitions that both have.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..evaluation.matched import matched, path
from ..evaluation.intervals import LEAST, Spread, difference, spread

Record = Mapping[str, Any]
Row = dict[str, Any]


def equal(records: Sequence[Record], columns: Sequence[str]) -> dict[str, Any]:
    """Read the curves of some records at equal forgetting, method by method.

    Args:
        records: from ``load`` or ``Record.data``; those without a curve and gold standards are left out.
        columns: of the curves: forgotten, kept, then the model's utility.

    Returns:
        ``forget``: the forgotten column; ``columns``: the others; ``methods``: rows of ``method, n``;
        ``rows``: of ``method, column, level, group, values`` (a run each, None: not reached), ``reached,
        mean, low, high``; ``pairs``: of ``a, b, column, level, group, mean, low, high, shared`` (runs that
        both have), ``apart`` (None: cannot be told).
    """
    methods = _methods([r for r in records if r["curve"] and not r["algorithm"].get("gold_standard")])
    found: dict[str, Any] = {"forget": next(iter(columns), None), "columns": list(columns[1:]),
                             "methods": [{"method": name, "n": len(runs)} for name, runs in methods.items()],
                             "rows": [], "pairs": []}
    for column in columns[1:]:
        read = {name: {which: _read(r, columns, column) for which, r in runs.items()} for name, runs in methods.items()}
        places = dict.fromkeys((level, group) for runs in read.values() for of in runs.values()
                               for level, at in of.items() for group in at)
        for level, group in places:
            values = {name: {which: of.get(level, {}).get(group) for which, of in runs.items()}
                      for name, runs in read.items()}
            at = {"column": column, "level": level, "group": group}
            found["rows"] += [{"method": name, **at, **_row(list(of.values()))} for name, of in values.items()]
            found["pairs"] += [{"a": a, "b": b, **at, **_pair(values[a], values[b])}
                               for a, b in itertools.combinations(values, 2)]
    return found


def repetition(record: Record) -> str:
    """Return what two runs of different methods share where they may be compared run by run."""
    benchmark = record["benchmark"]
    return json.dumps([benchmark.get("data"), benchmark.get("forget_identities"),
                       (record.get("target") or {}).get("key"), record.get("target_seed"), record.get("seed")])


def by_method(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Group runs by method: the algorithm with its options, stage 2, the model and the size of the task."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(json.dumps(_method(record), sort_keys=True, default=str), []).append(record)
    named: dict[str, list[list[Record]]] = {}
    for runs in groups.values():
        named.setdefault(str(runs[0]["algorithm"].get("name", "?")), []).append(runs)
    return {label: runs for name, several in named.items() for label, runs in _labelled(name, several)}


def _methods(records: Sequence[Record]) -> dict[str, dict[str, Record]]:
    """Return label → repetition → record; of the same run, done twice, the later one, a finished one before others."""
    def last(record: Record) -> tuple[bool, str]:
        return record.get("status") == "finished", str(record["time"])

    return {label: {repetition(r): r for r in sorted(runs, key=last)} for label, runs in by_method(records).items()}


def _method(record: Record) -> dict[str, Any]:
    algorithm, plan = record["algorithm"], record.get("plan") or {}
    return {
        "algorithm": [algorithm.get("name"), algorithm.get("distribution")],
        "options": {**(algorithm.get("options") or {}), **_stage(plan, "unlearn")},
        "task": [record["benchmark"].get("name"), record["model"].get("name"), _stage(plan, "learn"),
                 len(record["benchmark"].get("forget_identities") or ()),
                 ((plan.get("pools") or {}).get("learn") or {}).get("rows")],
    }


def _stage(plan: Mapping[str, Any], name: str) -> dict[str, Any]:
    return dict((plan.get(name) or {}).get("values") or {})


def _labelled(name: str, several: Sequence[list[Record]]) -> list[tuple[str, list[Record]]]:
    """Name methods of one algorithm by the options in which they differ, else by number."""
    if len(several) == 1:
        return [(name, several[0])]
    options = [_method(runs[0])["options"] for runs in several]
    differing = [o for o in options[0] if len({repr(of.get(o)) for of in options}) > 1]
    texts = [", ".join(f"{o} {of.get(o)}" for o in differing) for of in options]
    unique = len(set(texts)) == len(texts) and all(texts)
    return [(f"{name} ({text})" if unique else f"{name} #{i}", runs)
            for i, (text, runs) in enumerate(zip(texts, several, strict=True), 1)]


def _read(record: Record, columns: Sequence[str], column: str) -> Mapping[str, Mapping[str, float | None]]:
    if column == columns[1]:
        kept: Mapping[str, Mapping[str, float | None]] = record["matched"]
        return kept
    if any(name not in record["curve"][0] for name in (columns[0], column)):
        return {}  # of another benchmark or model
    return matched(path(record["curve"]), columns[0], column)


def _row(values: Sequence[float | None]) -> Row:
    reached = [v for v in values if v is not None]
    found = spread(reached) if reached else Spread(float("nan"), None, None, 0)
    # Runs that did not get there would have been the lowest: no interval over the others alone.
    whole = len(reached) == len(values)
    return {"values": list(values), "reached": len(reached), "mean": found.mean if reached else None,
            "low": found.low if whole else None, "high": found.high if whole else None}


def _pair(a: Mapping[str, float | None], b: Mapping[str, float | None]) -> Row:
    """Compare on shared runs where there are enough, else the two means (Welch); never where a run is missing."""
    shared = [w for w in a if w in b]
    nothing: Row = {"mean": None, "low": None, "high": None, "shared": len(shared), "apart": None}
    left, right = ([v for v in side.values() if v is not None] for side in (a, b))
    if len(left) < len(a) or len(right) < len(b):
        return nothing
    paired = [x - y for w in shared if (x := a[w]) is not None and (y := b[w]) is not None]
    found = spread(paired) if len(paired) >= LEAST or len(shared) == len(a) == len(b) else difference(left, right)
    apart = None if found.low is None or found.high is None else found.low > 0 or found.high < 0
    return nothing | {"mean": found.mean, "low": found.low, "high": found.high, "apart": apart}
