"""An algorithm under check: its inputs, and its loss as the engine takes it."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import OptionError
from ..models.scores import Scores
from ..options import describe
from ..training.loop import named_terms, with_counts
from ..training.schedule import POOLS, roles
from ..unlearner import Unlearner, has_loss
from .answers import LENGTHS, random_inputs
from .rules import Broken, Rule, Subject, expect

Inputs = Mapping[str, Scores]
#: Tried of each numeric option, where it is admissible, beside its own bounds.
LARGE, SMALL = 1e4, 1e-4


class Algorithm(Subject):
    """A subject whose class is an algorithm."""

    kind = "algorithm"

    @property
    def has_loss(self) -> bool:
        """Whether it trains on a loss of its own."""
        return issubclass(self.cls, Unlearner) and has_loss(self.cls)

    @property
    def pools(self) -> Mapping[str, str]:
        """Role → the pool that its rows pair with, roles of its own among them."""
        return {**POOLS, **self.cls.inputs}

    @property
    def lengths(self) -> dict[str, Sequence[int]]:
        """Tokens of each answer by role; a role of its own has as many answers as its pool."""
        return {role: LENGTHS.get(role, LENGTHS[pool][::-1]) for role, pool in self.pools.items()}

    def inputs(self, one: Unlearner, seed: int = 0) -> dict[str, Scores]:
        """Return random inputs of a configuration; the policy's numbers are leaves with a gradient."""
        return random_inputs(one.needs, distributions(one), seed, self.lengths, one.layers)

    def variants(self) -> Iterator[tuple[str, "Algorithm"]]:
        """Yield itself, and for inputs that only some value of an option needs, such a configuration.

        A term that is off by default would go unchecked otherwise.
        """
        yield "", self
        seen = set(self.fresh().needs)
        for row in describe(self.cls):
            for value in admissible(row):
                try:
                    one = self.fresh(**{row["name"]: value})
                except OptionError:
                    continue
                if one.needs - seen:
                    seen |= one.needs
                    yield f"{row['name']}={value!r}", Algorithm(one)

    def forget_side(self, name: str) -> bool:
        """Whether an input's rows pair with the forget answers."""
        return self.pools[name.removesuffix("_ref")] == "forget"

    def take(self, inputs: Inputs, rows: Mapping[str, Sequence[int]]) -> dict[str, Scores]:
        """Return a micro-batch: of each pool (``forget``, ``retain``) the given rows, or none."""
        return {
            name: scores.take(torch.tensor(rows.get(self.pools[name.removesuffix("_ref")], ()), dtype=torch.long))
            for name, scores in inputs.items()
        }


def in_each_variant(one: Rule) -> Rule:
    """Return a rule that holds for an algorithm and all its variants."""

    def hold(subject: Algorithm) -> None:
        for which, variant in subject.variants():
            try:
                one.hold(variant)
            except Broken as error:
                raise Broken(f"with {which}: {error}" if which else str(error)) from error.__cause__

    return dataclasses.replace(one, hold=hold)


def admissible(row: dict[str, Any]) -> list[Any]:
    """Return values to try of an option: its choices, or 1, its bounds and far values of its type."""
    if "choices" in row:
        return list(row["choices"])
    if row["type"] == "bool":
        return [True, False]
    if not row["type"].startswith(("int", "float")):
        return []
    low = row.get("ge", row.get("gt", -math.inf))
    found = [row["ge"]] if "ge" in row else []
    found += [row["le"]] if "le" in row else [LARGE]
    found += [low + SMALL if math.isfinite(low) else -LARGE]
    whole = row["type"].startswith("int")
    values = (int(value) if whole else float(value) for value in (1.0, *found))
    return list(dict.fromkeys(values))


def distributions(one: Unlearner) -> list[str]:
    """Return the reference inputs that carry logits."""
    return [name for name in one.needs if one.reference.get(name) == "logits"]


def terms(one: Unlearner, inputs: Inputs) -> dict[str, Tensor]:
    """Call an algorithm's loss and return its terms by name; see ``terms_of``."""
    return terms_of(one.loss, inputs)


def terms_of(loss: Callable[..., Any], inputs: Inputs) -> dict[str, Tensor]:
    """Call a loss and return its terms by name.

    Raises:
        Broken: a term is no tensor.
        RunError: the engine refuses its shape.
    """
    found: Any = loss(**inputs)
    values = list(found.values()) if isinstance(found, dict) else [found]
    expect(values, "the loss has no term")
    for value in values:
        expect(isinstance(value, Tensor), f"the loss returned a {type(value).__name__}, not a tensor")
    named = named_terms(found, inputs)
    with_counts(named, inputs, _counts(inputs))
    return named


def total(one: Unlearner, inputs: Inputs) -> Tensor:
    """Return what the engine minimises of an algorithm's loss; see ``total_of``."""
    return total_of(one.loss, inputs)


def total_of(loss: Callable[..., Any], inputs: Inputs) -> Tensor:
    """Return what the engine minimises: the sum of each term's mean over the answers of its role."""
    parts = with_counts(terms_of(loss, inputs), inputs, _counts(inputs)).values()
    return torch.stack([term.float().sum() / max(1, count) for term, count in parts]).sum()


def gradients(one: Unlearner, inputs: Inputs) -> dict[str, Tensor]:
    """Return the gradient on each tensor of the inputs that has one, by input and field; 0 where it is unused."""
    leaves = {
        f"{name}.{field}": tensor
        for name, scores in inputs.items()
        for field, tensor in tensors(scores).items()
        if tensor.requires_grad
    }
    loss = total(one, inputs)
    if not loss.requires_grad:
        return {path: torch.zeros_like(leaf) for path, leaf in leaves.items()}
    found = torch.autograd.grad(loss, list(leaves.values()), retain_graph=True, allow_unused=True)
    return {
        path: torch.zeros_like(leaf) if grad is None else grad
        for (path, leaf), grad in zip(leaves.items(), found, strict=True)
    }


def tensors(scores: Scores) -> dict[str, Tensor]:
    """Return the tensors that scores hold, by field."""
    found: dict[str, Tensor] = {}
    for field in dataclasses.fields(scores):
        value = getattr(scores, field.name)
        parts = value.items() if isinstance(value, Mapping) else [("", value)]
        found |= {f"{field.name}{key}": part for key, part in parts if isinstance(part, Tensor)}
    return found


def mapped(scores: Scores, change: Callable[[Tensor], Tensor]) -> Scores:
    """Return scores whose numbers (not their ids) went through a function."""

    def one(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: one(part) for key, part in value.items()}
        return change(value) if isinstance(value, Tensor) and value.is_floating_point() else value

    return Scores(**{field.name: one(getattr(scores, field.name)) for field in dataclasses.fields(scores)})


def changed(inputs: Inputs, change: Callable[[Tensor], Tensor]) -> dict[str, Scores]:
    """Return copies of inputs with other numbers; what had a gradient is a leaf that has one."""

    def copy(value: Tensor) -> Tensor:
        return change(value.detach().clone()).requires_grad_(value.requires_grad)

    return {name: mapped(scores, copy) for name, scores in inputs.items()}


def _counts(inputs: Inputs) -> dict[str, int]:
    return {
        role: next(s.n for name, s in inputs.items() if name.removesuffix("_ref") == role)
        for role in roles(frozenset(inputs))
    }
