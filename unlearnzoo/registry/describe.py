"""What ``unlearnzoo show`` says about a thing, as data: one source for text, JSON and docs."""

import inspect
from typing import Any

from ..benchmark import Benchmark
from ..metric import METRIC_INPUTS, Metric
from ..model import ModelCard
from ..options import Configurable, describe
from ..unlearner import Unlearner, has_loss, offered


def doc(cls: type[Configurable]) -> str:
    """Return a class's own docstring; empty where it has none (dataclasses make one up)."""
    text = cls.__doc__ or ""
    return "" if text.startswith(f"{cls.__name__}(") else inspect.cleandoc(text)


def one_line(cls: type[Configurable]) -> str:
    """Return the first paragraph's first line."""
    lines = doc(cls).splitlines()
    return lines[0].strip() if lines else ""


def class_facts(cls: type[Configurable]) -> dict[str, Any]:
    """Return doc, inputs, options and, of a benchmark, its columns, gate and recipe; JSON-able."""
    facts: dict[str, Any] = {"doc": doc(cls)}
    if issubclass(cls, Unlearner):
        facts["inputs"] = _inputs(cls)
    elif issubclass(cls, Metric):
        needs = cls.configure({}).needs
        facts["inputs"] = [{"name": n, "help": METRIC_INPUTS[n], "optional": False} for n in sorted(needs)]
    elif issubclass(cls, Benchmark):
        facts["columns"] = [vars(one) | {"by": list(one.by)} for one in cls.evals]
        facts["gate"] = dict(sorted(cls.gate.items()))
        facts["recipe"] = {stage: dict(values) for stage, values in cls.recipe.items()}
    facts["options"] = describe(cls)
    return facts


def model_facts(card: ModelCard) -> dict[str, Any]:
    """Return what a model's card says; JSON-able."""
    return {
        "folder": str(card.folder),
        "recipe": {stage: dict(values) for stage, values in card.recipe.items()},
        "replay": str(card.replay) if card.replay else None,
        "utility": str(card.utility) if card.utility else None,
        "columns": [vars(one) | {"by": list(one.by)} for one in card.evals],
    }


def _inputs(cls: type[Unlearner]) -> list[dict[str, Any]]:
    """Return what the loss names; optional is what the default options do not need."""
    needs = cls.configure({}).needs
    named = set(inspect.signature(cls.loss).parameters) - {"self"} if has_loss(cls) else set()
    return [
        {"name": name, "help": text, "optional": name not in needs}
        for name, text in offered(cls).items()
        if name in named | needs
    ]
