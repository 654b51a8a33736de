"""Numbers in columns under group headings, as plain text that a terminal, a file or a mail shows.

Groups stand side by side where they fit and below each other where not: no line is folded.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..terminal import printable

BETWEEN = " | "
#: The model and group names that have a natural order; others follow, sorted.
ORDER = ("base", "target", "unlearned", "single", "multi")


@dataclass(frozen=True)
class Block:
    """Columns under one heading."""

    heading: str
    columns: Sequence[str]


@dataclass
class Table:
    """Rows over blocks.

    Attributes:
        rows: label and its cells, one list per block; a cell may have several lines. An empty label
            is a rule.
    """

    title: str
    blocks: Sequence[Block]
    rows: list[tuple[str, list[list[str]]]] = field(default_factory=list)

    def rule(self) -> None:
        """Add a line between rows."""
        self.rows.append(("", []))

    def add(self, label: str, cells: list[list[str]]) -> None:
        """Add a row."""
        self.rows.append((printable(label), [[printable(c, keep="\n") for c in block] for block in cells]))

    def text(self, width: int = 100) -> str:
        """Lay the table out.

        Args:
            width: in characters; only a single block that is wider goes beyond it.
        """
        margin = max([len(label) for label, _ in self.rows], default=0)
        spans = [
            _widths(block, [cells[i] for label, cells in self.rows if label]) for i, block in enumerate(self.blocks)
        ]
        lines = [printable(self.title)]
        for side_by_side in _stack([sum(s) + 2 * (len(s) - 1) for s in spans], width - margin - 2):
            lines += ["", *self._part(side_by_side, spans, margin)]
        return "\n".join(line.rstrip() for line in lines)

    def _part(self, blocks: Sequence[int], spans: Sequence[list[int]], margin: int) -> list[str]:
        """Lay out the blocks that stand side by side."""

        def line(label: str, parts: Sequence[str]) -> str:
            return label.ljust(margin) + "  " + BETWEEN.join(parts)

        def joined(i: int, cells: Sequence[str]) -> str:
            return "  ".join(c.rjust(w) for c, w in zip(cells, spans[i], strict=True))

        total = [sum(spans[i]) + 2 * (len(spans[i]) - 1) for i in blocks]
        head = [printable(self.blocks[i].heading).center(w) for i, w in zip(blocks, total, strict=True)]
        lines = [line("", head)] if any(h.strip() for h in head) else []
        lines.append(line("", [joined(i, [printable(c) for c in self.blocks[i].columns]) for i in blocks]))
        rule = "─" * len(lines[-1])
        lines.append(rule)
        for label, cells in self.rows:
            if not label:
                lines.append(rule)
                continue
            height = max([c.count("\n") + 1 for i in blocks for c in cells[i]], default=1)
            for row in range(height):
                parts = [joined(i, [_line_of(c, row) for c in cells[i]]) for i in blocks]
                lines.append(line(label if row == 0 else "", parts))
        return lines


def in_order(words: Iterable[str]) -> list[str]:
    """Sort names, the well-known first."""
    return sorted(set(words), key=lambda w: (ORDER.index(w) if w in ORDER else len(ORDER), w))


def percent(value: float | None, signed: bool = False) -> str:
    """Return a share in per cent with one decimal; a dash where there is none."""
    return "–" if value is None else format(100 * value, "+.1f" if signed else ".1f")


def scored(row: Mapping[str, object]) -> str:
    """Return `` (k/n)`` where only k of n answers could be scored; empty where all were.

    Args:
        row: of results, or of differences.
    """
    n, lacking = row.get("n"), row.get("unscored")
    return f" ({n}/{n + lacking})" if isinstance(n, int) and isinstance(lacking, int) and lacking else ""


def whole(value: float) -> str:
    """Return a share in whole per cent."""
    return f"{100 * value:.0f}"


def interval(
    low: float | None, high: float | None, show: Callable[[float], str] = whole, mean: float | None = None
) -> str:
    """Return an interval as ``[low..high]``; empty where there is none.

    Args:
        low: its lower end.
        high: its upper end.
        show: makes a text of an end.
        mean: a share that stands beside it with a digit more; an end that is rounded past it is rounded the other way.
    """
    if low is None or high is None:
        return ""
    if mean is not None:
        low = math.floor(100 * low) / 100 if round(100 * low) > 100 * mean else low
        high = math.ceil(100 * high) / 100 if round(100 * high) < 100 * mean else high
    return f"[{show(low)}..{show(high)}]"


def _line_of(cell: str, row: int) -> str:
    lines = cell.split("\n")
    return lines[row] if row < len(lines) else ""


def _widths(block: Block, cells: Sequence[Sequence[str]]) -> list[int]:
    """Return the width of each column; all of them together hold the heading."""
    widths = [
        max([len(printable(column)), *(len(p) for row in cells for p in row[i].split("\n"))])
        for i, column in enumerate(block.columns)
    ]
    lacking = len(printable(block.heading)) - sum(widths) - 2 * (len(widths) - 1)
    if widths and lacking > 0:
        widths[0] += lacking
    return widths


def _stack(widths: Sequence[int], room: int) -> list[list[int]]:
    """Put as many blocks side by side as there is room for."""
    parts: list[list[int]] = []
    used = 0
    for i, width in enumerate(widths):
        if parts and used + len(BETWEEN) + width <= room:
            parts[-1].append(i)
            used += len(BETWEEN) + width
        else:
            parts.append([i])
            used = width
    return parts
