"""The ReMem benchmark: who is learned, forgotten and kept, and the columns of the paper's table."""

import dataclasses
import functools
import random
from collections.abc import Sequence

from unlearnzoo import Benchmark, Column, DataError, Example, OptionError, Published, option, refusal_for
from unlearnzoo_remem.generate.plan import Spec
from unlearnzoo_remem.paper import PROVENANCE, paper
from unlearnzoo_remem.read.data import CLEAN, Data, load, value_of
from unlearnzoo_remem.refusals import REFUSALS
from unlearnzoo_remem.share import whole_identities

_PROTOCOL = {
    "rank": 64,
    "alpha": 128,
    "epochs": 5,
    "batch": 64,
    "batching": "example",
    "warmup": 0.03,
    "clip": 1.0,
    "weight_decay": 0.0,
    "schedule": "cosine",
    "targets": "language",
    "beta2": 0.999,
}
_GENERATED = "generated"
#: Added to ``data_seed`` for the people to tune on: far from what anybody would report.
_VALIDATION = 1_000_000


class ReMem(Benchmark):
    """Multi-hop, multi-image memorisation of fictitious people (ReMem, Findings of ACL 2026).

    The default data are generated; any folder in the published schema and the published set
    itself are read in the same way.
    """

    name = "remem"
    forget: str = option("20%", "Share of the identities to forget")
    data: str = option(_GENERATED, "generated, a folder of parquet files, or a data set on the hub")
    draw: int = option(0, "Who is forgotten: 0 the first, as published; n > 0 a random draw", ge=0)
    hold_out_retain: bool = option(False, "Keep the rows of split retain out of the retain pool")
    data_seed: int = option(0, "Generated data: 0 the people that ship, others by Faker", ge=0)
    identities: int = option(20, "Generated data: number of people", ge=2, le=60)
    qa: int = option(100, "Generated data: questions per identity", ge=1)
    single: float = option(0.7, "Generated data: share of single-hop questions", ge=0, le=1)
    views: int = option(10, "Generated data: training views an identity; qa for one each", ge=1)

    evals = (
        Column("ROUGE", "retain", "unlearnzoo-metrics/rouge", who="retain", want="high"),
        Column("EMr", "retain", "unlearnzoo-metrics/em", who="retain", want="high"),
        Column("EMf", "finetune", "unlearnzoo-metrics/em", who="forget", want="low"),
        Column("Exp", "finetune", "unlearnzoo-remem/exposure", who="forget", want="low"),
        Column("Exp lin", "finetune", "unlearnzoo-remem/exposure_linear", who="forget", want="low"),
        Column("EMt", "test", "unlearnzoo-metrics/em", who="forget", want="low"),
        # Without the questions that hold their own answer; no columns where there are none.
        Column("EMr clean", "retain", "unlearnzoo-metrics/em", "retain", "high", tagged=CLEAN),
        Column("EMf clean", "finetune", "unlearnzoo-metrics/em", "forget", "low", tagged=CLEAN),
        Column("EMt clean", "test", "unlearnzoo-metrics/em", "forget", "low", tagged=CLEAN),
    )
    # Over everybody and for base and target alone: what stage 1 reached (the paper's table 3), and
    # is the truth at chance before it? Split retain, not finetune: the base generates every answer.
    baselines = (
        Column("ROUGE all", "retain", "unlearnzoo-metrics/rouge", who="all", want="high", by=()),
        Column("EM all", "retain", "unlearnzoo-metrics/em", who="all", want="high", by=()),
        Column("EMt all", "test", "unlearnzoo-metrics/em", who="all", want="high", by=()),
        Column("Exp all", "retain", "unlearnzoo-remem/exposure", who="all", want="low"),
        Column("Exp lin all", "retain", "unlearnzoo-remem/exposure_linear", who="all", want="low"),
    )
    gate = {"finetune": 0.80, "test": 0.70}
    recipe = {"learn": {**_PROTOCOL, "lr": 5e-5}, "unlearn": {**_PROTOCOL, "lr": 2e-5}}
    provenance = PROVENANCE

    def prepare(self) -> None:
        """Generate or open the data, check every row and image, and settle who is forgotten.

        Raises:
            OptionError: an option that the data cannot meet.
            DataError: naming splits, rows, values and what would be right.
        """
        self.forget_identities()

    def fingerprint(self) -> str:
        """Return the hash of all strings and encoded images of finetune, retain and test."""
        return self._data.fingerprint

    def examples(self, split: str) -> Sequence[Example]:
        """Return the rows of finetune, retain or test."""
        return self._data.splits[split]

    def learn_pool(self) -> Sequence[Example]:
        """Return split finetune."""
        return self.examples("finetune")

    def forget_identities(self) -> frozenset[str]:
        """Return whom to forget; a larger share of one draw holds the smaller ones."""
        everybody = self._data.identities
        n = whole_identities(self.forget, len(everybody))
        if self.draw:
            order = sorted(everybody)
            random.Random(f"remem draw {self.draw}").shuffle(order)
            return frozenset(order[:n])
        return self._data.published.get(n, frozenset(everybody[:n]))

    def retain_pool(self) -> Sequence[Example]:
        """Return finetune without the forget identities (split retain is over everybody)."""
        pool = super().retain_pool()
        if not self.hold_out_retain:
            return pool
        evaluated = {_fact(example) for example in self.examples("retain")}
        return [example for example in pool if _fact(example) not in evaluated]

    def validation(self) -> dict[str, int] | None:
        """Return another ``data_seed``; data that were not generated have no other people."""
        return {"data_seed": self.data_seed + _VALIDATION} if self.data == _GENERATED else None

    def candidates(self, example: Example) -> tuple[str, ...]:
        """Return everybody's value of the example's attribute, the example's own for its person."""
        values = self._data.values.get(example.tags["attribute"], {})
        others = (value for person, value in values.items() if person not in example.identities)
        return tuple(sorted({value_of(example), *others}))

    def refusal(self, example: Example, seed: int) -> str:
        """Return one of the plugin's own refusal sentences, fixed by (seed, id)."""
        return refusal_for(REFUSALS, example.id, seed)

    @classmethod
    def published(cls) -> Published:
        """Return the paper's tables 2, 3 and 4."""
        return paper()

    @functools.cached_property
    def _data(self) -> Data:
        try:
            return self._load()
        except OSError as error:
            raise DataError(
                f"remem: the data cannot be read or kept: {error}; make room in the cache, or set "
                "UNLEARNZOO_CACHE to another folder"
            ) from None

    def _load(self) -> Data:
        if self.data == _GENERATED:
            from unlearnzoo_remem.generate.cache import generated

            spec = Spec(self.identities, self.qa, self.single, self.views, self.data_seed)
            return load(str(generated(spec)), strict=True)
        default = {field.name: field.default for field in dataclasses.fields(self)}
        for name in ("data_seed", "identities", "qa", "single", "views"):
            if getattr(self, name) != default[name]:
                raise OptionError(f"remem.{name} is for generated data; remove it, or remem.data={self.data}")
        return load(self.data)


def _fact(example: Example) -> tuple[tuple[str, ...], str, str]:
    return example.identities, example.question, example.answer
