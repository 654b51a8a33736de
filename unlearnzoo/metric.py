"""The contract of a metric: a score an example, from what its arguments name."""

import abc
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .options import Configurable

#: What evaluation can hand to ``Metric.score``, by argument name.
METRIC_INPUTS = {
    "prediction": "str: the greedy answer, special tokens removed",
    "answer": "str: the true answer",
    "keywords": "tuple[str, ...]: the private values inside the answer",
    "choices": "tuple[str, ...]: the options of a multiple-choice question, A first; the answer is a letter",
    "logps": "list[float]: log-probability of each token of the true answer, end token included",
    "candidates": "Candidates: how likely the cloze sentence is with each value of the attribute",
}


@dataclass(frozen=True)
class Candidates:
    """The cloze sentence completed with each unique value of the attribute.

    Attributes:
        logps: mean log-probability of each candidate's own tokens.
        truth: index of this example's value.
    """

    logps: tuple[float, ...]
    truth: int


@dataclass(frozen=True)
class Scored:
    """A score with what it was made of; the details are stored per sample."""

    value: float
    details: Mapping[str, float] = field(default_factory=dict)


class Metric(Configurable, abc.ABC):
    """A per-example score in [0, 1]."""

    @abc.abstractmethod
    def score(self, *args: Any, **inputs: Any) -> "float | Scored":
        """Return the score of one example; NaN where it cannot be scored (counted as unscored)."""

    @property
    def needs(self) -> frozenset[str]:
        """Inputs that ``score`` names."""
        return frozenset(inspect.signature(type(self).score).parameters) - {"self"}
