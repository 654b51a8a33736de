"""Stage 1 (learn) and stage 2 (unlearn): their plans of draws around the one loop."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..data.draws import Group, count_steps, cursor, epochs, flat, units
from ..errors import RunError
from ..example import Example
from ..models import adapters
from ..unlearner import Unlearner
from .engine import Engine, state_hash
from .inputs import Reference, StepInputs, roles
from .loop import Objective, optimise
from .recipe import Learn, Stage, Unlearn

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


def learn(engine: Engine, pool: Sequence[Example], replay: Sequence[Example], recipe: Learn,
          seed: int, on_step: OnStep) -> None:
    """Train the ``target`` adapter on the learn pool, replay rows beside it."""
    parameters = engine.adapt("target", recipe.rank, recipe.alpha, recipe.parts, seed)
    total = schedule(pool, recipe).steps
    rows = cursor(units(replay, recipe.batching, recipe.per_image), f"{seed}/replay") if recipe.replay else None

    def steps() -> Iterator[StepInputs]:
        for step in draws({"learn": pool}, recipe, seed):
            extra = flat(list(itertools.islice(rows, recipe.replay))) if rows else []
            yield StepInputs(engine, {"learn": step["learn"] + extra}, _no_refusal)

    objective = Objective(lambda learn: {"learn": learn.nll}, frozenset({"learn"}))
    optimise(engine, parameters, recipe, objective, steps(), total, on_step)


def unlearn(engine: Engine, algorithm: Unlearner, pools: Mapping[str, Sequence[Example]],
            refusal: Callable[[Example], str], recipe: Unlearn, seed: int, on_step: OnStep,
            reference: Reference) -> int:
    """Train a fresh ``unlearn`` adapter on top of the frozen target; return the steps done."""
    needs = algorithm.needs
    parameters = engine.adapt("unlearn", recipe.rank, recipe.alpha, recipe.parts, seed)
    assert_states(engine, pools["forget"])
    asked = roles(needs)
    used = {"forget": pools["forget"]} | ({"retain": pools["retain"]} if "retain" in asked else {})

    def steps() -> Iterator[StepInputs]:
        for step in draws(used, recipe, seed):
            yield StepInputs(engine, {r: step["forget" if r == "refusal" else r] for r in asked}, refusal)

    with_logits = frozenset(n for n in needs if algorithm.reference.get(n) == "logits")
    objective = Objective(algorithm.loss, needs, with_logits, reference)
    total = schedule(pools["forget"], recipe).steps
    return optimise(engine, parameters, recipe, objective, steps(), total, on_step)


def new_reference(engine: Engine) -> Reference:
    """Return an empty cache for the target that the engine holds; shared by all algorithms."""
    return Reference(engine, state_hash(engine.model, "target"))


@torch.no_grad()
def assert_states(engine: Engine, pool: Sequence[Example]) -> None:
    """Check on some rows that the reference is the target: not the base, and the policy at step 0.

    Raises:
        RunError: it is not.
    """
    some = [engine.encode(example) for example in pool[:4]]
    _, batch = next(iter(engine.batches(some, 4, 1 << 30)))
    logps = {s: engine.forward(batch, s)[0].token_logps for s in adapters.ACTIVE}  # type: ignore[arg-type]
    tolerance = 1e-5 if engine.dtype == torch.float32 else 2e-2
    if not torch.allclose(logps["policy"], logps["target"], atol=tolerance):
        raise RunError("the policy differs from the reference before the first step")
    target_trained = any(p.detach().abs().sum() > 0 for n, p in engine.model.named_parameters()
                         if ".lora_B.target." in n)
    if target_trained and torch.allclose(logps["target"], logps["base"], atol=1e-7):
        raise RunError("the reference equals the base: the target adapter is not active")


def _no_refusal(example: Example) -> str:
    raise RunError(f"{example.id}: stage 1 asks for no refusal")


def state_dict(engine: Engine, name: str) -> dict[str, Any]:
    """Return an adapter's tensors on the CPU, named as peft stores them."""
    from peft import get_peft_model_state_dict

    found = get_peft_model_state_dict(engine.model, adapter_name=name, save_embedding_layers=False)
    return {k: v.detach().cpu().contiguous() for k, v in found.items()}
