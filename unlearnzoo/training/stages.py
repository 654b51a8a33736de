"""Stage 1 (learn), and the plans of draws of both stages around the one loop."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from ..encoding.images import prefetch
from ..errors import RunError
from ..example import Example
from .checkpointing.checkpointer import Checkpointer
from .engine import Engine
from .inputs import StepInputs
from .loop import Objective, optimise
from .recipe import Learn
from .schedule import learn_draws, schedule

T = TypeVar("T")
OnStep = Callable[[dict[str, float]], bool]


def skip_to_checkpoint(steps: Iterator[T], checkpointer: Checkpointer | None) -> Iterator[T]:
    """Skip the steps that were done before an interruption; evaluated lazily, after the checkpoint is loaded."""
    yield from itertools.islice(steps, checkpointer.done if checkpointer else 0, None)


def learn(
    engine: Engine,
    pool: Sequence[Example],
    replay: Sequence[Example],
    recipe: Learn,
    seed: int,
    on_step: OnStep,
    checkpointer: Checkpointer | None = None,
) -> None:
    """Train the ``target`` adapter on the learn pool, replay rows beside it."""
    parameters = engine.adapt("target", recipe.rank, recipe.alpha, recipe.parts, seed)
    total = schedule(pool, recipe).steps
    objective = Objective(lambda learn: {"learn": learn.nll}, frozenset({"learn"}))
    drawn = skip_to_checkpoint(learn_draws(pool, replay, recipe, seed), checkpointer)
    coming = (StepInputs(engine, {"learn": rows}, _no_refusal) for rows in drawn)
    steps = prefetch(coming, lambda step: step.encoded, engine.pixels)
    optimise(engine, parameters, recipe, objective, steps, total, on_step, checkpointer)


def _no_refusal(example: Example) -> str:
    raise RunError(f"{example.id}: stage 1 asks for no refusal")
