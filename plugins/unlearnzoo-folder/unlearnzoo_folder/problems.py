"""Collect what is wrong with a file, so that its owner mends it in one go."""

from pathlib import Path

from unlearnzoo import DataError

SHOWN = 10


class Problems:
    """What was found wrong so far.

    Args:
        path: the file, which begins the message.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._found: list[tuple[int, str]] = []

    def add(self, line: int, text: str) -> None:
        """Note one problem: the line its row starts in, the value, and what would be right."""
        self._found.append((line, text))

    def stop(self) -> None:
        """Stop if there are any.

        Raises:
            DataError: the first problems by line, and the number of the others.
        """
        if not self._found:
            return
        # A stable sort: what is wrong with one row stays in the order of the checks.
        named = [f"line {line}: {text}" for line, text in sorted(self._found, key=lambda p: p[0])[:SHOWN]]
        more = len(self._found) - SHOWN
        message = f"{self.path}: {'; '.join(named)}{f'; and {more} more' if more > 0 else ''}"
        # Names of columns are the file's, and could move the cursor.
        raise DataError("".join(c if c.isprintable() else ascii(c)[1:-1] for c in message))


def quoted(value: object) -> str:
    """Return a value for a message: escaped, and not longer than a line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
