"""Collect what is wrong with a data set, so that one message names it all."""

from unlearnzoo import DataError

SHOWN = 6


class Problems:
    """What was found wrong so far.

    Args:
        label: the data set, which begins the message.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self._found: list[str] = []

    def add(self, text: str) -> None:
        """Note one problem: where, the value, and what would be right."""
        self._found.append(text)

    def stop(self) -> None:
        """Stop if there are any.

        Raises:
            DataError: the first few problems and the number of the others.
        """
        if not self._found:
            return
        more = len(self._found) - SHOWN
        rest = f"; and {more} more" if more > 0 else ""
        raise DataError(f"{self.label}: {'; '.join(self._found[:SHOWN])}{rest}")
