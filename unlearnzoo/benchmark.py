"""The contract of a benchmark: who is learned, forgotten and kept, and what judges the result."""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from .example import Example
from .options import Configurable


@dataclass(frozen=True)
class Eval:
    """One column of the result: a metric over some examples of a split.

    Attributes:
        column: heading in tables, for example ``EMf``; unique in a benchmark.
        split: what ``Benchmark.examples`` is asked for (``utility`` is the model's own).
        metric: ``distribution/name``.
        who: examples of the forget identities, of all others, or of all.
        want: which direction is good after unlearning.
        by: tags to group by.
    """

    column: str
    split: str
    metric: str
    who: Literal["forget", "retain", "all"]
    want: Literal["low", "high"]
    by: tuple[str, ...] = ("hop",)


class Benchmark(Configurable, abc.ABC):
    """Data to learn, forget and keep.

    Attributes:
        evals: the columns, in the order of the table.
        baselines: columns for the base and the target alone (Exposure over all identities, say).
        memory: the columns (forgotten, kept) whose metric is the gate's and makes the curve.
        gate: split → least score by hop on *all* identities that stage 1 must reach.
        recipe: ``{"learn": {...}, "unlearn": {...}}``, the values of the benchmark's own paper.

    One that forgets a share of its identities has an option ``forget`` (``20%``), which ``--forget``
    sets; one whose data say who is forgotten has none.
    """

    evals: ClassVar[tuple[Eval, ...]] = ()
    baselines: ClassVar[tuple[Eval, ...]] = ()
    memory: ClassVar[tuple[str, str]] = ("EMf", "EMr")
    gate: ClassVar[Mapping[str, float]] = {}
    recipe: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @abc.abstractmethod
    def prepare(self) -> None:
        """Find or generate the data and check it; called before any weights load.

        Raises:
            DataError: naming the value, the row and what would be right.
        """

    @abc.abstractmethod
    def fingerprint(self) -> str:
        """Return a hash of strings and images: the same data, the same hash."""

    @abc.abstractmethod
    def examples(self, split: str) -> Sequence[Example]:
        """Return the rows of a split; ids are unique across splits."""

    @abc.abstractmethod
    def forget_identities(self) -> frozenset[str]:
        """Return whom to forget."""

    @abc.abstractmethod
    def learn_pool(self) -> Sequence[Example]:
        """Return what stage 1 trains on."""

    def forget_pool(self) -> Sequence[Example]:
        """Return the forget set: what was learned about the forget identities."""
        gone = self.forget_identities()
        return [e for e in self.learn_pool() if e.identity in gone]

    def retain_pool(self) -> Sequence[Example]:
        """Return the retain set for training: what was learned about everybody else."""
        gone = self.forget_identities()
        return [e for e in self.learn_pool() if e.identity not in gone]

    def validation(self) -> Mapping[str, Any] | None:
        """Return options that give other identities of the same kind, to tune on; None where there are none.

        No report uses those identities: settings chosen on the reported ones would suit just them.
        """
        return None

    def candidates(self, example: Example) -> tuple[str, ...]:
        """Return all unique values of this example's attribute, its own among them."""
        return ()

    def refusal(self, example: Example, seed: int) -> str:
        """Return a refusal sentence for this example, fixed by (seed, id).

        Raises:
            DataError: the benchmark has no refusals.
        """
        from .errors import DataError

        raise DataError(f"{self.name} has no refusals, which this algorithm needs")
