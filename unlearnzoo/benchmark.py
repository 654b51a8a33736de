"""The contract of a benchmark: who is learned, forgotten and kept, and what measures the result."""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from .example import Example
from .options import Configurable


@dataclass(frozen=True)
class Column:
    """One column of the result: a metric over some examples of a split.

    Attributes:
        name: its heading in tables, for example ``EMf``; unique in a benchmark.
        split: what ``Benchmark.examples`` is asked for; ``utility:KIND`` are rows that the model brings.
        metric: ``distribution/name``.
        who: examples about any of the forget identities, about none of them, or all.
        want: which direction is good after unlearning.
        by: tags to group by; without any, all rows are one group.
        detail: of the metric's scores, shown in their place; empty for the scores.
        all_of: a tag; rows that share its value count as one, which scores what its worst row does (a
            multiple-choice question counts only if it is right in each order of its options).
        tagged: a tag; only rows that have it count. Where no row has it there is no such column.
    """

    name: str
    split: str
    metric: str
    who: Literal["forget", "retain", "all"]
    want: Literal["low", "high"]
    by: tuple[str, ...] = ("hop",)
    detail: str = ""
    all_of: str | None = None
    tagged: str | None = None


@dataclass(frozen=True)
class Published:
    """The results that a benchmark's paper printed, for ``unlearnzoo report --beside``.

    Attributes:
        source: the paper.
        models: its models → a part of the name of a checkpoint that is one, in lower case.
        options: this benchmark's options as the paper had them, where a run may differ.
        tables: table → its rows of ``model``, ``run`` (an algorithm, ``base`` or ``target``),
            ``column`` and ``group`` (as in a record) and ``percent``.
        notes: what to know before numbers are compared, table → a line.
        judges: column that a language model judged → which one.
    """

    source: str
    models: Mapping[str, str]
    options: Mapping[str, object]
    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    notes: Mapping[str, str] = field(default_factory=dict)
    judges: Mapping[str, str] = field(default_factory=dict)


#: A split that is not the benchmark's own is written ``utility:KIND`` (the model's own rows of that kind) or
#: ``utility:NAME/SPLIT`` (of the utility benchmark NAME).
_UTILITY = "utility"


def utility_part(split: str) -> str | None:
    """Return ``KIND`` or ``NAME/SPLIT`` of a utility split; None where the split is the benchmark's own."""
    head, _, part = split.partition(":")
    return part if head == _UTILITY else None


def utility_split(name: str, split: str) -> str:
    """Return what a split of the utility benchmark ``name`` is called in a run."""
    return f"{_UTILITY}:{name}/{split}"


class Benchmark(Configurable, abc.ABC):
    """Data to learn, forget and keep.

    Attributes:
        evals: the columns, in the order of the table.
        baselines: columns for the base and the target alone (Exposure over all identities, say).
        curve: the columns (forgotten, kept) that the curve of stage 2 follows, both with the same metric, which is the
            gate's, too; it may need anything but ``candidates``.
        gate: split → the least score that stage 1 must reach on *all* identities, in each group of ``curve``'s first
            column (its ``by``).
        recipe: ``{"learn": {...}, "unlearn": {...}}``, the values of the benchmark's own paper.
        provenance: ``learn``, ``unlearn``, the benchmark or an algorithm → option → how its value is known:
            ``paper`` (printed there), ``inference`` (follows from what is printed), ``assumption``.

    One that forgets a share of its identities has an option ``forget`` (``20%``), which ``--forget``
    sets; one whose data say who is forgotten has none.
    """

    evals: ClassVar[tuple[Column, ...]] = ()
    baselines: ClassVar[tuple[Column, ...]] = ()
    curve: ClassVar[tuple[str, str]] = ("EMf", "EMr")
    gate: ClassVar[Mapping[str, float]] = {}
    recipe: ClassVar[Mapping[str, Mapping[str, object]]] = {}
    provenance: ClassVar[Mapping[str, Mapping[str, str]]] = {}

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
        """Return the forget set: what was learned about any of the forget identities."""
        gone = self.forget_identities()
        return [e for e in self.learn_pool() if e.about(gone)]

    def retain_pool(self) -> Sequence[Example]:
        """Return the retain set for training: what was learned about nobody but others."""
        gone = self.forget_identities()
        return [e for e in self.learn_pool() if not e.about(gone)]

    def validation(self) -> Mapping[str, object] | None:
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

    @classmethod
    def published(cls) -> Published | None:
        """Return what the benchmark's paper printed; None where there is none."""
        return None


class Utility(Benchmark):
    """Questions that only measure: what else a model can do, before and after.

    Named by ``--utility`` beside the benchmark of a run, or measured alone by ``unlearnzoo evaluate --bench``.
    Nothing is learned or forgotten, so its columns ask ``all``.
    """

    curve = ()  # type: ignore[assignment]  # there is no curve

    def forget_identities(self) -> frozenset[str]:
        """Return nobody."""
        return frozenset()

    def learn_pool(self) -> Sequence[Example]:
        """Return nothing."""
        return ()
