"""The contract of a metric: one score per example, from what its arguments name."""

import abc
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple

from .options import Configurable

#: What evaluation can hand to ``Metric.score``, by argument name.
METRIC_INPUTS = {
    "question": "str: what the model was asked",
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

    @classmethod
    def of(cls, score: "float | Scored") -> "Scored":
        """Return what ``Metric.score`` gave as a ``Scored``; a bare number has no details."""
        return score if isinstance(score, Scored) else cls(float(score))


class Heading(NamedTuple):
    """A column that a metric fills where a user adds it with ``--metric``.

    Attributes:
        name: its heading in tables.
        detail: of the score, shown in its place; empty for the score itself.
        want: which direction is good for what is forgotten.
    """

    name: str
    detail: str = ""
    want: Literal["low", "high"] = "low"


class Progress:
    """Tells a user what is going on while rows are scored; this one says nothing."""

    def note(self, text: str) -> None:
        """Print one line."""

    def bar(self, what: str, done: int, total: int) -> None:
        """Move the bar of the current work: ``done`` of ``total`` parts."""


class Metric(Configurable, abc.ABC):
    """A per-example score in [0, 1].

    Attributes:
        headings: the columns that ``--metric`` adds, over the rows that are forgotten; by default
            one, the score under the metric's name.
    """

    headings: ClassVar[tuple[Heading, ...]] = ()

    @abc.abstractmethod
    def score(self, *args: Any, **inputs: Any) -> "float | Scored":
        """Return the score of one example; NaN where it cannot be scored (counted as unscored).

        Name the inputs you need as arguments (see ``METRIC_INPUTS``).
        """

    @property
    def needs(self) -> frozenset[str]:
        """Inputs that ``score`` names."""
        return frozenset(inspect.signature(type(self).score).parameters) - {"self"}

    def prepare(self) -> None:
        """Refuse what cannot work; called when a run is planned, before any weights load.

        Raises:
            ZooError: for example a missing key or package.
        """

    def cost(self, rows: Sequence[Mapping[str, object]]) -> str:
        """Return the most that scoring these rows can cost, in one line; empty where it is free.

        Called when a run is planned: rows hold all inputs that need no model, the true answer in place of the
        prediction.
        """
        return ""

    def score_many(self, rows: Sequence[Mapping[str, object]], tell: Progress) -> Sequence["float | Scored"]:
        """Return the scores of many examples, in order, each as ``score`` gives it.

        Override it where rows are better scored together (calls to a server, batches of a model).
        What cannot be scored now, but may be later, is NaN: the next run scores it again.

        Args:
            rows: for each example what ``score`` names, by argument name.
            tell: shows a bar and lines to the user.

        Returns:
            One score per row.
        """
        return [self.score(**row) for row in rows]


def in_batches(metric: Metric) -> bool:
    """Return whether a metric scores rows in a way of its own, so that a NaN may not be for good."""
    return type(metric).score_many is not Metric.score_many
