"""What ``unlearnzoo show`` says about a thing, as data: one source for text, JSON and docs."""

import inspect
from typing import Any

from ..benchmark import Benchmark, Column
from ..metric import METRIC_INPUTS, Metric
from ..model import ModelCard
from ..options import Configurable
from ..options import describe as option_rows
from ..unlearner import Unlearner, asked, has_loss, inputs_of, offered, planned_phases, undeclared

#: JSON-able.
Facts = dict[str, Any]


def doc(cls: type[Configurable]) -> str:
    """Return a class's own docstring; empty where it has none (dataclasses make one up)."""
    text = cls.__doc__ or ""
    return "" if text.startswith(f"{cls.__name__}(") else inspect.cleandoc(text)


def one_line(cls: type[Configurable]) -> str:
    """Return the first paragraph's first line."""
    lines = doc(cls).splitlines()
    return lines[0].strip() if lines else ""


def stage(cls: type[Configurable]) -> Facts:
    """Return what a class says of itself and its options."""
    return {"doc": doc(cls), "options": option_rows(cls)}


def algorithm(cls: type[Unlearner]) -> Facts:
    """Return doc, inputs, phases and options; an input is optional where the default options do not need it.

    Inputs, and steps of phases, are those of the default options; ``steps`` is None where the recipe has them.
    """
    one = cls.configure({})
    needs = asked(one)
    named = set(inspect.signature(cls.loss).parameters) - {"self"} if has_loss(cls) else set()
    inputs = [
        {"name": name, "help": text, "optional": name not in needs}
        for name, text in offered(cls).items()
        if name in named | needs
    ]
    phases = [
        {"name": p.name, "inputs": sorted(inputs_of(one, p.loss)) if p.loss else [], "steps": p.steps}
        for p in planned_phases(one)
    ]
    head = {"doc": doc(cls), "inputs": inputs, "phases": phases, "declared": not undeclared(one)}
    return head | {"options": option_rows(cls)}


def metric(cls: type[Metric]) -> Facts:
    """Return doc, inputs and options."""
    needs = sorted(cls.configure({}).needs)
    inputs = [{"name": name, "help": METRIC_INPUTS[name], "optional": False} for name in needs]
    return {"doc": doc(cls), "inputs": inputs, "options": option_rows(cls)}


def benchmark(cls: type[Benchmark]) -> Facts:
    """Return doc, columns, gate, recipe and options."""
    return {
        "doc": doc(cls),
        "columns": list(map(_column, cls.evals)),
        "gate": dict(sorted(cls.gate.items())),
        "recipe": {stage: dict(values) for stage, values in cls.recipe.items()},
        "options": option_rows(cls),
    }


def model(card: ModelCard) -> Facts:
    """Return what a model's card says."""
    return {
        "folder": "made when it is first used" if callable(card.folder) else str(card.folder),
        "recipe": {stage: dict(values) for stage, values in card.recipe.items()},
        "replay": str(card.replay) if card.replay else None,
        "utility": str(card.utility) if card.utility else None,
        "columns": list(map(_column, card.evals)),
    }


def _column(column: Column) -> Facts:
    return vars(column) | {"by": list(column.by)}
