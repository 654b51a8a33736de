"""What was kept at equal forgetting as tables and sentences."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..evaluation.intervals import LEAST
from .order import in_order
from .table import Block, Table, percent

Rows = Sequence[Mapping[str, Any]]


def tables(found: Mapping[str, Any]) -> Iterator[Table]:
    """Yield a table for each column that was read, then the differences of what was kept."""
    equal = found["equal"]
    for column in equal["columns"]:
        rows = [row for row in equal["rows"] if row["column"] == column]
        if any(row["reached"] for row in rows):
            yield _table(f"{column} where {equal['forget']} first comes down to a level, per cent (read off the curve)",
                         [(_label(m, equal), [row for row in rows if row["method"] == m["method"]])
                          for m in equal["methods"]], equal["forget"], column, _cell)
    pairs = [row for row in equal["pairs"] if row["column"] == next(iter(equal["columns"]), None)]
    if any(row["low"] is not None for row in pairs):
        names = dict.fromkeys((row["a"], row["b"]) for row in pairs)
        yield _table(f"Differences in {pairs[0]['column']} at equal forgetting, percentage points",
                     [(f"{a} - {b}", [row for row in pairs if (row["a"], row["b"]) == (a, b)]) for a, b in names],
                     equal["forget"], pairs[0]["column"], _difference)


def _table(title: str, methods: Sequence[tuple[str, Rows]], forgot: str, kept: str, show: Any) -> Table:
    levels = sorted({row["level"] for _, rows in methods for row in rows}, reverse=True)
    groups = in_order(row["group"] for _, rows in methods for row in rows)
    table = Table(title, [Block(f"{group}: {kept} at {forgot} =" if group else f"{kept} at {forgot} =",
                                [_level(level) for level in levels]) for group in groups])
    for name, rows in methods:
        of = {(row["group"], row["level"]): row for row in rows}
        table.add(name, [[show(of[group, level]) if (group, level) in of else "–" for level in levels]
                         for group in groups])
    return table


def legend(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield over how many runs methods were read, and which of them are apart."""
    equal = found["equal"]
    counts = sorted({m["n"] for m in equal["methods"]})
    if not any(row["reached"] for row in equal["rows"]):
        return
    if counts[-1] < LEAST:
        many = f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}"
        yield (f"At equal forgetting: {many} run{'s' if counts[-1] > 1 else ''} a method, so no interval"
               + (", and no telling which methods are apart" if len(equal["methods"]) > 1 else "")
               + f"; {LEAST} runs a method with other seeds or other people forgotten give both.")
        return
    yield ("At equal forgetting: mean over n runs of a method with [95 % Student interval]; k/n: only k runs came down "
           "to the level, their mean, no interval.")
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
        yield ("Apart: the interval of the difference, run by run where seed and forgotten people are shared, leaves "
               "out 0. Each holds by itself: of 20 pairs without a difference one would be marked.")


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
