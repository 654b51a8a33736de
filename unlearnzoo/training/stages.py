"""Stage 1 (learn), and the plans of draws of both stages around the one loop."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..data.sampling import Group, count_steps, cursor, epochs, flat, units
from ..data.images import foreseen
from ..errors import RunError
from ..example import Example, LazyImage
from .engine import Engine
from .inputs import StepInputs
from .checkpointing.checkpointer import Keeper
from .loop import Objective, optimise
from .recipe import Learn, Stage

T = TypeVar("T")
OnStep = Callable[[dict[str, float]], bool]


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
    found = len(units(pool, recipe.batching, recipe.per_image))
    return Schedule(found, recipe.steps or count_steps(found, recipe.batch, recipe.epochs))


def draws(pools: Mapping[str, Sequence[Example]], recipe: Stage, seed: int) -> Iterator[dict[str, list[Example]]]:
    """Yield each step's examples by pool; the first pool is walked by epoch, others by cursor.

    Others draw as many units as the first has in that step.
    """
    first, *others = pools
    grouped = {name: units(pool, recipe.batching, recipe.per_image) for name, pool in pools.items()}
    cursors: dict[str, Iterator[Group]] = {name: cursor(grouped[name], f"{seed}/{name}") for name in others}
    for chosen in epochs(grouped[first], recipe.batch, f"{seed}/{first}"):
        step = {first: flat(chosen)}
        for name in others:
            step[name] = flat(list(itertools.islice(cursors[name], len(chosen))))
        yield step


def images_of(examples: Iterable[Example]) -> list[LazyImage]:
    """Return the images of some examples."""
    return [image for example in examples for image in example.images]


def later(steps: Iterator[T], keeper: Keeper | None) -> Iterator[T]:
    """Go to the place in a plan of draws where a resumed training goes on; asked only after it was taken up."""
    yield from itertools.islice(steps, keeper.done if keeper else 0, None)


def learn(engine: Engine, pool: Sequence[Example], replay: Sequence[Example], recipe: Learn,
          seed: int, on_step: OnStep, keeper: Keeper | None = None) -> None:
    """Train the ``target`` adapter on the learn pool, replay rows beside it."""
    parameters = engine.adapt("target", recipe.rank, recipe.alpha, recipe.parts, seed)
    total = schedule(pool, recipe).steps
    beside = cursor(units(replay, recipe.batching, recipe.per_image), f"{seed}/replay") if recipe.replay else None

    def chosen() -> Iterator[list[Example]]:
        for step in draws({"learn": pool}, recipe, seed):
            yield step["learn"] + (flat(list(itertools.islice(beside, recipe.replay))) if beside else [])

    objective = Objective(lambda learn: {"learn": learn.nll}, frozenset({"learn"}))
    coming = foreseen(later(chosen(), keeper), images_of, engine.pixels)
    steps = (StepInputs(engine, {"learn": rows}, _no_refusal) for rows in coming)
    optimise(engine, parameters, recipe, objective, steps, total, on_step, keeper)


def _no_refusal(example: Example) -> str:
    raise RunError(f"{example.id}: stage 1 asks for no refusal")
