"""Which launch of a run fits on which device: an estimate from the model's configuration alone."""

import contextlib
import dataclasses
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

from ..encoding.encode import Encoder
from ..encoding.packing import Row, alike, bundled, by_kind, chunks, single_chunks, singles
from ..errors import DataError, ZooError, with_class
from ..example import Example
from ..training.schedule import by_role, learn_draws, pairs_of, roles, unlearn_draws
from ..unlearner import asked, inputs_of, planned_phases
from .plan import Plan

if TYPE_CHECKING:
    from ..training.footprint import Blueprint, Footprint
    from ..training.inputs import StepInputs
    from ..training.recipe import Stage

#: Steps per stage (and per phase that asks for other answers) that are laid out to find the largest micro-batch.
STEPS = 4
LAUNCHES = ("single", "ddp", "zero1", "zero2", "zero3")


@dataclasses.dataclass(frozen=True)
class Device:
    """What one process has for itself."""

    name: str
    bytes: int


class Launch(TypedDict):
    """One way to start the run: bytes per device while training and while evaluating, and whether they are there."""

    launch: str
    processes: int
    training: int
    evaluating: int
    fits: bool


class Estimate(TypedDict):
    """What a run will hold.

    ``base``: precision → bytes; ``device``: its name and bytes; ``stages``: stage → rows and length (tokens) of the
    largest micro-batch, trained parameters, and parts in bytes.
    """

    parameters: int
    precision: str
    base: dict[str, int]
    device: dict[str, str | int]
    stages: dict[str, dict[str, int]]
    launches: list[Launch]


class NoEstimate(ZooError):
    """Nothing can be counted for this model or algorithm before it runs."""


def estimate(plan: Plan, processes: int | None = None) -> Estimate:
    """Count what a run will hold; no weights are loaded for it.

    Args:
        plan: of the run.
        processes: of the launches with several; the GPUs of this machine, or 2, by default.

    Raises:
        NoEstimate: the model's code, or an algorithm's, does not work without weights.
    """
    import torch

    from ..models.precision import resolve

    gpus = torch.cuda.device_count()
    precision = resolve(plan.checkpoint.precision, bool(gpus))
    stages = [stage for stage in ("learn", "unlearn") if _happens(plan, stage)]
    blueprint, counted = _counted(plan, precision, stages)
    parts = {stage: one.parts for stage, one in counted.items()}
    here = _device(gpus)
    # Sharded weights cannot be in 4 bits.
    possible = [launch for launch in LAUNCHES if (launch, precision) != ("zero3", "4bit")]
    several = processes or (gpus if gpus > 1 else 2)
    vocabulary = int(plan.checkpoint.config.get_text_config().vocab_size)
    return {
        "parameters": blueprint.parameters,
        "precision": precision,
        "base": blueprint.sizes,
        "device": {"name": here.name, "bytes": here.bytes},
        "stages": {
            stage: {
                "rows": len(one.rows),
                "length": max(map(len, one.rows)),
                "trained_parameters": one.trained,
                "logits": 4 * answer_tokens(one.rows) * vocabulary,
                **dataclasses.asdict(one.parts),
            }
            for stage, one in counted.items()
        },
        "launches": [_launch(parts, launch, several, here, bool(gpus)) for launch in possible],
    }


def _launch(parts: "Mapping[str, Footprint]", launch: str, processes: int, here: "Device", on_gpus: bool) -> Launch:
    """Say what a launch needs, and whether it is there."""
    from ..training.footprint import per_device

    needed, n = per_device(parts, launch, processes), 1 if launch == "single" else processes
    # Processes without a GPU share the machine's memory.
    fits = max(needed.values()) * (1 if on_gpus else n) <= here.bytes
    return Launch(launch=launch, processes=n, training=needed["training"], evaluating=needed["evaluating"], fits=fits)


def _happens(plan: Plan, stage: str) -> bool:
    if stage == "learn":
        return plan.request.target is None
    return any(asked(algorithm) for algorithm in plan.algorithms.values())


@dataclasses.dataclass(frozen=True)
class _Counted:
    """A stage's largest micro-batch, how many parameters train, and what is held."""

    rows: Sequence[Row]
    trained: int
    parts: "Footprint"


def _counted(plan: Plan, precision: str, stages: Sequence[str]) -> "tuple[Blueprint, dict[str, _Counted]]":
    """Return the model without weights, and what each stage holds.

    A model whose code does not take packed rows is counted with a row for each answer. One that takes them, and that
    a run finds to give other values, holds about as much: micro-batches have as many tokens.
    """
    from ..models.generation import GENERATE_TOKENS
    from ..training.footprint import Blueprint

    with _of_the_model():
        blueprint = Blueprint(plan.checkpoint, precision)
    # A batch of answers is filled up to so many tokens; one that is longer by itself is a batch alone.
    generated = max([GENERATE_TOKENS, *(limit.width for limit in plan.limits.values())])
    found: dict[str, _Counted] = {}
    packs = not plan.checkpoint.encoder.inputs.reads_question
    for stage in stages:
        recipe: Stage = getattr(plan, stage)
        # Outside of it: what is wrong with data or algorithms is no fault of the model's.
        rows = largest(plan, stage, packs)
        with _of_the_model():
            trained = blueprint.adapt("target" if stage == "learn" else "unlearn", recipe)
        if packs:
            with contextlib.suppress(NoEstimate), _of_the_model():
                parts = blueprint.footprint(rows, True, generated, recipe.recompute)
                found[stage] = _Counted(rows, trained, parts)
                continue
            packs, rows = False, largest(plan, stage, False)
        with _of_the_model():
            found[stage] = _Counted(rows, trained, blueprint.footprint(rows, False, generated, recipe.recompute))
    return blueprint, found


@contextlib.contextmanager
def _of_the_model() -> Iterator[None]:
    """Take whatever is raised, on weights without content, for a model that cannot be counted; but not faulty data."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        raise NoEstimate(with_class(error)) from error


def largest(plan: Plan, stage: str, packs: bool = True) -> list[Row]:
    """Return the largest micro-batch of a stage's first steps, laid out as the engine does.

    Args:
        plan: of the run.
        stage: ``learn`` or ``unlearn``.
        packs: questions may share an image prefix.

    Raises:
        NoEstimate: an input of an algorithm's own cannot be made yet.
    """
    recipe, encoder = getattr(plan, stage), plan.checkpoint.encoder
    batches: list[list[Row]] = []
    for steps in _layouts(plan, stage, encoder):
        for step in itertools.islice(steps, STEPS):
            if packs:
                units = bundled(step.encoded, recipe.per_image, step.bundle)
                batches += [part for some in by_kind(units, alike) for part in chunks(some, recipe.micro_tokens)]
            else:
                per_batch = max(1, recipe.micro_tokens // max(len(e.prompt) + len(e.answer) for e in step.encoded))
                units = singles(step.encoded, step.bundle)
                batches += [part for some in by_kind(units, alike) for part in single_chunks(some, per_batch)]
    return max(batches, key=lambda batch: len(batch) * max(map(len, batch)))


def answer_tokens(rows: Sequence[Row]) -> int:
    """Return how many tokens are scored."""
    return sum(len(block.answer) for row in rows for block in row.blocks)


def _layouts(plan: Plan, stage: str, encoder: Encoder) -> "Iterator[Iterator[StepInputs]]":
    """Yield the steps of stage 1, or those of stage 2 of each phase that asks for other answers."""
    from ..training.inputs import StepInputs

    bench, request = plan.benchmark, plan.request
    if stage == "learn":
        rows = learn_draws(bench.learn_pool(), plan.replay, plan.learn, request.target_seed)
        yield (StepInputs(encoder, {"learn": step}, _no_refusal) for step in rows)
        return
    pools = {"forget": bench.forget_pool(), "retain": bench.retain_pool()}
    known: set[tuple[object, ...]] = set()
    losses = [(name, p.loss) for name, one in plan.algorithms.items() for p in planned_phases(one) if p.loss]
    for name, loss in losses:
        algorithm = plan.algorithms[name]
        needs = inputs_of(algorithm, loss)
        # Inputs of its own are no other algorithm's, whatever they are called.
        kind = (*roles(needs), name if set(roles(needs)) & set(algorithm.inputs) else "")
        if kind not in known:
            known.add(kind)
            yield _unlearn_steps(plan, name, needs, pools, encoder)


def _unlearn_steps(
    plan: Plan, name: str, needs: frozenset[str], pools: Mapping[str, Sequence[Example]], encoder: Encoder
) -> "Iterator[StepInputs]":
    from ..training.inputs import StepInputs

    algorithm, seed = plan.algorithms[name], plan.request.seed
    pairs = pairs_of(algorithm)
    for step in unlearn_draws(algorithm, needs, pools, plan.unlearn, seed):
        try:
            examples = by_role(algorithm, needs, step)
        except Exception as error:  # the plugin's own code, which `prepare` of a run would have come before
            raise NoEstimate(f"{name} cannot make its inputs before a run: {with_class(error)}") from error
        yield StepInputs(encoder, examples, lambda example: plan.benchmark.refusal(example, seed), pairs)


def _no_refusal(example: Example) -> str:
    raise AssertionError(f"{example.id}: stage 1 asks for no refusal")


def _device(gpus: int) -> Device:
    import torch

    if gpus:
        properties = torch.cuda.get_device_properties(0)
        return Device(properties.name, properties.total_memory)
    return Device("this machine's memory", os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def as_data(plan: Plan) -> dict[str, object]:
    """Return the estimate; ``error`` alone where there is none for this model or algorithm."""
    try:
        return {**estimate(plan, plan.request.processes)}
    except NoEstimate as error:
        return {"error": str(error)}


def lines(plan: Plan) -> Iterator[str]:
    """Yield the estimate as lines for a person; one line says why where there is none."""
    try:
        found = estimate(plan, plan.request.processes)
    except NoEstimate as error:
        yield f"  memory      no estimate for this model ({error})"
        return
    base = ", ".join(f"{in_words(size)} in {name}" for name, size in found["base"].items())
    yield f"  memory      {found['parameters'] / 1e6:.1f} million parameters: {base} (an estimate; nothing was loaded)"
    for stage, parts in found["stages"].items():
        yield (
            f"    {stage:<10}{parts['trained_parameters'] / 1e6:.2f} million trained: {in_words(parts['trained'])}, "
            f"gradients {in_words(parts['trained'])}, AdamW {in_words(2 * parts['trained'])}; largest micro-batch "
            f"{parts['rows']} x {parts['length']} tokens: {in_words(parts['activations'])} for its backward "
            f"(one copy of its logits: {in_words(parts['logits'])})"
        )
    here = f"{found['device']['name']}, {in_words(int(found['device']['bytes']))}"
    yield f"    per device {'training':>10} {'evaluating':>10}  fits {here}?"
    for row in found["launches"]:
        name = f"{row['launch']}, {row['processes']}" if row["processes"] > 1 else row["launch"]
        yield (
            f"      {name:<9}{in_words(row['training']):>10} {in_words(row['evaluating']):>10}  "
            f"{'yes' if row['fits'] else 'no'}"
        )


def in_words(n: float) -> str:
    """Return a number of bytes as MB or GB."""
    return f"{n / 1e9:.1f} GB" if n >= 1e9 else f"{n / 1e6:.1f} MB"
