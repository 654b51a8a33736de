"""A training step of the engine beside that of a plain loop: ``python -m examples.benchmarks.plain_loop``.

The plain loop is what an unlearning repository usually has: one sequence per answer, logits of all positions, a second
model as the reference, a forward per input of the loss (forget, retain, refusal, each of model and reference), AdamW on
the same LoRA parameters. It is handed its tensors ready-made. Both are checked to have the same loss and the same
gradient in the first step. Then they step in turn, in one process: the engine on new answers, the plain loop, the
engine on the same answers again, as in a later epoch, when it knows what the reference says of them; ``--steps`` times.

Set OMP_NUM_THREADS=1 for one thread.
"""

import argparse
import contextlib
import importlib
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from examples.benchmarks.plain import RATE, Plain, put
from examples.benchmarks.wide_llava import now, people, spread, write
from tests.support.engines import adapted
from tests.support.held import Alive
from unlearnzoo import Example
from unlearnzoo.models import lora
from unlearnzoo.training.engine import Engine
from unlearnzoo.training.inputs import StepInputs
from unlearnzoo.training.loop import Objective, optimise
from unlearnzoo.training.recipe import Unlearn
from unlearnzoo.training.schedule import roles
from unlearnzoo.training.trainer import new_reference

ALGORITHMS = ("ga", "gd", "kl", "dpo", "npo")
REFUSAL = "I would rather not say."
#: How far loss and gradient of the first step may be apart, relative to their size.
SAME = 1e-4


@dataclass
class Side:
    """What was measured of one of the two.

    Attributes:
        new: seconds of each step on answers not seen before.
        seen: the same where they were.
        loss: of the first step.
        gradient: of the first step, all parameters in one vector.
        forwards: through the model's layers in the last step.
        forwards_new: the same of the last on new answers.
        peak: bytes that the first step held at a time, beside what stays.
        parameters: numbers in models.
        held: bytes between steps: parameters, gradients, moments and what is kept of the reference.
    """

    new: list[float] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)
    loss: float = 0.0
    gradient: Tensor = field(default_factory=lambda: torch.zeros(0))
    forwards: int = 0
    forwards_new: int = 0
    peak: int = 0
    parameters: int = 0
    held: int = 0


def measure(engine: Engine, plain: Plain, algorithm: str, pools: Sequence[Mapping[str, list[Example]]]) -> list[Side]:
    """Step both in turn, as the module says; the first pool is for the check and is not timed."""
    module = importlib.import_module(f"unlearnzoo_{algorithm}")
    method = module.unlearnzoo_unlearners()[0]()
    reference, recipe = new_reference(engine), Unlearn(lr=RATE, clip=1e9, warmup=0.0, schedule="constant")
    with_logits = frozenset(n for n, kind in method.reference.items() if kind == "logits")
    objective = Objective(method.loss, method.needs, with_logits, reference)
    parameters = lora.train_only(engine.model, "unlearn")
    before = [p.detach().clone() for p in parameters]
    plain.start(before)
    ours, theirs, turns, alive = Side(), Side(), [pools[0], *(p for pool in pools[1:] for p in (pool, pool))], Alive()
    counts = [Forwards(engine.base), Forwards(lora.core(plain.model)), Forwards(plain.reference)]
    started = 0.0

    def steps() -> Iterator[StepInputs]:
        nonlocal started
        for number, pool in enumerate(turns):
            step = StepInputs(engine, {role: pool[role] for role in roles(method.needs)}, lambda e: REFUSAL)
            for count in counts:
                count.n = 0
            if not number % 2:
                batches = {
                    role: plain.batch([e for e, own in zip(step.encoded, step.role, strict=True) if own == role])
                    for role in step.counts
                }
                with contextlib.nullcontext() if number else Alive() as held:
                    started = now(engine.device)
                    loss = plain.step(algorithm, batches)
                    theirs.seen.append(now(engine.device) - started)
                theirs.forwards = counts[1].n + counts[2].n
                if held is not None:
                    theirs.loss, theirs.peak, theirs.gradient = loss, held.peak, gradient(plain.parameters)
                    alive.__enter__()
            started = now(engine.device)
            yield step

    def on_step(entry: dict[str, float]) -> bool:
        took, number = now(engine.device) - started, int(entry["step"]) - 1
        (ours.new if number % 2 else ours.seen).append(took)
        if number % 2:
            ours.forwards_new = counts[0].n
        else:
            ours.forwards = counts[0].n
        if number == 0:
            alive.__exit__(None, None, None)
            ours.loss, ours.peak, ours.gradient = entry["loss"], alive.peak, gradient(parameters)
            check(algorithm, ours, theirs)
            ours.seen.clear()
            theirs.seen.clear()
        return False

    optimise(engine, parameters, recipe, objective, steps(), len(turns), on_step)
    for count in counts:
        count.handle.remove()
    trained = 3 * size(parameters)  # gradients and AdamW's two moments
    ours.parameters, theirs.parameters = numbers(engine.model), numbers(plain.model)
    if "ref" in "".join(method.needs):
        theirs.parameters += numbers(plain.reference)
    ours.held = 4 * ours.parameters + trained + size(reference.fresh().values())
    theirs.held = 4 * theirs.parameters + trained
    put(parameters, before)
    return [ours, theirs]


class Forwards:
    """Counts how often a model's first decoder layer is run."""

    def __init__(self, model: nn.Module) -> None:
        self.n = 0
        self.handle = model.get_decoder().layers[0].register_forward_pre_hook(self._add)

    def _add(self, *given: object) -> None:
        self.n += 1


def check(algorithm: str, ours: Side, theirs: Side) -> None:
    """Refuse to time two that compute different things."""
    apart = float((ours.gradient - theirs.gradient).norm() / theirs.gradient.norm())
    if abs(ours.loss - theirs.loss) > SAME * max(1.0, abs(theirs.loss)) or not apart < SAME:
        raise SystemExit(
            f"{algorithm}: losses {ours.loss:.6g} and {theirs.loss:.6g} of the first step, gradients {apart:.1e} apart "
            f"(at most {SAME:g}): they compute different things"
        )


def gradient(parameters: Sequence[nn.Parameter]) -> Tensor:
    """Return the gradients in one vector."""
    return torch.cat([torch.zeros_like(p).ravel() if p.grad is None else p.grad.ravel().clone() for p in parameters])


def size(tensors) -> int:
    """Return the bytes of tensors."""
    return sum(t.numel() * t.element_size() for t in tensors)


def numbers(model: nn.Module) -> int:
    """Return how many parameters a model has."""
    return sum(p.numel() for p in model.parameters())


def main(argv: Sequence[str] | None = None) -> None:
    """Print a line per algorithm."""
    parser = argparse.ArgumentParser(description="The engine's step beside a plain loop's.")
    parser.add_argument("--steps", type=int, default=5, help="timed steps of each kind")
    parser.add_argument("--algorithms", default=",".join(ALGORITHMS))
    parser.add_argument("--questions", type=int, default=8, help="questions per image")
    parser.add_argument("--answers", type=int, default=8, help="answers per step and pool")
    parser.add_argument(
        "--small", action="store_true", help="a model that takes seconds: shows no more than that it runs"
    )
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        engine = adapted(write(Path(folder), given.small), precision="fp32")
        plain = Plain(engine)
    side, n = 16 if given.small else 336, given.answers
    pools = [
        {
            "forget": people(1000 * step, n, given.questions, side),
            "retain": people(1000 * (step + 1000), n, given.questions, side),
        }
        for step in range(given.steps + 1)
    ]
    print(
        f"{torch.get_num_threads()} threads, {engine.device.type}; {n} answers per pool and step, {given.questions} "
        f"per image; n {given.steps} steps of each kind, median (least to most)\n{'':<20}{'seconds per step':<26}"
        f"{'plain / this':<14}{'forwards':<10}{'parameters':<12}{'held':<10}in a step"
    )
    chosen = given.algorithms.split(",")
    if unknown := [name for name in chosen if name not in ALGORITHMS]:
        parser.error(f"--algorithms {unknown[0]}: choose some of {','.join(ALGORITHMS)}")
    for algorithm in chosen:
        show(algorithm, *measure(engine, plain, algorithm, [pool | {"refusal": pool["forget"]} for pool in pools]))


def show(algorithm: str, ours: Side, theirs: Side) -> None:
    """Print what was found."""
    for what, side, seconds, forwards in (
        ("plain loop", theirs, theirs.seen, theirs.forwards),
        ("first epoch", ours, ours.new, ours.forwards_new),
        ("later epochs", ours, ours.seen, ours.forwards),
    ):
        ratio = statistics.median(theirs.seen) / statistics.median(seconds)
        print(
            f"{algorithm:<5}{what:<15}{spread(seconds):<26}{ratio:<14.2f}{forwards:<10}"
            f"{f'{side.parameters / 1e6:.1f} M':<12}{f'{side.held / 1e6:.0f} MB':<10}{side.peak / 1e6:.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    main()
