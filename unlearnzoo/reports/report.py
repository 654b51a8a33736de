"""A report for people: the paper's table, retain at equal forgetting, and paired differences."""

import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from ..terminal import printable
from . import matched
from .comparison import Records, compare
from .gold_standard import legend, quality_table
from .order import in_order
from .table import Block, Table, percent

#: Where the output is no terminal.
WIDTH = 100
Rows = Sequence[Mapping[str, Any]]


def render(records: Records, intervals: bool = False, width: int | None = None, pairs: bool = True) -> str:
    """Return the report of some records as text.

    Args:
        records: from ``load`` or ``Record.data``; at least one.
        intervals: give each number its interval, or its range over people.
        width: in characters; by default the terminal's.
        pairs: give the differences between each two runs, where each is another method.

    Raises:
        DataError: the samples of a record are damaged.
    """
    width = width or (max(80, shutil.get_terminal_size().columns) if sys.stdout.isatty() else WIDTH)
    found = compare(records)
    if not pairs or any(method["n"] > 1 for method in found["equal"]["methods"]):
        # Over several runs of a method the table at equal forgetting says it; `--json` has each two runs.
        found["paired"] = []
    parts = [results_table(found, intervals).text(width)] if found["table"] else []
    if found["baselines"]:
        parts.append(_of_rows("Before unlearning, over everybody, per cent", found["baselines"], intervals).text(width))
    parts += [table.text(width) for table in matched.tables(found)]
    if found["gold"]["distance"]:
        parts.append(distance_table(found, intervals).text(width))
    if found["gold"]["quality"]:
        parts.append(quality_table(found).text(width))
    if found["paired"]:
        parts.append(paired_table(found, intervals).text(width))
    parts.append("\n".join(_fold(line, width) for line in _legend(found, intervals)))
    return "\n\n".join(part for part in parts if part)


def results_table(found: Mapping[str, Any], intervals: bool = False) -> Table:
    """Lay out results as the paper does: base and target, then a row a run; columns by hop."""
    runs = found["runs"]
    about = {f"{r['benchmark'].get('name', '?')} with {r['model'].get('name', '?')}" for r in runs}
    golds = found["gold"]["names"]
    return _of_rows(
        f"Results, per cent: {', '.join(sorted(about))}",
        found["table"],
        intervals,
        [r["run"] for r in runs if len(golds) == len(runs) or r["run"] not in golds],
    )


def paired_table(found: Mapping[str, Any], intervals: bool = False) -> Table:
    """Lay out mean differences between runs on the same examples."""
    return _differences(
        "Differences on the same examples, percentage points",
        [{**row, "run": f"{row['a']} - {row['b']}"} for row in found["paired"]],
        intervals,
    )


def distance_table(found: Mapping[str, Any], intervals: bool = False) -> Table:
    """Lay out how far each method is from its gold standard, on the same examples."""
    rows = found["gold"]["distance"]
    several = len({row["gold"] for row in rows}) > 1
    return _differences(
        f"Distance to {'the gold standard' if several else rows[0]['gold']} on the same examples, percentage points",
        rows,
        intervals,
    )


def _differences(title: str, rows: Rows, intervals: bool) -> Table:
    blocks = _blocks(rows)
    table = Table(title, [block for _, block in blocks])
    for name in dict.fromkeys(row["run"] for row in rows):
        table.add(
            name,
            [
                [_difference(_cell(rows, name, group, column), intervals) for column in block.columns]
                for group, block in blocks
            ],
        )
    return table


def _of_rows(title: str, rows: Rows, intervals: bool, runs: Sequence[str] = ()) -> Table:
    """Lay out rows of results: what stands for comparison, a rule, the runs, and the counts."""
    blocks = _blocks(rows)
    table = Table(title, [block for _, block in blocks])

    def add(label: str, show: Any, *names: str) -> None:
        table.add(
            label,
            [
                [show(next(filter(None, (_cell(rows, n, group, c) for n in names)), None)) for c in block.columns]
                for group, block in blocks
            ],
        )

    given = in_order(row["run"] for row in rows if row["run"] not in runs)
    if any("chance" in row for row in rows):
        add("chance", lambda row: percent(row.get("chance") if row else None), *given, *runs)
    for name in given:
        add(name, lambda row: _value(row, intervals), name)
    if given and runs:
        table.rule()
    for name in runs:
        add(name, lambda row: _value(row, intervals), name)
    table.rule()
    add("n/people", _counts, *runs, *reversed(given))
    return table


def _blocks(rows: Rows) -> list[tuple[tuple[tuple[str, str], ...], Block]]:
    """Group columns by the rows' groups: single before multi, ungrouped ones last."""
    groups = {tuple(row["group"].items()): row for row in rows}
    places = {value: i for i, value in enumerate(in_order(v for g in groups for _, v in g))}
    order = sorted(groups, key=lambda g: (not g, [(k, places[v]) for k, v in g]))
    members = {group: [row for row in rows if tuple(row["group"].items()) == group] for group in order}
    return [
        (group, Block(_heading(group, some), list(dict.fromkeys(row["column"] for row in some))))
        for group, some in members.items()
    ]


def _heading(group: tuple[tuple[str, str], ...], rows: Rows) -> str:
    # Without groups: by the split, what measures utility under one heading.
    splits = {str(row["split"]).partition(":")[0] for row in rows}
    return ", ".join(f"{v}-{k}" if v else f"no {k}" for k, v in group) or (splits.pop() if len(splits) == 1 else "all")


def _cell(rows: Rows, run: str, group: Any, column: str) -> Mapping[str, Any] | None:
    return next(
        (row for row in rows if row["run"] == run and row["column"] == column and tuple(row["group"].items()) == group),
        None,
    )


def _value(row: Mapping[str, Any] | None, intervals: bool) -> str:
    if row is None:
        return "–"
    return percent(row["mean"]) + (f"\n{_spread(row)}" if intervals else "")


def _difference(row: Mapping[str, Any] | None, intervals: bool) -> str:
    if row is None:
        return "–"
    # Four people who differ in one direction are no evidence: only intervals are marked.
    low, high = row.get("low"), row.get("high")
    clear = low is not None and high is not None and (low > 0 or high < 0)
    return percent(row["mean"], signed=True) + ("*" if clear else " ") + (f"\n{_spread(row)}" if intervals else "")


def _spread(row: Mapping[str, Any]) -> str:
    """Return the interval, or the least and the greatest of the people's own means."""
    people = [v for v in (row.get("per_cluster") or {}).values() if v is not None]
    if len(people) > 1:
        return f"({100 * min(people):.0f}..{100 * max(people):.0f})"
    low, high = row.get("low"), row.get("high")
    return "" if low is None or high is None else f"[{100 * low:.0f}..{100 * high:.0f}]"


def _counts(row: Mapping[str, Any] | None) -> str:
    return "–" if row is None else f"{row.get('n', '?')}/{row.get('clusters', '?')}"


def _legend(found: Mapping[str, Any], intervals: bool) -> list[str]:
    """Return the lines below the tables: how to read them, and what to beware of."""
    rows = found["table"] or found["baselines"]
    lines = []
    if rows:
        wants = {row["column"]: row["want"] for row in rows}
        low = ", ".join(column for column, want in wants.items() if want == "low")
        lines.append(f"Good is low: {low}; high: the others." if low else "Good is high.")
        lines.append(_how(rows, intervals))
    if found["paired"] or found["gold"]["distance"]:
        lines.append(
            "* the 95 % interval of the difference leaves out 0; below 10 people there is no interval and no mark."
        )
    lines += [*matched.legend(found), *legend(found)]
    return lines + [f"Note: {note}." for note in found["notes"]]


def _how(rows: Rows, intervals: bool) -> str:
    few = list(dict.fromkeys(row["column"] for row in rows if row.get("per_cluster")))
    counts = "n/people: answers and people behind a column."
    if not intervals:
        return f"{counts} --intervals adds how sure each number is."
    text = f"{counts} [low..high]: 95 % interval, drawing people anew."
    return text + (
        f" {', '.join(few)}: fewer than 10 people, so no interval; (least..greatest) of the people's own means."
        if few
        else ""
    )


def _fold(line: str, width: int) -> str:
    return textwrap.fill(printable(line), width, subsequent_indent="  ", break_on_hyphens=False)
