"""All phases of ``unlearn`` on the small model: a trainer that does what the real one does, on random answers."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import OptionError
from ..example import Example
from ..options import describe
from ..training.adapter_weights import AdapterWeights
from ..training.recipe import Unlearn
from ..unlearner import Unlearner, inputs_of, offered
from .algorithm import Algorithm, total_of
from .model import ALPHA, LAYERS, RANK, AdaptedModel
from .rules import Broken, expect, rule, told

#: What a phase asks for, nothing where it has no gradients, and its steps; None: those of the recipe.
Done = tuple[frozenset[str], int | None]
#: Steps that are taken of each phase, and calls after which a method is taken to have no end.
STEPS, MOST_CALLS, RATE = 2, 1_000, 0.01


class Rehearsal:
    """Has what ``Trainer`` promises, for the rule below; ``engine`` alone is missing."""

    seed = 0

    def __init__(self, subject: Algorithm) -> None:
        self.subject, self.one, self.model = subject, subject.fresh(), AdaptedModel()
        self.model.lengths = subject.lengths
        self.recipe, self.steps, self.calls = Unlearn.configure({}), 0, 0
        self.pools: Mapping[str, Sequence[Example]] = {pool: _examples(pool, subject) for pool in ("forget", "retain")}
        self.changed = False
        self.done: list[Done] = []

    @property
    def n_layers(self) -> int:
        """As many as the small model has."""
        return LAYERS

    def fresh(self) -> list[torch.nn.Parameter]:
        """Set the adapter to its start."""
        with torch.no_grad():
            for path, parameter in self.model.model.named_parameters():
                if ".lora_B.unlearn." in path:
                    parameter.zero_()
        return list(self.model.parameters)

    def train(self, loss: Callable[..., Any] | None = None, probe: bool = True, steps: int | None = None) -> bool:
        """Take two steps, and count as many as were asked for."""
        self._count("train")
        expect(steps is None or (type(steps) is int and steps >= 1), f"trainer.train(steps={steps!r}): no whole number")
        loss = loss or self.one.loss
        needs = inputs_of(self.one, loss)
        known = offered(self.subject.cls)
        for name in sorted(needs):
            expect(name in known, f"trainer.train: the loss asks for {name!r}; there is {', '.join(known)}")
        expect(needs, "trainer.train: the loss asks for no input")
        for _ in range(STEPS):
            with_logits = [name for name in needs if self.one.reference.get(name) == "logits"]
            value = total_of(loss, self.model.inputs(needs, with_logits, self.one.layers))
            number = float(value.detach())
            expect(math.isfinite(number), f"trainer.train: the loss is {number}")
            expect(value.requires_grad, "trainer.train: the loss carries no gradient")
            self._step(torch.autograd.grad(value, self.model.parameters, allow_unused=True))
        self.steps += steps or STEPS
        self.done.append((needs, steps))
        return False

    def probe(self, **facts: float) -> bool:
        """Count a step."""
        self._count("probe")
        for name, value in facts.items():
            expect(isinstance(value, int | float), f"trainer.probe: {name} is {value!r}; give a number")
        self.steps += 1
        self.done.append((frozenset(), 1))
        return False

    def adapter(self) -> AdapterWeights:
        """Copy the adapter."""
        from peft import get_peft_model_state_dict

        state = get_peft_model_state_dict(self.model.model, adapter_name="unlearn", save_embedding_layers=False)
        return AdapterWeights({n: t.detach().clone() for n, t in state.items()}, RANK, ALPHA, ("language",))

    def set_adapter(self, found: AdapterWeights, replace_target: bool = False) -> None:
        """Put an adapter on, as it is."""
        from peft import set_peft_model_state_dict

        expect(isinstance(found, AdapterWeights), f"trainer.set_adapter was given a {type(found).__name__}")
        self._count("set_adapter")
        set_peft_model_state_dict(self.model.model, dict(found.tensors), adapter_name="unlearn")

    def relearn(self, pool: Sequence[Example]) -> AdapterWeights:
        """Return some adapter."""
        expect(self.subject.cls.relearns, "it calls trainer.relearn and does not say relearns = True")
        expect(pool, "trainer.relearn was given no rows")
        return self.adapter()

    def generate(
        self,
        examples: Sequence[Example],
        which: str = "target",
        max_new_tokens: int | None = None,
        temperature: float = 0.0,
        draw: int = 0,
    ) -> list[str]:
        """Answer each example."""
        expect(which in ("base", "target", "unlearned"), f"trainer.generate(which={which!r}): there is no such state")
        return [f"An answer to row {example.id}." for example in examples]

    def _count(self, call: str) -> None:
        self.changed |= call != "probe"
        self.calls += 1
        expect(self.calls <= MOST_CALLS, f"unlearn has not ended after {MOST_CALLS:,} calls of the trainer")

    def _step(self, gradients: Sequence[Tensor | None]) -> None:
        with torch.no_grad():
            for parameter, gradient in zip(self.model.parameters, gradients, strict=True):
                if gradient is not None:
                    parameter.sub_(gradient.nan_to_num(), alpha=RATE)

    def __getattr__(self, name: str) -> Any:
        if name == "engine":
            raise _Unknown
        raise AttributeError(f"a Trainer has no attribute {name!r}")


class _Unknown(Exception):
    """The method asks the model itself, which nothing here can stand for."""


@rule(
    why="a later phase of `unlearn` would fail after hours of training, or do something else than the first; plan, "
    "record and memory estimate tell the phases that are declared.",
    fix="ask only for what a `Trainer` offers; give each `trainer.train` a loss whose arguments are inputs, and "
    "`steps` of at least 1; end where a call returns True; return from `phases` what `unlearn` does, a `Phase` each.",
)
def phases(subject: Algorithm) -> None:
    """A `prepare` or `unlearn` that fails in some phase, never ends, leaves the model as it was, or has other phases.

    Those that `phases` declares are compared with those that it goes through, with other values of its options, too.
    """
    _rehearse(subject)
    if (subject.cls.unlearn, subject.cls.phases) != (Unlearner.unlearn, Unlearner.phases):
        for which, other in _others(subject):
            try:
                _rehearse(other)
            except Exception as error:
                raise Broken(f"with {which}: {told(error)}") from error


def _rehearse(subject: Algorithm) -> None:
    """Go through all phases of one configuration."""
    trainer = Rehearsal(subject)
    try:
        trainer.one.prepare(trainer)
        for role in trainer.one.inputs:
            made = getattr(trainer.one, role)(trainer.pools[subject.pools[role]][0])
            expect(isinstance(made, Example), f"{role} returned a {type(made).__name__}; expected an Example")
        trainer.one.unlearn(trainer)
    except _Unknown:
        return
    except OptionError as error:
        raise Broken(str(error)) from error
    expect(trainer.changed, "unlearn neither trained nor set an adapter")
    declared = [(inputs_of(trainer.one, p.loss) if p.loss else frozenset[str](), p.steps) for p in trainer.one.phases]
    real, said = _told(trainer.done), _told(declared)
    expect(real == said, f"unlearn has {real}, but phases says {said}")


def _others(subject: Algorithm) -> Iterator[tuple[str, Algorithm]]:
    """Yield configurations with another value of one option: where it decides on phases, both must follow."""
    values = subject.fresh().values()
    for row in describe(subject.cls):
        name, value = row["name"], values[row["name"]]
        if isinstance(value, bool):
            tried: list[Any] = [not value]
        elif row["type"].startswith("int"):
            tried = [2 if value is None else value + 1]
        else:
            tried = [choice for choice in row.get("choices", ()) if choice != value]
        for other in tried:
            try:
                yield f"{name}={other!r}", Algorithm(subject.fresh(**{name: other}))
            except OptionError:
                continue


def _told(found: Iterable[Done]) -> str:
    """Return phases as text; steps without gradients that follow each other are one."""
    merged: list[Done] = []
    for inputs, steps in found:
        if merged and steps and merged[-1][1] and not inputs and not merged[-1][0]:
            steps += merged.pop()[1] or 0
        merged.append((inputs, steps))
    lines = [
        f"{steps or 'as many steps as the recipe'}{' steps' * bool(steps)} "
        + (f"on {', '.join(sorted(inputs))}" if inputs else "without gradients")
        for inputs, steps in merged
    ]
    return ", then ".join(lines) or "no phase"


def _examples(pool: str, subject: Algorithm) -> list[Example]:
    """Return as many rows as the pool has random answers; what is said of one pool holds no keyword of the other."""
    job = {"forget": "chef", "retain": "pilot"}[pool]
    return [
        Example(f"{pool}/{n}", f"person {n}", (), f"What is known of {n}?", f"{n} is a {job}.", (job,), cloze=f"{n} is")
        for n in range(len(subject.lengths[pool]))
    ]
