"""The one training loop: draws → one forward → terms divided by global counts → step."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from .. import interrupts
from ..errors import Diverged, RunError
from ..models.scores import Scores
from .checkpointing.checkpointer import Checkpointer
from .engine import Engine
from .inputs import StepInputs, micro_inputs
from .optimizers import DeepSpeedStepper, Stepper
from .recipe import Stage
from .reference import Reference

T = TypeVar("T")
Loss = Callable[..., "Tensor | dict[str, Tensor]"]


@dataclass(frozen=True)
class Objective:
    """What is minimised.

    Attributes:
        loss: ``Unlearner.loss`` or a stage's own function, called with ``needs`` by name.
        needs: input names.
        with_logits: reference inputs that need distributions.
        reference: the target's cached view, where a ``*_ref`` is named.
        layers: decoder layers whose output the inputs carry.
        after_step: ``Unlearner.after_step``.
    """

    loss: Loss
    needs: frozenset[str]
    with_logits: frozenset[str] = frozenset()
    reference: Reference | None = None
    layers: tuple[int, ...] = ()
    after_step: Callable[[Mapping[str, float]], dict[str, float]] = lambda terms: {}


def rate(step: int, total: int, recipe: Stage) -> float:
    """Return the learning rate's factor at a 0-based step: linear warm-up, then the schedule."""
    warm = math.ceil(recipe.warmup * total)
    if step < warm:
        return (step + 1) / warm
    if recipe.schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


def optimise(
    engine: Engine,
    parameters: list[nn.Parameter],
    recipe: Stage,
    objective: Objective,
    steps: Iterable[StepInputs],
    total: int,
    on_step: Callable[[dict[str, float]], bool],
    checkpointer: Checkpointer | None = None,
) -> int:
    """Train for ``total`` steps or until ``on_step`` returns True; return the steps done.

    With a checkpointer that has ``done`` steps, ``steps`` are those that follow.

    Raises:
        Diverged: the loss became non-finite; parameters are those before that step.
        RunError: a loss broke the contract.
    """
    stepper = engine.prepare(parameters, recipe)
    done, pending = checkpointer.begin(parameters, stepper.optimizer) if checkpointer else (0, None)
    if pending is not None and on_step(pending):
        return done
    for number, step in zip(range(done, total), steps, strict=False):
        with interrupts.held():
            entry = _step(engine, recipe, objective, stepper, step, (number, total))
        try:
            interrupts.check()
            stop = on_step(entry)
        except KeyboardInterrupt:
            if checkpointer:
                checkpointer.save(number + 1, pending=entry)
            raise
        if stop:
            return number + 1
        if checkpointer:
            checkpointer.step(number + 1)
    return total


def _step(
    engine: Engine,
    recipe: Stage,
    objective: Objective,
    stepper: Stepper | DeepSpeedStepper,
    step: StepInputs,
    at: tuple[int, int],
) -> dict[str, float]:
    """Do one step, the 0-based one of so many; return its numbers."""
    number, total = at
    lr = recipe.lr * rate(number, total, recipe)
    stepper.begin(lr)
    terms = _accumulate(engine, step, recipe, objective, stepper)
    loss, norm = sum(terms.values()), stepper.norm()
    if not math.isfinite(loss) or not math.isfinite(norm):
        bad = "loss" if not math.isfinite(loss) else "gradient"
        raise Diverged(
            f"the {bad} became non-finite at step {number + 1}; a lower learning rate than {recipe.lr:g} may help"
        )
    stepper.step()
    told = {**{f"loss_{k}": v for k, v in terms.items()}, **objective.after_step(terms)}
    return {"step": number + 1, "loss": loss, "lr": lr, "grad_norm": norm, **told}


def _accumulate(
    engine: Engine, step: StepInputs, recipe: Stage, objective: Objective, stepper: Stepper | DeepSpeedStepper
) -> dict[str, float]:
    """Backpropagate this process's share of a step, micro-batch by micro-batch.

    Returns each term's mean over its answers, of all processes.
    """
    if objective.reference:
        named = {n.removesuffix("_ref") for n in objective.needs if n.endswith("_ref")}
        with_logits = {n.removesuffix("_ref") for n in objective.with_logits}
        for chosen, hidden in ((with_logits, True), (named - with_logits, False)):
            todo = [e for e, role in zip(step.encoded, step.role, strict=True) if role in chosen]
            objective.reference.fill(todo, recipe.per_image, recipe.micro_tokens, hidden, objective.layers)
    totals: dict[str, float] = {}
    batches = engine.batches(step.encoded, recipe.per_image, recipe.micro_tokens, step.bundle, shared=True)
    for (members, batch), last in with_last(batches):
        inputs = micro_inputs(
            engine, step, members, batch, objective.needs, objective.reference, objective.with_logits, objective.layers
        )
        terms = named_terms(objective.loss(**inputs), inputs)
        parts = {
            name: term.float().sum() / count for name, (term, count) in with_counts(terms, inputs, step.counts).items()
        }
        stepper.backward(torch.stack(list(parts.values())).sum(), last)
        for name, part in parts.items():
            totals[name] = totals.get(name, 0.0) + part.item()
    means: dict[str, float] = {}
    for own_totals, signal in engine.ranks.gather((totals, interrupts.waiting())):
        for name, value in own_totals.items():
            means[name] = means.get(name, 0.0) + value
        # A signal reaches the processes at different steps: all stop after this one.
        interrupts.join(signal)
    return means


def with_last(items: Iterable[T]) -> Iterator[tuple[T, bool]]:
    """Yield each item and whether it is the last one."""
    waiting: list[T] = []
    for item in items:
        if waiting:
            yield waiting.pop(), False
        waiting.append(item)
    for item in waiting:
        yield item, True


def named_terms(loss: "Tensor | dict[str, Tensor]", inputs: Mapping[str, Scores]) -> dict[str, Tensor]:
    """Name the terms of a loss and refuse what is not one value per answer."""
    terms = loss if isinstance(loss, dict) else {"loss": loss}
    sizes = {scores.n for scores in inputs.values()}
    for name, term in terms.items():
        if term.ndim != 1 or len(term) not in sizes:
            raise RunError(
                f"loss term {name!r} has shape {tuple(term.shape)}; return one value per answer, a vector of "
                f"length {' or '.join(map(str, sorted(sizes)))}: the engine takes the mean over the whole batch"
            )
    return terms


def with_counts(
    terms: Mapping[str, Tensor], inputs: Mapping[str, Scores], counts: Mapping[str, int]
) -> dict[str, tuple[Tensor, int]]:
    """Pair each term with the number of answers of its role in the whole step.

    A term belongs to the role of its own name (``retain``) or, where it has another name, to
    ``forget`` (or the only role there is).
    """
    counted = {}
    for name, term in terms.items():
        role = name if name in counts else ("forget" if "forget" in counts else next(iter(counts)))
        if role in inputs and len(term) != inputs[role].n:
            raise RunError(f"loss term {name!r} has {len(term)} values for {inputs[role].n} answers of {role!r}")
        counted[name] = (term, counts[role])
    return counted
