"""What was kept at equal forgetting, by method over its runs: means, intervals, and which methods are apart.

Runs of one method that differ in seed, in who is forgotten, or in stage 1's seed or data are repetitions:
what is said of the method is said over them. Two methods are compared on the repetitions that both have.
"""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..evaluation.intervals import LEAST, Spread, difference, spread
from ..evaluation.matched import matched, path
from .order import in_order
from .table import Block, Table, percent

Record = Mapping[str, Any]
Row = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]


def matched_forgetting(records: Sequence[Record], columns: Sequence[str]) -> dict[str, Any]:
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
    found: dict[str, Any] = {
        "forget": next(iter(columns), None),
        "columns": list(columns[1:]),
        "methods": [{"method": name, "n": len(runs)} for name, runs in methods.items()],
        "rows": [],
        "pairs": [],
    }
    for column in columns[1:]:
        read = {name: {which: _read(r, columns, column) for which, r in runs.items()} for name, runs in methods.items()}
        places = dict.fromkeys(
            (level, group) for runs in read.values() for of in runs.values() for level, at in of.items() for group in at
        )
        for level, group in places:
            values = {
                name: {which: of.get(level, {}).get(group) for which, of in runs.items()} for name, runs in read.items()
            }
            at = {"column": column, "level": level, "group": group}
            found["rows"] += [{"method": name, **at, **_row(list(of.values()))} for name, of in values.items()]
            found["pairs"] += [
                {"a": a, "b": b, **at, **_pair(values[a], values[b])} for a, b in itertools.combinations(values, 2)
            ]
    return found


def repetition(record: Record) -> str:
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
        "task": [
            record["benchmark"].get("name"),
            record["model"].get("name"),
            _stage(plan, "learn"),
            len(record["benchmark"].get("forget_identities") or ()),
            ((plan.get("pools") or {}).get("learn") or {}).get("rows"),
        ],
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
    return [
        (f"{name} ({text})" if unique else f"{name} #{i}", runs)
        for i, (text, runs) in enumerate(zip(texts, several, strict=True), 1)
    ]


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
    return {
        "values": list(values),
        "reached": len(reached),
        "mean": found.mean if reached else None,
        "low": found.low if whole else None,
        "high": found.high if whole else None,
    }


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


def tables(found: Mapping[str, Any]) -> Iterator[Table]:
    """Yield a table for each column that was read, then the differences of what was kept."""
    equal = found["equal"]
    for column in equal["columns"]:
        rows = [row for row in equal["rows"] if row["column"] == column]
        if any(row["reached"] for row in rows):
            yield _table(
                f"{column} where {equal['forget']} first comes down to a level, per cent (read off the curve)",
                [(_label(m, equal), [row for row in rows if row["method"] == m["method"]]) for m in equal["methods"]],
                equal["forget"],
                column,
                _cell,
            )
    pairs = [row for row in equal["pairs"] if row["column"] == next(iter(equal["columns"]), None)]
    if any(row["low"] is not None for row in pairs):
        names = dict.fromkeys((row["a"], row["b"]) for row in pairs)
        yield _table(
            f"Differences in {pairs[0]['column']} at equal forgetting, percentage points",
            [(f"{a} - {b}", [row for row in pairs if (row["a"], row["b"]) == (a, b)]) for a, b in names],
            equal["forget"],
            pairs[0]["column"],
            _difference,
        )


def _table(title: str, methods: Sequence[tuple[str, Rows]], forgot: str, kept: str, show: Any) -> Table:
    levels = sorted({row["level"] for _, rows in methods for row in rows}, reverse=True)
    groups = in_order(row["group"] for _, rows in methods for row in rows)
    table = Table(
        title,
        [
            Block(
                f"{group}: {kept} at {forgot} =" if group else f"{kept} at {forgot} =",
                [_level(level) for level in levels],
            )
            for group in groups
        ],
    )
    for name, rows in methods:
        of = {(row["group"], row["level"]): row for row in rows}
        table.add(
            name, [[show(of[group, level]) if (group, level) in of else "–" for level in levels] for group in groups]
        )
    return table


def legend(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield over how many runs methods were read, and which of them are apart."""
    equal = found["equal"]
    counts = sorted({m["n"] for m in equal["methods"]})
    if not any(row["reached"] for row in equal["rows"]):
        return
    if counts[-1] < LEAST:
        many = f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}"
        yield (
            f"At equal forgetting: {many} run{'s' if counts[-1] > 1 else ''} a method, so no interval"
            + (", and no telling which methods are apart" if len(equal["methods"]) > 1 else "")
            + f"; {LEAST} runs a method with other seeds or other people forgotten give both."
        )
        return
    yield (
        "At equal forgetting: mean over n runs of a method with [95 % Student interval]; k/n: only k runs came down "
        "to the level, their mean, no interval."
    )
    yield from _apart(equal)


def _apart(equal: Mapping[str, Any]) -> Iterator[str]:
    """Yield, at the lowest level, which methods are apart by more than the interval, and which are not."""
    lowest = min((row["level"] for row in equal["pairs"]), default=None)
    groups = in_order(row["group"] for row in equal["pairs"])
    for column, group in ((column, group) for column in equal["columns"] for group in groups):
        rows = [r for r in equal["pairs"] if (r["column"], r["group"], r["level"]) == (column, group, lowest)]
        above = [" above ".join((r["a"], r["b"]) if r["mean"] > 0 else (r["b"], r["a"])) for r in rows if r["apart"]]
        close = [f"{r['a']} and {r['b']}" for r in rows if r["apart"] is False]
        open_ = [f"{r['a']} and {r['b']}" for r in rows if r["apart"] is None]
        said = {"apart": above, "not told apart": close, "too few runs, or one did not come down": open_}
        parts = [f"{what}: {', '.join(names)}" for what, names in said.items() if names]
        if parts:
            where = f"{equal['forget']} = {_level(lowest)}" + (f", {group}" if group else "")
            yield f"{column} at {where}: {'; '.join(parts)}."
    if any(row["apart"] is not None for row in equal["pairs"]):
        yield (
            "Apart: the interval of the difference, run by run where seed and forgotten people are shared, leaves "
            "out 0. Each holds by itself: of 20 pairs without a difference one would be marked."
        )


def _label(method: Mapping[str, Any], equal: Mapping[str, Any]) -> str:
    return method["method"] + (f", n = {method['n']}" if any(m["n"] > 1 for m in equal["methods"]) else "")


def _level(level: Any) -> str:
    return f"{100 * float(level):.0f} %"


def _cell(row: Mapping[str, Any]) -> str:
    some = f" {row['reached']}/{len(row['values'])}" if 0 < row["reached"] < len(row["values"]) else ""
    return percent(row["mean"]) + some + _interval(row)


def _difference(row: Mapping[str, Any]) -> str:
    return percent(row["mean"], signed=True) + ("*" if row["apart"] else " ") + _interval(row)


def _interval(row: Mapping[str, Any]) -> str:
    return "" if row["low"] is None else f"\n[{100 * row['low']:.0f}..{100 * row['high']:.0f}]"
