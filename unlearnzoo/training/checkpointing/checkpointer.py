"""When a training's position is kept, and how a resumed run goes on from it.

A method may be any Python (several phases, adapters put back), so a resumed run calls it from its
start: what its finished calls of the ``Trainer`` gave is in a journal and is given again without being done.
"""

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, Unpack, cast

import msgspec

from ...errors import CheckpointWarning, RunError, ZooError, first_line
from ...terminal import printable, shorten
from ..distributed.ranks import Ranks
from . import state
from .interval import CheckpointInterval
from .position import NONE, Call, Position, Result, Training
from .store import Store

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from ...options import Configurable
    from ..reference import Reference

#: Saving takes at most this share of the time, however slow the disk.
SHARE = 0.02
T = TypeVar("T")


@dataclass
class Checkpointer:
    """Keeps the position of a stage.

    Attributes:
        store: where.
        every: how often.
        extra_state: what a run adds to a position: a JSON-able mapping.
        reference: the target's cached view, kept as it grows: an answer computed anew among other
            answers would differ in its last digits.
        algorithm: what it notes on itself belongs to the position.
        ranks: the processes of the run; the main one reads and writes, all of them go on.
        works: positions can be kept; with DeepSpeed, which shards the state, a stage starts again.
    """

    store: Store
    every: CheckpointInterval
    extra_state: Callable[[], Mapping[str, object]] = dict
    reference: "Reference | None" = None
    algorithm: "Configurable | None" = None
    ranks: Ranks = field(default_factory=Ranks)
    works: bool = True
    journal: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        #: What the last process left; its training part is used up by the first call that is not in the journal.
        self.found, self.store.files, self._tensors = self.ranks.on_main(self._load)
        self.journal = list(self.found.get("journal", []))
        self._at = 0
        #: Steps that were done of the training in progress when it was taken up.
        self.done = 0
        self._training: tuple[Sequence[nn.Parameter], Optimizer] | None = None
        self._owed: dict[str, Mapping[str, Tensor]] = {}
        self._count, self._last, self._cost, self._failed = 0, time.monotonic(), 0.0, False
        if self.reference is not None:
            for name in sorted(n for n in self.store.files if n.startswith("reference-")):
                self.reference.put(self.tensors(name))

    def tensors(self, name: str) -> "dict[str, Tensor]":
        """Take a verified file of the position.

        Raises:
            RunError: the position does not stand on it.
        """
        with self._as_written():
            return self._tensors.pop(name)

    def left(self, kind: type[T]) -> T | None:
        """Return the extra state of the position, of a type; None where there is none.

        Raises:
            RunError: it is of another type.
        """
        extra = self.found.get("extra_state")
        if not extra:
            return None
        with self._as_written():
            msgspec.convert(extra, kind)
        return cast(T, extra)

    @contextlib.contextmanager
    def _as_written(self) -> "Iterator[None]":
        """Tell of what no run writes in a line: a folder may have been sent, and its checksums with it.

        Raises:
            RunError: something does not fit.
        """
        from safetensors import SafetensorError
        from torch import OutOfMemoryError

        try:
            yield
        except OutOfMemoryError:
            raise
        except (
            ArithmeticError,
            AssertionError,
            AttributeError,
            LookupError,
            RuntimeError,
            SafetensorError,
            TypeError,
            ValueError,
        ) as error:
            what = f"{error.args[0]} is missing" if isinstance(error, KeyError) else first_line(error)
            where = f"{self.store.folder}: checkpoint {self.store.number} is none that a run writes"
            again = "remove this folder, and the stage starts again"
            raise RunError(printable(f"{where} ({shorten(what, 300)}); {again}")) from None

    def _load(self) -> "tuple[Position, dict[str, str], dict[str, dict[str, Tensor]]]":
        """Read the last position: its facts, its files, and the tensors in them."""
        from safetensors.torch import load_file

        facts = self.store.load() if self.works else None
        if facts is None:
            return NONE, {}, {}
        names = dict(self.store.files)
        with self._as_written():
            msgspec.convert(facts, Position)
            found = {name: load_file(self.store.folder / name) for name in names if name.endswith(".safetensors")}
        return cast(Position, facts), names, found

    def replay(self, call: str) -> Call | None:
        """Return what this call of an algorithm gave before the interruption; None: it is to be done.

        Raises:
            RunError: the algorithm took another way than then.
        """
        if self._at >= len(self.journal):
            return None
        entry = self.journal[self._at]
        self._at += 1
        if entry["call"] != call:
            raise RunError(
                f"the algorithm called {call!r} where it called {entry['call']!r} before the interruption; "
                "it depends on something that no seed decides, so start a new run"
            )
        if self._at == len(self.journal) and "training" not in self.found:
            self._go_on()
        return entry

    def record(self, call: str, tensors: "Mapping[str, Tensor] | None" = None, **result: Unpack[Result]) -> None:
        """Write what a call gave into the journal; with tensors at once onto the disk."""
        entry: Call = {"call": call, **result}
        self._training = None
        if tensors is not None:
            entry["file"] = f"call-{len(self.journal):04}.safetensors"
            self._owed[entry["file"]] = tensors
        self.journal.append(entry)
        self._at = len(self.journal)
        self._count += 1
        if tensors is not None or self._due():
            self.save()

    def begin(
        self, parameters: "Sequence[nn.Parameter]", optimizer: "Optimizer"
    ) -> tuple[int, dict[str, float] | None]:
        """Take up a training.

        Returns:
            Steps done, and the numbers of the last one where nobody was told of them yet.
        """
        self._training = parameters, optimizer
        known: Training = self.found.get("training") or {"done": 0, "pending": None}
        self.done = known["done"]
        if self.done:
            tensors = self._go_on()
            with self._as_written():
                state.load_training_state(parameters, optimizer, tensors)
        return self.done, known["pending"]

    def add(self, name: str, write: Callable[[Path], None]) -> None:
        """Keep another file and, with it, the position."""

        def both() -> None:
            self.store.add(name, write)
            self._save(None, None)

        self._try(both)

    def keep_reference_only(self) -> None:
        """Keep of a finished stage what the next one can use: the reference."""

        def shrink() -> None:
            for name in [n for n in self.store.files if not n.startswith("reference-")]:
                self.store.drop(name)
            self.journal, self._owed = [], {}
            self._save(None, None)

        self._try(shrink)

    def step(self, done: int) -> None:
        """Tell of a finished step; keeps the position where it is time."""
        self._count += 1
        if self._due():
            self.save(done)

    def save(self, done: int | None = None, pending: dict[str, float] | None = None) -> None:
        """Keep the position; a disk that is full is a warning, and the position before stays."""
        self._try(lambda: self._save(done, pending))

    def _try(self, write: Callable[[], None]) -> None:
        from safetensors import SafetensorError

        if not (self.works and self.ranks.main):
            self._owed = {}
            return
        start, before = time.monotonic(), dict(self.store.files)
        try:
            write()
            self._failed = False
        except (OSError, SafetensorError, ZooError) as error:
            self.store.files = before
            self.store.sweep()
            if not self._failed:
                reason = first_line(error).removeprefix(f"{self.store.folder}: ")
                warnings.warn(
                    f"no checkpoint was written: {self.store.folder}: {reason}; the run goes on, and the "
                    "last checkpoint stays",
                    CheckpointWarning,
                    stacklevel=3,
                )
            self._failed = True
        self._count, self._last = 0, time.monotonic()
        self._cost = self._last - start

    def _save(self, done: int | None, pending: dict[str, float] | None) -> None:
        store = self.store
        rng, tensors = state.rng_state()
        facts: Position = {"journal": self.journal, "extra_state": dict(self.extra_state()), "rng": rng}
        if self.algorithm is not None:
            notes, own = state.algorithm_state(self.algorithm, set(self.algorithm.values()))
            facts["algorithm"], tensors = {**notes}, tensors | own
        if done is not None and self._training is not None:
            facts["training"] = {"done": done, "pending": pending}
            tensors |= state.training_state(*self._training)
        if self.reference is not None and (fresh := self.reference.fresh()):
            number = sum(name.startswith("reference-") for name in store.files)
            store.add(f"reference-{number:04}.safetensors", _saver(fresh))
        for name, owed in self._owed.items():
            store.add(name, _saver(owed))
        for name in [n for n in store.files if n.startswith("state-")]:
            store.drop(name)
        store.add(f"state-{store.number + 1:06}.safetensors", _saver(tensors))
        store.seal(facts)
        self._owed = {}
        if self.reference is not None:
            self.reference.settle()

    def _due(self) -> bool:
        if self.every.steps is not None:
            return self._count >= self.every.steps
        if self.every.seconds is None:
            return False
        return time.monotonic() - self._last >= max(self.every.seconds, self._cost / SHARE)

    def _go_on(self) -> "dict[str, Tensor]":
        """Set generators and what the algorithm noted; return the training's tensors, once."""
        position, self.found = self.found, NONE
        tensors = self.tensors(next((name for name in self.store.files if name.startswith("state-")), "state"))
        with self._as_written():
            state.set_rng_state(position["rng"], tensors)
            if self.algorithm is not None:
                options = set(self.algorithm.values())
                state.load_algorithm_state(self.algorithm, position["algorithm"], tensors, options)
        return {n: t for n, t in tensors.items() if n.startswith(("parameter.", "optimizer."))}


def _saver(tensors: "Mapping[str, Tensor]") -> Callable[[Path], None]:
    def write(path: Path) -> None:
        from safetensors.torch import save_file

        save_file({name: t.contiguous() for name, t in tensors.items()}, path)

    return write
