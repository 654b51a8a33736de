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
    """

    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()


def render(sections: Iterable[Section], width: int | None = None) -> str:
    """Return sections as text: all tables, then all notes.

    Args:
        sections: in order.
        width: in characters; by default the terminal's.
    """
    width = width or terminal_width(80, elsewhere=WIDTH)
    sections = list(sections)
    tables = [table.text(width) for section in sections for table in section.tables]
    notes = [fold(note, width) for section in sections for note in section.notes]
    return "\n\n".join(filter(None, [*tables, "\n".join(notes)]))
