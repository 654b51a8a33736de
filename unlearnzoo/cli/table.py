"""Aligned text for a terminal; importing rich would cost a third of the time of a listing."""

import shutil
import sys
from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], indent: str = "  ") -> str:
    """Align columns; on a terminal the last one is cut at its width.

    Args:
        rows: equally long.
        indent: before each line.
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)] if rows else []
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append(_cut(indent + "  ".join([*cells, row[-1]]).rstrip()))
    return "\n".join(lines)


def wrapped(text: str, indent: str = "  ") -> str:
    """Fold a paragraph at the width of the terminal."""
    import textwrap

    width = max(40, shutil.get_terminal_size().columns)
    return textwrap.fill(
        " ".join(text.split()),
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _cut(line: str) -> str:
    if not sys.stdout.isatty():
        return line  # a pipe or file gets all of it
    width = max(40, shutil.get_terminal_size().columns)
    return line if len(line) <= width else f"{line[: width - 1]}…"
