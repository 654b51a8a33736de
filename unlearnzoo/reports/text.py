"""Sections as plain text for a terminal, a file or a mail."""

import dataclasses
from collections.abc import Iterable, Sequence

from ..terminal import fold, terminal_width
from .table import Table

#: Characters per line where the output is no terminal.
WIDTH = 100


@dataclasses.dataclass(frozen=True)
class Section:
    """One part of a report.

    Attributes:
        tables: its numbers.
        notes: how to read them and what to beware of, one sentence or more each.
        first: what a reader must know before any table.
        last: what it comes to, after all notes.
    """

    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    first: Sequence[str] = ()
    last: Sequence[str] = ()


def render(sections: Iterable[Section], width: int | None = None) -> str:
    """Return sections as text: what comes first, all tables, all notes, and what it comes to.

    Args:
        sections: in order.
        width: in characters; by default the terminal's.
    """
    width = width or terminal_width(80, elsewhere=WIDTH)
    sections = list(sections)
    tables = [table.text(width) for section in sections for table in section.tables]
    first, notes, last = (
        "\n".join(_fold(note, width) for section in sections for note in getattr(section, part))
        for part in ("first", "notes", "last")
    )
    return "\n\n".join(filter(None, [first, *tables, notes, last]))


def _fold(note: str, width: int) -> str:
    """Fold a note; one that stands below another stays indented."""
    return fold(note, width, hang="    " if note.startswith(" ") else "  ")
