"""Who stands or falls together: people who share a row, and those who share one with them, are one cluster."""

from collections.abc import Iterable, Mapping

from ..example import Example
from .samples import Sample


def cluster_of(rows: Iterable[Example | Sample]) -> Mapping[str, str]:
    """Return person → the name of their cluster, its first person in the alphabet: connected people share one.

    Args:
        rows: of a whole column. One row about two people makes all their answers depend on each other.
    """
    parent: dict[str, str] = {}

    def root(person: str) -> str:
        while (above := parent.setdefault(person, person)) != person:
            parent[person] = person = parent[above]  # halves the way for the next one
        return person

    for row in rows:
        first, *others = map(root, row.identities)
        for other in others:
            first, other = sorted((root(first), root(other)))
            parent[other] = first
    return {person: root(person) for person in list(parent)}
