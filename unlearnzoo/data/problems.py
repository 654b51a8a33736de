"""Collect what is wrong with a data set, so that its owner reads it all in one line and can fix it in one go."""

from ..errors import DataError
from ..terminal import printable

#: Problems of a named kind that are shown in full, and further places that are named.
OF_A_KIND, NAMED = 3, 5
_LONGEST, _QUOTED = 300, 60


class Problems:
    """What was found wrong so far, by kind: 2,000 bad labels do not hide a missing split.

    Args:
        label: the data set, which begins the message.
        shown: problems of no kind that are shown in full.
    """

    def __init__(self, label: str, shown: int = 10) -> None:
        self.label, self.shown = label, shown
        self._found: dict[str, list[tuple[str | int, str]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._found.values()))

    def add(self, text: str, where: str | int = "", kind: str = "") -> None:
        """Note one problem.

        Args:
            text: the value, and what would be right.
            where: the row, if it is about one: words ("split test row 7"), or the number of its line. Those with
                lines are told in their order, whatever they were noted in.
            kind: what others like it are called, in the plural ("corrupt images").
        """
        self._found.setdefault(kind, []).append((where, text))

    def stop(self) -> None:
        """Stop if there are any.

        Raises:
            DataError: some of each kind in full, and number and places of the others.
        """
        if not self._found:
            return
        parts = [part for kind in self._found for part in self._parts(kind)]
        count = f"{len(self):,} problems: " if any(self._found) and len(self) > len(parts) else ""
        # Names of columns and files are the data set's, and could move the cursor.
        raise DataError(printable(f"{self.label}: {count}{'; '.join(parts)}"))

    def _parts(self, kind: str) -> list[str]:
        # A stable sort: what is wrong with one row stays in the order of the checks.
        found = sorted(self._found[kind], key=lambda problem: problem[0] if isinstance(problem[0], int) else 0)
        shown = OF_A_KIND if kind else self.shown
        parts = [_cut(f"{_place(where)}: {text}" if where != "" else text) for where, text in found[:shown]]
        rest = [where for where, _ in found[shown:]]
        if not rest:
            return parts
        named = ", ".join(_place(where) for where in rest[:NAMED] if kind and where != "")
        dots = ", …" if len(rest) > NAMED else ""
        more = f"and {len(rest):,} more {kind}".rstrip()
        return [*parts, more + (f" ({named}{dots})" if named else "")]


def quoted(value: object) -> str:
    """Return a value for a message: escaped, and not longer than a line."""
    text = repr(value)
    return text if len(text) <= _QUOTED else f"{text[: _QUOTED - 3]}..."


def _place(where: str | int) -> str:
    return f"line {where}" if isinstance(where, int) else where


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 2] + " …"
