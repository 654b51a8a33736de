"""Which launch of a run fits on which device: an estimate from the model's configuration alone."""

import dataclasses
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

from ..data.encode import Encoder
from ..data.images import ImageTensors
from ..data.packing import Row, bundled, chunks
from ..errors import ZooError, with_class
from ..example import Example
from ..training.schedule import by_role, learn_draws, pairs_of, roles, unlearn_draws
from ..unlearner import asked, inputs_of, planned_phases
from .plan import Plan

if TYPE_CHECKING:
    from ..training.footprint import Blueprint, Footprint, Shape
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
    # Laid out first: what is wrong with data or algorithms is no fault of the model's.
    shapes = {stage: largest(plan, stage) for stage in stages}
    try:
        blueprint, parts, trained = _counted(plan, precision, shapes)
    except Exception as error:  # the model's own code, on tensors without content: whatever it raises
        raise NoEstimate(with_class(error)) from error
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
                "rows": shape.rows,
                "length": shape.length,
                "trained_parameters": trained[stage],
                "logits": 4 * shape.answers * vocabulary,
                **dataclasses.asdict(parts[stage]),
            }
            for stage, shape in shapes.items()
        },
        "launches": [_launch(parts, launch, several, here, bool(gpus)) for launch in possible],
    }


def _launch(parts: "Mapping[str, Footprint]", launch: str, processes: int, here: "Device", on_gpus: bool) -> Launch:
    """Say what a launch needs, and whether it is there."""
    needed, n = per_device(parts, launch, processes), 1 if launch == "single" else processes
    # Processes without a GPU share the machine's memory.
    fits = max(needed.values()) * (1 if on_gpus else n) <= here.bytes
    return Launch(launch=launch, processes=n, training=needed["training"], evaluating=needed["evaluating"], fits=fits)


def _happens(plan: Plan, stage: str) -> bool:
    if stage == "learn":
        return plan.request.target is None
    return any(asked(algorithm) for algorithm in plan.algorithms.values())


def _counted(
    plan: Plan, precision: str, shapes: "Mapping[str, Shape]"
) -> "tuple[Blueprint, dict[str, Footprint], dict[str, int]]":
    """Return the model without weights, and for each stage what it holds and how many parameters train."""
    from ..models.generation import GENERATE_TOKENS
    from ..training.footprint import Blueprint

    blueprint, parts, trained = Blueprint(plan.checkpoint, precision), {}, {}
    for stage, shape in shapes.items():
        recipe: Stage = getattr(plan, stage)
        trained[stage] = blueprint.adapt("target" if stage == "learn" else "unlearn", recipe)
        # A batch of answers is filled up to so many tokens; one that is longer by itself is a batch alone.
        generated = max([GENERATE_TOKENS, *(limit.width for limit in plan.limits.values())])
        parts[stage] = blueprint.footprint(shape, generated, recipe.recompute)
    return blueprint, parts, trained


def per_device(parts: "Mapping[str, Footprint]", launch: str, n: int) -> dict[str, int]:
    """Return the bytes that a device holds while training and while evaluating, the larger stage of both.

    ZeRO shares out the moments (1), the gradients too (2), and the parameters too (3; the largest module is whole
    while it is computed); each keeps a copy of its share of what trains (Rajbhandari et al., 2020). DDP keeps its
    gradients a second time, in buckets.
    """
    training, evaluating = [], []
    for f in parts.values():
        weights, gradients, moments = f.base + f.frozen + f.trained, f.trained, 2 * f.trained
        zero = int(launch[4:]) if launch.startswith("zero") else 0
        shared = moments + f.trained if zero else 0
        whole = gradients + (0 if zero else moments) + (f.trained if launch == "ddp" else 0)
        if zero >= 2:
            whole, shared = whole - gradients, shared + gradients
        if zero == 3:
            shared, weights = shared + weights, f.layer
        each = weights + whole + shared // n
        training.append(each + f.activations)
        # A look at the curve comes between two steps, with gradients and moments still there.
        evaluating.append(each + f.cache + f.merged)
    return {"training": max(training), "evaluating": max(evaluating)}


def largest(plan: Plan, stage: str) -> "Shape":
    """Return the shape of the largest micro-batch of a stage's first steps, laid out as the stage does.

    Raises:
        NoEstimate: an input of an algorithm's own cannot be made yet.
    """
    from ..training.footprint import Shape

    recipe, encoder = getattr(plan, stage), plan.checkpoint.encoder
    batches: list[Sequence[Row]] = []
    for steps in _layouts(plan, stage, encoder):
        for step in itertools.islice(steps, STEPS):
            batches += chunks(bundled(step.encoded, recipe.per_image, step.bundle), recipe.micro_tokens)
    most = max(batches, key=lambda batch: len(batch) * max(map(len, batch)))
    images = [image for row in most for image in row.images]
    one = ImageTensors(plan.checkpoint.processor.image_processor)(images[:1]) if images else {}
    pixels = {name: ((len(images) * t.shape[0], *t.shape[1:]), t.dtype) for name, t in one.items()}
    return Shape(len(most), max(map(len, most)), sum(len(b.answer) for row in most for b in row.blocks), pixels)


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
    base = ", ".join(f"{_bytes(size)} in {name}" for name, size in found["base"].items())
    yield f"  memory      {found['parameters'] / 1e6:.1f} million parameters: {base} (an estimate; nothing was loaded)"
    for stage, parts in found["stages"].items():
        yield (
            f"    {stage:<10}{parts['trained_parameters'] / 1e6:.2f} million trained: {_bytes(parts['trained'])}, "
            f"gradients {_bytes(parts['trained'])}, AdamW {_bytes(2 * parts['trained'])}; largest micro-batch "
            f"{parts['rows']} x {parts['length']} tokens: {_bytes(parts['activations'])} for its backward "
            f"(one copy of its logits: {_bytes(parts['logits'])})"
        )
    here = f"{found['device']['name']}, {_bytes(int(found['device']['bytes']))}"
    yield f"    per device {'training':>10} {'evaluating':>10}  fits {here}?"
    for row in found["launches"]:
        name = f"{row['launch']}, {row['processes']}" if row["processes"] > 1 else row["launch"]
        yield (
            f"      {name:<9}{_bytes(row['training']):>10} {_bytes(row['evaluating']):>10}  "
            f"{'yes' if row['fits'] else 'no'}"
        )


def _bytes(n: float) -> str:
    return f"{n / 1e9:.1f} GB" if n >= 1e9 else f"{n / 1e6:.1f} MB"
