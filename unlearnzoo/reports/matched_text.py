"""What was kept at equal forgetting as tables and sentences."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from ..evaluation.intervals import LEAST
from .matched import ApartRow, Matched, MatchedRow, Method
from .table import Block, Table, in_order, interval, percent, scored
from .text import Section

R = TypeVar("R", MatchedRow, ApartRow)


def section(facts: Matched) -> Section:
    """Return what was kept as tables: one per column that was read, then the differences; and which are apart."""
    return Section(list(_tables(facts)), list(_notes(facts)))


def _tables(facts: Matched) -> Iterator[Table]:
    forget = str(facts["forget"])
    for column in facts["columns"]:
        rows = [row for row in facts["rows"] if row["column"] == column]
        if any(row["reached"] for row in rows):
            yield _table(
                f"{column} where {forget} first comes down to a level, per cent (read off the curve)",
                [(_label(m, facts), [row for row in rows if row["method"] == m["method"]]) for m in facts["methods"]],
                f"{column} at {forget} =",
                _cell,
            )
    pairs = [row for row in facts["pairs"] if row["column"] == next(iter(facts["columns"]), None)]
    if any(row["low"] is not None for row in pairs):
        names = dict.fromkeys((row["a"], row["b"]) for row in pairs)
        yield _table(
            f"Differences in {pairs[0]['column']} at equal forgetting, percentage points",
            [(f"{a} - {b}", [row for row in pairs if (row["a"], row["b"]) == (a, b)]) for a, b in names],
            f"{pairs[0]['column']} at {forget} =",
            _difference,
        )


def _table(title: str, lines: Sequence[tuple[str, list[R]]], heading: str, show: Callable[[R], str]) -> Table:
    """Lay out lines of rows: a block per group, a column per level."""
    levels = sorted({row["level"] for _, rows in lines for row in rows}, reverse=True)
    groups = in_order(row["group"] for _, rows in lines for row in rows)
    blocks = [Block(f"{group}: {heading}" if group else heading, list(map(_level, levels))) for group in groups]
    table = Table(title, blocks)
    for label, rows in lines:
        at = {(row["group"], row["level"]): row for row in rows}
        table.add(
            label, [[show(at[group, level]) if (group, level) in at else "–" for level in levels] for group in groups]
        )
    return table


def _notes(facts: Matched) -> Iterator[str]:
    """Yield over how many runs methods were read, and which of them are apart."""
    counts = sorted({method["n"] for method in facts["methods"]})
    if not any(row["reached"] for row in facts["rows"]):
        return
    if any(row["reached"] for row in facts["rows"] if row["column"] != facts["columns"][0]):
        yield f"{', '.join(facts['columns'][1:])} off the curve: over a part of the rows, the same at each point."
    if counts[-1] < LEAST:
        many = f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}"
        yield (
            f"At equal forgetting: {many} run{'s' if counts[-1] > 1 else ''} per method, so no interval"
            + (", and no telling which methods are apart" if len(facts["methods"]) > 1 else "")
            + f"; {LEAST} runs per method with other seeds or other people forgotten give both."
        )
        return
    yield (
        "At equal forgetting: mean over n runs of a method with [95 % Student interval]; k/n: only k runs came down "
        "to the level, their mean, no interval."
    )
    yield from _apart(facts)


def _apart(facts: Matched) -> Iterator[str]:
    """Yield, at the lowest level, which methods are apart by more than the interval, and which are not."""
    lowest = min((row["level"] for row in facts["pairs"]), default="")
    groups = in_order(row["group"] for row in facts["pairs"])
    for column, group in itertools.product(facts["columns"], groups):
        rows = [r for r in facts["pairs"] if (r["column"], r["group"], r["level"]) == (column, group, lowest)]
        if parts := _verdicts(rows):
            where = f"{facts['forget']} = {_level(lowest)}" + (f", {group}" if group else "")
            yield f"{column} at {where}: {'; '.join(parts)}."
    if any(row["apart"] is not None for row in facts["pairs"]):
        yield (
            "Apart: the interval of the difference, run by run where seed and forgotten people are shared, leaves "
            "out 0. Each holds by itself: of 20 pairs without a difference one would be marked."
        )


def _verdicts(rows: Sequence[ApartRow]) -> list[str]:
    """Return the pairs of methods by what can be said of them."""
    verdicts: dict[str, list[str]] = {"apart": [], "not told apart": [], "too few runs, or one did not come down": []}
    for row in rows:
        if row["apart"] and row["mean"] is not None:
            above, below = (row["a"], row["b"]) if row["mean"] > 0 else (row["b"], row["a"])
            verdicts["apart"].append(f"{above} above {below}")
        else:
            verdict = "too few runs, or one did not come down" if row["apart"] is None else "not told apart"
            verdicts[verdict].append(f"{row['a']} and {row['b']}")
    return [f"{verdict}: {', '.join(pairs)}" for verdict, pairs in verdicts.items() if pairs]


def _label(method: Method, facts: Matched) -> str:
    n = f", n = {method['n']}" if any(other["n"] > 1 for other in facts["methods"]) else ""
    return method["method"] + n + (f", {method['diverged']} diverged" if method["diverged"] else "")


def _level(level: str) -> str:
    return f"{100 * float(level):.0f} %"


def _cell(row: MatchedRow) -> str:
    partly = f" {row['reached']}/{len(row['values'])}" if 0 < row["reached"] < len(row["values"]) else ""
    return percent(row["mean"]) + partly + scored(row) + _below(row)


def _difference(row: ApartRow) -> str:
    return percent(row["mean"], signed=True) + ("*" if row["apart"] else " ") + _below(row)


def _below(row: MatchedRow | ApartRow) -> str:
    return f"\n{interval(row['low'], row['high'], mean=row['mean'])}" if row["low"] is not None else ""
