"""What was kept at equal forgetting, by method over its runs: means, intervals, and which methods are apart.

Runs of one method that differ in seed, in who is forgotten, or in stage 1's seed or data are repetitions:
what is said of the method is said over them. Two methods are compared on the repetitions that both have.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypedDict, TypeVar

from ..evaluation.intervals import LEAST, Spread, difference, spread
from ..evaluation.matched import matched, path
from ..records.types import AnyRecord, Groups
from .methods import Records, runs_by_repetition
from .order import in_order
from .table import Block, Table, interval, percent
from .text import Section


class Method(TypedDict):
    """A method, and how many runs of it there are."""

    method: str
    n: int


class _Place(TypedDict):
    column: str
    level: str
    group: str
    mean: float | None
    low: float | None
    high: float | None


class MatchedRow(_Place):
    """What a method kept at a level: one value per run (None: not reached), and how many reached it."""

    method: str
    values: list[float | None]
    reached: int


class ApartRow(_Place):
    """A method less another; ``shared``: runs that both have; ``apart``: None where it cannot be told."""

    a: str
    b: str
    shared: int
    apart: bool | None


class Matched(TypedDict):
    """Curves at equal forgetting, method by method; JSON-able. ``columns`` are the others than ``forget``."""

    forget: str | None
    columns: list[str]
    methods: list[Method]
    rows: list[MatchedRow]
    pairs: list[ApartRow]


R = TypeVar("R", MatchedRow, ApartRow)


def data(records: Records, columns: Sequence[str]) -> Matched:
    """Read the curves of records at equal forgetting, method by method.

    Args:
        records: from ``store.load`` or ``Record.data``; those without a curve and gold standards are left out.
        columns: of the curves: forgotten, kept, then the model's utility.
    """
    methods = runs_by_repetition([r for r in records if r["curve"] and not r["algorithm"].get("gold_standard")])
    rows: list[MatchedRow] = []
    pairs: list[ApartRow] = []
    for column in columns[1:]:
        # Method → repetition → level → group → what was kept.
        read = {name: {which: _read(r, columns, column) for which, r in runs.items()} for name, runs in methods.items()}
        places = dict.fromkeys(
            (level, group)
            for runs in read.values()
            for levels in runs.values()
            for level, groups in levels.items()
            for group in groups
        )
        for level, group in places:
            kept = {
                name: {which: levels.get(level, {}).get(group) for which, levels in runs.items()}
                for name, runs in read.items()
            }
            rows += [_row(name, column, level, group, list(values.values())) for name, values in kept.items()]
            pairs += [
                _pair((a, kept[a]), (b, kept[b]), column, level, group) for a, b in itertools.combinations(kept, 2)
            ]
    return {
        "forget": next(iter(columns), None),
        "columns": list(columns[1:]),
        "methods": [{"method": name, "n": len(runs)} for name, runs in methods.items()],
        "rows": rows,
        "pairs": pairs,
    }


def section(facts: Matched) -> Section:
    """Return what was kept as tables: one per column that was read, then the differences; and which are apart."""
    return Section(list(_tables(facts)), list(_notes(facts)))


def _read(record: AnyRecord, columns: Sequence[str], column: str) -> Mapping[str, Groups]:
    if column == columns[1]:
        kept: Mapping[str, Groups] = record["matched"]
        return kept
    if any(name not in record["curve"][0] for name in (columns[0], column)):
        return {}  # of another benchmark or model
    return matched(path(record["curve"]), columns[0], column)


def _row(method: str, column: str, level: str, group: str, values: list[float | None]) -> MatchedRow:
    reached = [value for value in values if value is not None]
    over_runs = spread(reached) if reached else Spread(float("nan"), None, None, 0)
    # Runs that did not get there would have been the lowest: no interval over the others alone.
    complete = len(reached) == len(values)
    return {
        "method": method,
        "column": column,
        "level": level,
        "group": group,
        "values": values,
        "reached": len(reached),
        "mean": over_runs.mean if reached else None,
        "low": over_runs.low if complete else None,
        "high": over_runs.high if complete else None,
    }


def _pair(
    a: tuple[str, Mapping[str, float | None]],
    b: tuple[str, Mapping[str, float | None]],
    column: str,
    level: str,
    group: str,
) -> ApartRow:
    """Compare two methods, (name, repetition → kept) each, where all runs of both reached the level."""
    (name_a, kept_a), (name_b, kept_b) = a, b
    apart: bool | None = None
    mean = low = high = None
    if (between := _difference_of(kept_a, kept_b)) is not None:
        mean, low, high, _ = between
        apart = None if low is None or high is None else low > 0 or high < 0
    return {
        "a": name_a,
        "b": name_b,
        "column": column,
        "level": level,
        "group": group,
        "mean": mean,
        "low": low,
        "high": high,
        "shared": sum(which in kept_b for which in kept_a),
        "apart": apart,
    }


def _difference_of(a: Mapping[str, float | None], b: Mapping[str, float | None]) -> Spread | None:
    """Return the mean difference on shared runs where they are enough, else that of the two means (Welch).

    Returns:
        None where a run did not reach the level: it would have been the lowest.
    """
    left, right = ([value for value in kept.values() if value is not None] for kept in (a, b))
    if len(left) < len(a) or len(right) < len(b):
        return None
    shared = [x - y for which in a if which in b and (x := a[which]) is not None and (y := b[which]) is not None]
    if len(shared) >= LEAST or len(shared) == len(a) == len(b):
        return spread(shared)
    return difference(left, right)


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
    return method["method"] + (f", n = {method['n']}" if any(other["n"] > 1 for other in facts["methods"]) else "")


def _level(level: str) -> str:
    return f"{100 * float(level):.0f} %"


def _cell(row: MatchedRow) -> str:
    partly = f" {row['reached']}/{len(row['values'])}" if 0 < row["reached"] < len(row["values"]) else ""
    return percent(row["mean"]) + partly + _below(row)


def _difference(row: ApartRow) -> str:
    return percent(row["mean"], signed=True) + ("*" if row["apart"] else " ") + _below(row)


def _below(row: MatchedRow | ApartRow) -> str:
    return f"\n{interval(row['low'], row['high'])}" if row["low"] is not None else ""
