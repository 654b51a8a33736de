"""Deal work to the processes of a run: the same deal on each of them, without talking."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def balance(items: Sequence[T], costs: Sequence[int], n: int) -> list[list[T]]:
    """Deal items to ``n`` processes so that their costs are about equal.

    The dearest goes first, each to whoever has least so far; a share keeps the items' order. A
    share may be empty where there are few items.

    Args:
        items: what is dealt.
        costs: of each item.
        n: number of processes.
    """
    loads = [0] * n
    places: list[list[int]] = [[] for _ in range(n)]
    for i in sorted(range(len(items)), key=lambda i: (-costs[i], i)):
        least = loads.index(min(loads))
        loads[least] += costs[i]
        places[least].append(i)
    return [[items[i] for i in sorted(of_one)] for of_one in places]
