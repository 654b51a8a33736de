"""How much a stage draws, and what each of its steps sees: the plan of draws, made without a model."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..data.sampling import Group, count_steps, cycle_shuffled, epochs, flat, groups
from ..example import Example
from .recipe import Stage

#: Role → the pool that it draws from. ``X_ref`` is role X under the reference.
POOLS = {"forget": "forget", "retain": "retain", "refusal": "forget"}


@dataclass(frozen=True)
class Schedule:
    """How much a stage draws, for the plan.

    Attributes:
        units: what is drawn as a whole (answers or image groups) in the pool walked by epoch.
        steps: optimiser steps.
    """

    units: int
    steps: int


def schedule(pool: Sequence[Example], recipe: Stage) -> Schedule:
    """Count units and steps of a stage without touching a model."""
    found = len(groups(pool, recipe.batching, recipe.per_image))
    return Schedule(found, recipe.steps or count_steps(found, recipe.batch, recipe.epochs))


def draws(pools: Mapping[str, Sequence[Example]], recipe: Stage, seed: int) -> Iterator[dict[str, list[Example]]]:
    """Yield each step's examples by pool; the first pool is walked by epoch, others by cursor.

    Others draw as many units as the first has in that step.
    """
    first, *others = pools
    grouped = {name: groups(pool, recipe.batching, recipe.per_image) for name, pool in pools.items()}
    cursors: dict[str, Iterator[Group]] = {name: cycle_shuffled(grouped[name], f"{seed}/{name}") for name in others}
    for chosen in epochs(grouped[first], recipe.batch, f"{seed}/{first}"):
        step = {first: flat(chosen)}
        for name in others:
            step[name] = flat(list(itertools.islice(cursors[name], len(chosen))))
        yield step


def roles(needs: frozenset[str]) -> list[str]:
    """Return the answers that a step must hold for these inputs, references included."""
    return sorted({name.removesuffix("_ref") for name in needs})
