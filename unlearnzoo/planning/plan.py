"""The plan of a run: what will be done, resolved and checked."""

import dataclasses
from collections.abc import Mapping, Sequence

from ..benchmark import Benchmark, Column, Utility, utility_part
from ..evaluation.evaluator import select
from ..example import Example
from ..metric import Metric
from ..model import ModelCard
from ..models.checkpoint import Checkpoint
from ..models.preflight import Looked
from ..records.redaction import Redactor
from ..registry.zoo import Zoo
from ..training.recipe import Learn, Unlearn
from ..training.schedule import Schedule, schedule
from ..unlearner import Unlearner
from . import utility
from .limits import FORGET_POOL, Limit
from .request import Request


@dataclasses.dataclass(frozen=True)
class Plan:
    """What will be done, resolved and checked.

    Attributes:
        request: as typed.
        algorithms: by the name typed.
        origins: stage, benchmark or algorithm → option → where its value comes from.
        evals: the benchmark's columns, then the model's and those of ``utilities``; those with rows.
        utilities: what ``--utility`` named, prepared.
        limits: split → after how many new tokens its answers are cut.
        looked: what was seen of the model without weights.
    """

    request: Request
    zoo: Zoo
    algorithms: Mapping[str, Unlearner]
    benchmark: Benchmark
    metrics: Mapping[str, Metric]
    card: ModelCard
    checkpoint: Checkpoint
    learn: Learn
    unlearn: Unlearn
    origins: Mapping[str, Mapping[str, str]]
    evals: Sequence[Column]
    replay: Sequence[Example]
    utility: Sequence[Example]
    utilities: Mapping[str, Utility] = dataclasses.field(default_factory=dict)
    limits: Mapping[str, Limit] = dataclasses.field(default_factory=dict)
    looked: Looked = dataclasses.field(default_factory=lambda: Looked({}))

    def examples(self, split: str) -> Sequence[Example]:
        """Return a split of the benchmark, of a utility benchmark, or the model's own ``utility:KIND`` (so tagged)."""
        part = utility_part(split)
        return self.benchmark.examples(split) if part is None else utility.rows(self.utilities, self.utility, part)

    def answered(self) -> dict[str, Sequence[Example]]:
        """Return the rows that models answer, by split, and the forget pool, which an algorithm may ask about."""
        columns = (*self.evals, *self.benchmark.baselines)
        splits = [c.split for c in columns if self.metrics[c.metric].needs & {"prediction", "logps"}]
        rows = {split: self.examples(split) for split in dict.fromkeys([*splits, *self.benchmark.gate])}
        return rows | ({FORGET_POOL: self.benchmark.forget_pool()} if self.algorithms else {})

    def redactor(self, columns: Sequence[Column] | None = None) -> Redactor | None:
        """Return what takes people and texts out of the record, where that was asked for.

        Args:
            columns: of the record; by default those of the plan.
        """
        if not self.request.redact:
            return None
        own = self.evals if columns is None else columns
        items = select(own, self.examples, self.benchmark.forget_identities())
        rows = [item.example for item in items if utility_part(item.split) is None]
        columns = (*own, *self.benchmark.baselines)
        asked = {column.split for column in columns if utility_part(column.split) is None} | set(self.benchmark.gate)
        people = {person for split in asked for example in self.examples(split) for person in example.identities}
        return Redactor(rows, columns, people=people)

    def schedules(self) -> dict[str, Schedule]:
        """Return units and steps of both stages."""
        return {
            "learn": schedule(self.benchmark.learn_pool(), self.learn),
            "unlearn": schedule(self.benchmark.forget_pool(), self.unlearn),
        }
