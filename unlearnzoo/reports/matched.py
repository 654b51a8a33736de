"""What was kept at equal forgetting, by method over its runs: means, intervals, and which methods are apart.

Runs of one method that differ in seed, in who is forgotten, or in stage 1's seed or data are repetitions:
what is said of the method is said over them. Two methods are compared on the repetitions that both have.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import TypedDict

from ..evaluation.aggregate import group_name
from ..evaluation.intervals import LEAST, Spread, difference, spread
from ..evaluation.matched import matched, path
from ..records.types import AnyRecord, Groups
from .methods import Records, runs_by_repetition


class Method(TypedDict):
    """A method, how many runs of it there are, and how many of them diverged."""

    method: str
    n: int
    diverged: int


class _Place(TypedDict):
    column: str
    level: str
    group: str
    mean: float | None
    low: float | None
    high: float | None


class _Answers(TypedDict):
    n: int
    unscored: int


class MatchedRow(_Place, _Answers):
    """What a method kept at a level: one value per run (None: not reached), and how many reached it.

    ``n`` and ``unscored``: answers behind both columns, of target and end, that could be scored, and that could not.
    """

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


def data(records: Records, columns: Sequence[str]) -> Matched:
    """Read the curves of records at equal forgetting, method by method.

    Args:
        records: from ``store.load`` or ``Record.data``; those without a curve or without an end, and gold standards,
            are left out.
        columns: of the curves: forgotten, kept, then the model's utility.
    """
    methods = runs_by_repetition([r for r in records if _counts(r)])
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
            rows += [
                _row(name, (columns[0], column), level, group, list(values.values()), list(methods[name].values()))
                for name, values in kept.items()
            ]
            pairs += [
                _pair((a, kept[a]), (b, kept[b]), column, level, group) for a, b in itertools.combinations(kept, 2)
            ]
    return {
        "forget": next(iter(columns), None),
        "columns": list(columns[1:]),
        "methods": [
            {"method": name, "n": len(runs), "diverged": sum(r.get("status") == "diverged" for r in runs.values())}
            for name, runs in methods.items()
        ],
        "rows": rows,
        "pairs": pairs,
    }


def _counts(record: AnyRecord) -> bool:
    """Return whether a run has a curve that says something of its method: one that diverged has, one cut short not."""
    ended = record.get("status", "finished") in ("finished", "diverged")
    return bool(ended and record["curve"] and not record["algorithm"].get("gold_standard"))


def _read(record: AnyRecord, columns: Sequence[str], column: str) -> Mapping[str, Groups]:
    if column == columns[1]:
        kept: Mapping[str, Groups] = record["matched"]
        return kept
    if any(name not in record["curve"][0] for name in (columns[0], column)):
        return {}  # of another benchmark or model
    return matched(path(record["curve"]), columns[0], column)


def _row(
    method: str, columns: tuple[str, str], level: str, group: str, values: list[float | None], runs: Records
) -> MatchedRow:
    reached = [value for value in values if value is not None]
    over_runs = spread(reached) if reached else Spread(float("nan"), None, None, 0)
    # Runs that did not get there would have been the lowest: no interval over the others alone.
    complete = len(reached) == len(values)
    return {
        "method": method,
        "column": columns[1],
        "level": level,
        "group": group,
        "values": values,
        "reached": len(reached),
        "mean": over_runs.mean if reached else None,
        "low": over_runs.low if complete else None,
        "high": over_runs.high if complete else None,
        **_answers(runs, columns, group),
    }


def _answers(runs: Records, columns: tuple[str, str], group: str) -> _Answers:
    """Count the answers of target and end behind a group of both columns; a column in no group is behind each."""
    rows = [
        row
        for record in runs
        for row in record.get("results") or ()
        if row["column"] in columns and row["model"] != "base" and group_name(row["group"], row["group"]) in (group, "")
    ]
    return {"n": sum(row.get("n", 0) for row in rows), "unscored": sum(row.get("unscored", 0) for row in rows)}


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
