"""Text for a terminal: safe to show, folded and aligned; importing rich would cost a third of the time of a listing."""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TextIO

#: Writes to stdout while ``kept_stdout`` keeps it.
_write: Callable[[str], object] | None = None


def printable(text: str, keep: str = "") -> str:
    """Return a text with whatever could move the cursor, colour or reorder made visible."""
    return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in text)


def shorten(text: str, width: int = 60) -> str:
    """Return a text of at most ``width`` characters; what is cut off is an ellipsis."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def terminal_width(least: int = 40, elsewhere: int | None = None) -> int:
    """Return how many characters fit on a line.

    Args:
        least: narrower terminals are written as if they were so wide.
        elsewhere: for a pipe or file; None: as for a terminal.
    """
    if elsewhere is not None and not sys.stdout.isatty():
        return elsewhere
    return max(least, shutil.get_terminal_size().columns)


def table(rows: Sequence[Sequence[str]], indent: str = "  ") -> str:
    """Align columns; on a terminal the last one is cut at its width, a pipe or file gets all of it.

    Args:
        rows: equally long; what could move the cursor is made visible, for plugins and records write what is in them.
        indent: before each line.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)] if rows else []
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        line = indent + "  ".join([*cells, row[-1]]).rstrip()
        lines.append(shorten(line, terminal_width(elsewhere=len(line))))
    return "\n".join(lines)


def wrapped(text: str, indent: str = "  ") -> str:
    """Fold a paragraph at the width of the terminal; each line is indented."""
    return fold(" ".join(text.split()), terminal_width(), indent, indent)


def fold(line: str, width: int, indent: str = "", hang: str = "  ") -> str:
    """Fold a line at spaces.

    Args:
        line: a paragraph.
        width: in characters; only a longer word goes beyond it.
        indent: before the first line.
        hang: before those that follow.
    """
    import textwrap

    return textwrap.fill(
        printable(line),
        width,
        initial_indent=indent,
        subsequent_indent=hang,
        break_long_words=False,
        break_on_hyphens=False,
    )


@contextlib.contextmanager
def kept_stdout() -> Iterator[None]:
    """Keep stdout for ``write_out``: what is printed otherwise, by C code and child processes too, goes to stderr."""
    global _write
    import ctypes

    if sys.stdout is None or sys.stderr is None or _write is not None:
        yield
        return
    before = sys.stdout
    before.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    _write = partial(_write_all, kept) if _is_descriptor(before, 1) else before.write
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _write = None
        # What was printed to the old stdout, and by C code, before it is stdout again.
        before.flush()
        ctypes.CDLL(None).fflush(None)
        os.dup2(kept, 1)
        os.close(kept)


def write_out(text: str) -> None:
    """Write to stdout, whether it is kept or not."""
    (_write or sys.stdout.write)(text)


def _is_descriptor(stream: TextIO, number: int) -> bool:
    try:
        return stream.fileno() == number
    except (OSError, ValueError):  # a test's, a notebook's
        return False


def _write_all(descriptor: int, text: str) -> None:
    """Write at once: nothing is left to be flushed where the reader is gone."""
    left = text.encode()
    while left:
        left = left[os.write(descriptor, left) :]
