"""Collect what is wrong with a data set, so that one message names it all and stays readable."""

from collections.abc import Sequence

from unlearnzoo import DataError

#: Entries shown in full, and further rows that are named, of each kind of problem.
SHOWN, NAMED = 3, 5
_LONGEST = 300
#: Names shown in a list of them.
_LISTED = 10


class Problems:
    """What was found wrong so far, by kind: 2,000 bad labels do not hide a missing split.

    Args:
        label: the data set, which begins the message.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self._found: dict[str, list[tuple[str, str]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._found.values()))

    def add(self, kind: str, text: str, where: str = "") -> None:
        """Note one problem.

        Args:
            kind: what others like it are called, in the plural ("corrupt images").
            text: the value, and what would be right.
            where: split and row, if it is about a row.
        """
        self._found.setdefault(kind, []).append((where, text))

    def stop(self) -> None:
        """Stop if there are any.

        Raises:
            DataError: some of each kind in full, and number and rows of the others.
        """
        if not self._found:
            return
        parts = [part for kind, found in self._found.items() for part in _parts(kind, found)]
        count = f"{len(self):,} problems: " if len(self) > len(parts) else ""
        raise DataError(f"{self.label}: {count}{'; '.join(parts)}")


def _parts(kind: str, found: list[tuple[str, str]]) -> list[str]:
    parts = [_cut(f"{where}: {text}" if where else text) for where, text in found[:SHOWN]]
    rest = [where for where, _ in found[SHOWN:]]
    if not rest:
        return parts
    named = ", ".join(where for where in rest[:NAMED] if where)
    dots = ", …" if len(rest) > NAMED else ""
    return [*parts, f"and {len(rest):,} more {kind}" + (f" ({named}{dots})" if named else "")]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 2] + " …"


def some(names: Sequence[str]) -> str:
    """List the first names of many, for a line on a terminal."""
    shown = ", ".join(name if name.isprintable() else repr(name) for name in names[:_LISTED])
    return shown + ", …" * (len(names) > _LISTED)
