"""Rows of scores, and of differences between scores, as tables: columns by group, people's intervals below."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NotRequired, TypedDict, cast

from ..benchmark import utility_part
from ..evaluation.intervals import LEVEL
from ..evaluation.people import holm
from .table import Block, Table, in_order, interval, percent, scored

#: A group's tags and their values.
Group = tuple[tuple[str, str], ...]


class _Scores(TypedDict):
    split: str
    column: str
    want: str
    group: dict[str, str]
    mean: float | None
    low: NotRequired[float | None]
    high: NotRequired[float | None]
    interval: NotRequired[str | None]
    n: NotRequired[int]
    clusters: NotRequired[int]
    chance: NotRequired[float]


class ScoreRow(_Scores):
    """A row of results (see ``records.types.ResultRow``) or of ``aggregate.paired``, and whose it is."""

    run: str
    p: NotRequired[float | None]


class PairRow(_Scores):
    """A difference between two runs: ``a`` less ``b``; ``p`` is that of these two alone."""

    a: str
    b: str
    p: float | None


class DistanceRow(ScoreRow):
    """A run less its gold standard."""

    gold: str


Rows = Sequence[ScoreRow]


def score_row(row: Mapping[str, object], run: str) -> ScoreRow:
    """Return a row of results as that of a run."""
    return cast(ScoreRow, {**row, "run": run})


def group_of(row: ScoreRow) -> Group:
    """Return a row's group as a key."""
    return tuple(row["group"].items())


def group_label(group: Group) -> str:
    """Return a group as a heading: ``single-hop``."""
    return ", ".join(f"{value}-{tag}" if value else f"no {tag}" for tag, value in group)


def in_group_order(groups: Sequence[Group]) -> list[Group]:
    """Sort groups by tag and value, well-known values first; without tags last."""
    places = {value: i for i, value in enumerate(in_order(value for group in groups for _, value in group))}
    return sorted(groups, key=lambda group: (not group, [(tag, places[value]) for tag, value in group]))


def results(title: str, rows: Rows, intervals: bool, runs: Sequence[str] = ()) -> Table:
    """Lay out scores: what stands for comparison, a rule, the runs, and the counts.

    Args:
        title: of the table.
        rows: of any number of runs, base and target among them.
        intervals: give each number its interval.
        runs: the runs that are compared, in order.
    """
    cells = _Cells(title, rows)
    others = in_order(row["run"] for row in rows if row["run"] not in runs)
    if any("chance" in row for row in rows):
        cells.add("chance", lambda row: percent(row.get("chance") if row else None), *others, *runs)
    for name in others:
        cells.add(name, lambda row: _score(row, intervals), name)
    if others and runs:
        cells.table.rule()
    for name in runs:
        cells.add(name, lambda row: _score(row, intervals), name)
    cells.table.rule()
    cells.add("n/people", _counts, *runs, *reversed(others))
    return cells.table


def differences(title: str, rows: Rows, intervals: bool) -> Table:
    """Lay out differences of scores; where two models differ by the sign-flip test, Holm within a column, is marked."""
    cells = _Cells(title, rows)
    marked = _marked(rows)
    for name in dict.fromkeys(row["run"] for row in rows):
        cells.add(name, lambda row: _difference(row, marked, intervals), name)
    return cells.table


def _marked(rows: Rows) -> set[tuple[str, Group, str]]:
    """Return run, group and column of the differences that hold beside all others of their column."""
    columns: dict[tuple[Group, str], dict[str, float]] = {}
    for row in rows:
        if (p := row.get("p")) is not None:
            columns.setdefault((group_of(row), row["column"]), {})[row["run"]] = p
    return {
        (run, *place)
        for place, by_run in columns.items()
        for run, p in zip(by_run, holm(list(by_run.values())), strict=True)
        if p <= 1 - LEVEL
    }


class _Cells:
    """A table of rows of scores: a block per group, single before multi, ungrouped ones last."""

    def __init__(self, title: str, rows: Rows) -> None:
        self.by_cell: dict[tuple[str, Group, str], ScoreRow] = {}
        by_group: dict[Group, list[ScoreRow]] = {}
        for row in rows:
            self.by_cell.setdefault((row["run"], group_of(row), row["column"]), row)
            by_group.setdefault(group_of(row), []).append(row)
        self.blocks = [(group, _block(group, by_group[group])) for group in in_group_order(list(by_group))]
        self.table = Table(title, [block for _, block in self.blocks])

    def add(self, label: str, show: Callable[[ScoreRow | None], str], *runs: str) -> None:
        """Add a line: of each cell the row of the first run that has one."""

        def cell(group: Group, column: str) -> ScoreRow | None:
            rows = (self.by_cell.get((run, group, column)) for run in runs)
            return next(filter(None, rows), None)

        self.table.add(label, [[show(cell(group, column)) for column in block.columns] for group, block in self.blocks])


def _block(group: Group, rows: Rows) -> Block:
    # Without groups: by the split, what measures utility under one heading.
    splits = {row["split"] if utility_part(row["split"]) is None else "utility" for row in rows}
    heading = group_label(group) or (splits.pop() if len(splits) == 1 else "all")
    return Block(heading, list(dict.fromkeys(row["column"] for row in rows)))


def _score(row: ScoreRow | None, intervals: bool) -> str:
    if row is None:
        return "–"
    return percent(row["mean"]) + scored(row) + (f"\n{spread(row)}" if intervals else "")


def _difference(row: ScoreRow | None, marked: Collection[tuple[str, Group, str]], intervals: bool) -> str:
    if row is None:
        return "–"
    mark = "*" if (row["run"], group_of(row), row["column"]) in marked else " "
    return percent(row["mean"], signed=True) + mark + scored(row) + (f"\n{spread(row)}" if intervals else "")


def how_sure(rows: Rows) -> str:
    """Return what ``[low..high]`` means."""
    old = any("interval" not in row and row.get("clusters", 0) > 1 for row in rows)
    return "[low..high]: 95 % interval of these models over people; of one person there is none." + (
        " Records of earlier versions have too narrow ones, below ten people none." if old else ""
    )


def spread(row: ScoreRow) -> str:
    """Return the interval as ``[low..high]``; empty where there is none."""
    return interval(row.get("low"), row.get("high"), mean=row["mean"])


def _counts(row: ScoreRow | None) -> str:
    return "–" if row is None else f"{row.get('n', '?')}/{row.get('clusters', '?')}"
