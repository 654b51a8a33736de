"""Which launch of a run fits which device: an estimate from the model's configuration alone."""

import dataclasses
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..data.encode import Encoded, Encoder
from ..data.images import ImageTensors
from ..data.packing import Row, bundled, chunks
from ..data.sampling import flat, groups
from ..example import Example
from ..training.schedule import POOLS, draws, roles
from .plan import Plan

if TYPE_CHECKING:
    from ..training.footprint import Footprint, Shape

#: Steps of each stage that are laid out to find the largest micro-batch.
STEPS = 4
LAUNCHES = ("single", "ddp", "zero1", "zero2", "zero3")


@dataclasses.dataclass(frozen=True)
class Device:
    """What one process has for itself."""

    name: str
    bytes: int


def estimate(plan: Plan, processes: int | None = None) -> dict[str, Any]:
    """Count what a run will hold.

    Args:
        plan: no weights are loaded for it.
        processes: of the launches with several; the GPUs of this machine, or 2, by default.

    Returns:
        ``parameters``, ``precision``, ``base`` (precision → bytes), ``device`` (name, bytes), ``stages`` (stage →
        rows, length, parts in bytes) and ``launches`` (rows of launch, processes, training, evaluating: bytes a device;
        fits).
    """
    import torch

    from ..models.precision import resolve
    from ..training.footprint import Blueprint

    gpus = torch.cuda.device_count()
    precision = resolve(plan.checkpoint.precision, bool(gpus))
    n = processes or (gpus if gpus > 1 else 2)
    blueprint = Blueprint(plan.checkpoint, precision)
    found, shapes, parts = {}, {}, {}
    for stage in ("learn", "unlearn") if plan.request.target is None else ("unlearn",):
        if stage == "unlearn" and not plan.algorithms:
            continue
        trained = blueprint.adapt("target" if stage == "learn" else "unlearn", getattr(plan, stage))
        shapes[stage] = largest(plan, stage)
        parts[stage] = blueprint.footprint(shapes[stage], _generate_tokens(), getattr(plan, stage).recompute)
        vocabulary = int(plan.checkpoint.config.get_text_config().vocab_size)
        found[stage] = {
            "rows": shapes[stage].rows,
            "length": shapes[stage].length,
            "trained_parameters": trained,
            "logits": 4 * shapes[stage].answers * vocabulary,
            **dataclasses.asdict(parts[stage]),
        }
    here = _device(gpus)
    # Processes without a GPU share the machine's memory.
    share = {launch: n if launch != "single" and not gpus else 1 for launch in LAUNCHES}
    return {
        "parameters": blueprint.parameters,
        "precision": precision,
        "base": blueprint.sizes,
        "device": dataclasses.asdict(here),
        "stages": found,
        "launches": [
            {
                "launch": launch,
                "processes": 1 if launch == "single" else n,
                **(held := per_device(parts, launch, n)),
                "fits": max(held.values()) * share[launch] <= here.bytes,
            }
            for launch in LAUNCHES
            if (launch, precision) != ("zero3", "4bit")
        ],
    }


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
        held = weights + whole + shared // n
        training.append(held + f.activations)
        # A look at the curve comes between two steps, with gradients and moments still there.
        evaluating.append(held + f.cache + f.merged)
    return {"training": max(training), "evaluating": max(evaluating)}


def largest(plan: Plan, stage: str) -> "Shape":
    """Return the shape of the largest micro-batch of a stage's first steps, laid out as the stage does."""
    from ..training.footprint import Shape

    recipe, encoder = getattr(plan, stage), Encoder(plan.checkpoint.processor)
    batches: list[Sequence[Row]] = []
    for step in itertools.islice(_steps(plan, stage, encoder), STEPS):
        encoded, bundle = step
        batches += chunks(bundled(encoded, recipe.per_image, bundle), recipe.micro_tokens)
    most = max(batches, key=lambda batch: len(batch) * max(map(len, batch)))
    images = [image for row in most for image in row.images]
    one = ImageTensors(plan.checkpoint.processor.image_processor)(images[:1]) if images else {}
    pixels = {name: ((len(images) * t.shape[0], *t.shape[1:]), t.dtype) for name, t in one.items()}
    return Shape(len(most), max(map(len, most)), sum(len(b.answer) for row in most for b in row.blocks), pixels)


def _steps(plan: Plan, stage: str, encoder: Encoder) -> Iterator[tuple[list[Encoded], list[int] | None]]:
    """Yield each step's answers and which of them belong together; of several algorithms the one with most inputs."""
    recipe, seed = getattr(plan, stage), plan.request.seed
    if stage == "learn":
        replay = groups(plan.replay, recipe.batching, recipe.per_image)[: recipe.replay]
        for step in draws({"learn": plan.benchmark.learn_pool()}, recipe, plan.request.target_seed):
            more = flat(replay)
            yield [encoder.encode(e) for e in [*step["learn"], *more]], None
        return
    needs = max((roles(a.needs) for a in plan.algorithms.values()), key=len)
    pools = {"forget": plan.benchmark.forget_pool()}
    if "retain" in map(POOLS.get, needs):
        pools["retain"] = plan.benchmark.retain_pool()
    for step in draws(pools, recipe, seed):
        encoded: list[Encoded] = []
        bundle: list[int] = []
        for role in needs:
            pool = POOLS.get(role, "forget")
            start = 0 if pool == "forget" else len(step["forget"])
            for i, example in enumerate(step[pool]):
                encoded.append(encoder.encode(example, _answer(plan, role, example)))
                bundle.append(start + i)
        yield encoded, bundle


def _answer(plan: Plan, role: str, example: Example) -> str | None:
    return plan.benchmark.refusal(example, plan.request.seed) if role == "refusal" else None


def _generate_tokens() -> int:
    from ..models.generation import GENERATE_TOKENS

    return GENERATE_TOKENS


def _device(gpus: int) -> Device:
    import torch

    if gpus:
        found = torch.cuda.get_device_properties(0)
        return Device(found.name, found.total_memory)
    return Device("this machine's memory", os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def as_data(plan: Plan) -> dict[str, Any]:
    """Return the estimate; ``error`` alone where there is none for this model."""
    try:
        return estimate(plan, getattr(plan.request, "processes", None))
    except Exception as error:  # noqa: BLE001 - any model's own code runs here; a plan without an estimate is still one
        return {"error": f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"}


def lines(plan: Plan) -> Iterator[str]:
    """Yield the estimate as lines for a person; one line says why where there is none."""
    found = as_data(plan)
    if "error" in found:
        yield f"  memory      no estimate for this model ({found['error']})"
        return
    base = ", ".join(f"{_bytes(size)} in {name}" for name, size in found["base"].items())
    yield f"  memory      {found['parameters'] / 1e6:.1f} million parameters: {base} (an estimate; nothing was loaded)"
    for stage, of in found["stages"].items():
        yield (
            f"    {stage:<10}{of['trained_parameters'] / 1e6:.2f} million trained: {_bytes(of['trained'])}, "
            f"gradients {_bytes(of['trained'])}, AdamW {_bytes(2 * of['trained'])}; largest micro-batch "
            f"{of['rows']} x {of['length']} tokens: {_bytes(of['activations'])} for its backward "
            f"(one copy of its logits: {_bytes(of['logits'])})"
        )
    here = f"{found['device']['name']}, {_bytes(found['device']['bytes'])}"
    yield f"    a device   {'training':>10} {'evaluating':>10}  fits {here}?"
    for row in found["launches"]:
        name = f"{row['launch']}, {row['processes']}" if row["processes"] > 1 else row["launch"]
        yield (
            f"      {name:<9}{_bytes(row['training']):>10} {_bytes(row['evaluating']):>10}  "
            f"{'yes' if row['fits'] else 'no'}"
        )


def _bytes(n: float) -> str:
    return f"{n / 1e9:.1f} GB" if n >= 1e9 else f"{n / 1e6:.1f} MB"
