"""The order in which names stand in a report: the well-known first."""

from collections.abc import Iterable

#: The model and group names that have a natural order; others follow, sorted.
ORDER = ("base", "target", "unlearned", "single", "multi")


def in_order(words: Iterable[str]) -> list[str]:
    """Sort names, the well-known first."""
    return sorted(set(words), key=lambda w: (ORDER.index(w) if w in ORDER else len(ORDER), w))
