"""What is wrong with a file, told at once: the first rows and how many more."""

from unlearnzoo import DataError

SHOWN = 5


class Problems:
    """Collects what is wrong, row by row.

    Args:
        label: the file, as the user named it.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self._found: list[str] = []

    def add(self, where: str, text: str) -> None:
        """Note a problem; texts of the file are escaped before."""
        self._found.append(f"{where}: {text}")

    def stop(self) -> None:
        """Raise what was noted.

        Raises:
            DataError: something was.
        """
        if self._found:
            more = len(self._found) - SHOWN
            tail = f"; and {more} more" if more > 0 else ""
            raise DataError(f"mmbench.data={self.label}: {'; '.join(self._found[:SHOWN])}{tail}")


def quoted(text: str) -> str:
    """Return a text for a message: escaped, and not longer than a line."""
    shown = ascii(text)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
