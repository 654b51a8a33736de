"""A benchmark under check: its rows by split, prepared once, and what must be the same again."""

import functools
import hashlib
import json
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..benchmark import Benchmark, utility_part
from ..errors import PluginWarning
from ..example import Example
from .rules import Broken, Subject

if TYPE_CHECKING:
    from ..registry.zoo import Zoo


class Dataset(Subject):
    """A subject whose class is a benchmark.

    Args:
        thing: a subclass of ``Benchmark``, or an instance.
        zoo: where its metrics are looked up; by default what is installed.
    """

    kind = "benchmark"
    #: What the pool is called among the splits.
    LEARN = "learn pool"

    def __init__(self, thing: Any, zoo: "Zoo | None" = None) -> None:
        super().__init__(thing)
        self._zoo = zoo

    @functools.cached_property
    def zoo(self) -> "Zoo":
        """Where metrics are looked up."""
        from ..registry.zoo import Zoo

        with warnings.catch_warnings():
            # Another plugin that is broken is no fault of this one.
            warnings.simplefilter("ignore", PluginWarning)
            return self._zoo or Zoo.installed()

    @property
    def splits(self) -> list[str]:
        """The splits that columns and the gate name."""
        named = {one.split for one in (*self.cls.evals, *self.cls.baselines)} | set(self.cls.gate)
        return sorted(split for split in named if utility_part(split) is None)

    def prepared(self) -> Benchmark:
        """Return a new instance, prepared.

        Raises:
            Broken: it cannot be.
        """
        one: Benchmark = self.fresh()
        try:
            one.prepare()
        except Exception as error:
            raise Broken(f"it cannot be prepared: {type(error).__name__}: {error}") from error
        return one

    @functools.cached_property
    def one(self) -> Benchmark:
        """The instance that most rules look at."""
        return self.prepared()

    @functools.cached_property
    def rows(self) -> dict[str, Sequence[Example]]:
        """Split → its rows, and the learn pool."""
        found = {split: self.one.examples(split) for split in self.splits}
        return found | {self.LEARN: self.one.learn_pool()}


def digest(one: Benchmark) -> dict[str, str]:
    """Return a hash of each part of a prepared benchmark: rows in their order, whom to forget, candidates."""
    pools = {
        "the learn pool": one.learn_pool(),
        "the forget pool": one.forget_pool(),
        "the retain pool": one.retain_pool(),
    }
    splits = {column.split for column in (*one.evals, *one.baselines) if utility_part(column.split) is None}
    pools |= {f"split {split}": one.examples(split) for split in sorted(splits)}
    parts: dict[str, object] = {name: [_row(e) for e in pool] for name, pool in pools.items()}
    parts["forget_identities"] = sorted(one.forget_identities())
    parts["candidates"] = [one.candidates(e) for e in one.learn_pool() if e.cloze]
    parts["fingerprint"] = one.fingerprint()
    return {name: hashlib.sha256(json.dumps(part).encode()).hexdigest() for name, part in parts.items()}


def _row(e: Example) -> list[object]:
    return [
        e.id,
        e.identities,
        e.question,
        e.answer,
        e.keywords,
        dict(sorted(e.tags.items())),
        e.cloze,
        e.choices,
        [image.key for image in e.images],
    ]


def some(names: Iterable[str]) -> str:
    """Return the first of some names for a message, and how many more there are."""
    listed = list(names) if isinstance(names, Sequence) else sorted(names)
    more = f" (and {len(listed) - 1} more)" if len(listed) > 1 else ""
    return f"{listed[0]!r}{more}" if listed else "none"
