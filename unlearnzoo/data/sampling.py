"""The plan of draws: which examples each step sees, as data, before any weights load.

A step is data, so it can be counted in the plan, sharded over processes and resumed. The forget
set is walked epoch by epoch; the retain set has one cursor that runs through seeded permutations,
so each retain example is seen before one is seen twice.
"""

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

from ..errors import DataError
from ..example import Example

T = TypeVar("T")
Group = tuple[Example, ...]


def groups(pool: Sequence[Example], batching: str, per_image: int) -> list[Group]:
    """Return what is drawn as a whole: single examples, or up to ``per_image`` of one image."""
    if batching == "example":
        return [(example,) for example in pool]
    by_image: dict[tuple[str, ...], list[Example]] = {}
    for example in pool:
        key = tuple(image.key for image in example.images) or (example.id,)
        by_image.setdefault(key, []).append(example)
    return [
        tuple(members[i : i + per_image]) for members in by_image.values() for i in range(0, len(members), per_image)
    ]


def permutations(items: Sequence[T], seed: str) -> Iterator[list[T]]:
    """Yield one seeded permutation of ``items`` an epoch, without end.

    Raises:
        DataError: there are none, so that what draws from them would never end.
    """
    if not items:
        raise DataError(f"nothing to draw from: the pool has no rows ({seed})")
    for epoch in itertools.count():
        order = list(items)
        random.Random(f"{seed}/{epoch}").shuffle(order)
        yield order


def epochs(items: Sequence[T], batch: int, seed: str) -> Iterator[list[T]]:
    """Yield batches epoch after epoch; the last partial batch of each is kept."""
    for order in permutations(items, seed):
        for start in range(0, len(order), batch):
            yield order[start : start + batch]


def cycle_shuffled(items: Sequence[T], seed: str) -> Iterator[T]:
    """Yield single items through one permutation after another."""
    return itertools.chain.from_iterable(permutations(items, seed))


def count_steps(n_units: int, batch: int, n_epochs: float) -> int:
    """Return the number of steps of ``n_epochs`` (may be a fraction) over the units."""
    return max(1, round(math.ceil(n_units / batch) * n_epochs))


def flat(groups: Sequence[Group]) -> list[Example]:
    """Return the examples of some groups, in order."""
    return [example for group in groups for example in group]
