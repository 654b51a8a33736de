"""How much a stage draws, and what each of its steps sees: the plan of draws, made without a model."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..data.sampling import Group, count_steps, cycle_shuffled, epochs, flat, groups
from ..example import Example
from .recipe import Learn, Stage

if TYPE_CHECKING:
    from ..unlearner import Unlearner

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
    units = len(groups(pool, recipe.batching, recipe.per_image))
    by_epochs = max(count_steps(units, recipe.batch, recipe.epochs), recipe.least_steps)
    return Schedule(units, recipe.steps or by_epochs)


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


def learn_draws(
    pool: Sequence[Example], replay: Sequence[Example], recipe: Learn, seed: int
) -> Iterator[list[Example]]:
    """Yield what each step of stage 1 trains on: rows of the learn pool, then replay rows."""
    beside = (
        cycle_shuffled(groups(replay, recipe.batching, recipe.per_image), f"{seed}/replay") if recipe.replay else None
    )
    for step in draws({"learn": pool}, recipe, seed):
        yield step["learn"] + (flat(list(itertools.islice(beside, recipe.replay))) if beside else [])


def unlearn_draws(
    algorithm: "Unlearner", needs: frozenset[str], pools: Mapping[str, Sequence[Example]], recipe: Stage, seed: int
) -> Iterator[dict[str, list[Example]]]:
    """Yield the examples of each step of stage 2 by pool; the retain pool only where some input pairs with it."""
    used = {"forget": pools["forget"]}
    if "retain" in pools_of(algorithm, needs):
        used["retain"] = pools["retain"]
    return draws(used, recipe, seed)


def pools_of(algorithm: "Unlearner", needs: frozenset[str]) -> list[str]:
    """Return the pools that these inputs pair with."""
    pairs = pairs_of(algorithm)
    return sorted({pairs[role] for role in roles(needs)})


def pairs_of(algorithm: "Unlearner") -> dict[str, str]:
    """Return role → the pool that its rows pair with, the algorithm's own inputs among them."""
    return {**POOLS, **algorithm.inputs}


def by_role(
    algorithm: "Unlearner", needs: frozenset[str], step: Mapping[str, list[Example]]
) -> dict[str, list[Example]]:
    """Return a step's examples by role; inputs of the algorithm's own are made by its method of that name."""
    pairs, chosen = pairs_of(algorithm), {}
    for role in roles(needs):
        examples = step[pairs[role]]
        chosen[role] = list(map(getattr(algorithm, role), examples)) if role in algorithm.inputs else examples
    return chosen
