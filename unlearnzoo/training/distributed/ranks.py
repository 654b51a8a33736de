"""The processes of a run: what they tell each other.

One process is the common case, and everything here is then the identity. Numbers and decisions
are the same on every process, so that none takes a way of its own; only the main one is heard.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar, cast

from ...errors import RunError, first_line

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
#: Seconds that a process may let the others wait, loading and evaluating included.
LIMIT = "UNLEARNZOO_RANK_TIMEOUT"
_DEFAULT_LIMIT = 600.0
#: Work of the main process alone (a judge asked over the net) may take much longer.
_PATIENCE = timedelta(days=2)


def limit() -> float:
    """Return the seconds that a process may be silent.

    Raises:
        RunError: the variable is no positive number.
    """
    text = os.environ.get(LIMIT, "")
    try:
        seconds = float(text or _DEFAULT_LIMIT)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise RunError(f"{LIMIT}={text}: must be a number of seconds above 0")
    return seconds


class Ranks:
    """This process among the others.

    Attributes:
        n: number of processes.
        rank: of this one; 0 is the main one.
    """

    def __init__(self, n: int = 1, rank: int = 0) -> None:
        self.n, self.rank = n, rank
        self.main = rank == 0
        if n > 1:
            import torch.distributed as dist

            # What is told from host to host does not go through the devices.
            self._group = dist.new_group(backend="gloo", timeout=timedelta(seconds=limit()))
            self._patient = dist.new_group(backend="gloo", timeout=_PATIENCE)

    def all_reduce(self, tensor: "Tensor") -> None:
        """Add up a tensor over all processes, in place."""
        if self.n > 1:
            import torch.distributed as dist

            with _told():
                dist.all_reduce(tensor)

    def gather(self, thing: T) -> list[T]:
        """Return what each process holds, in order of their ranks."""
        if self.n == 1:
            return [thing]
        import torch.distributed as dist

        self.barrier()
        gathered: list[T] = [thing] * self.n
        with _told():
            dist.all_gather_object(gathered, thing, group=self._group)
        return gathered

    def gather_dict(self, part: Mapping[int, T]) -> dict[int, T]:
        """Return what all processes hold, each under its own numbers, in order."""
        merged = {number: value for of_rank in self.gather(part) for number, value in of_rank.items()}
        return dict(sorted(merged.items()))

    def on_main(self, make: Callable[[], T]) -> T:
        """Let the main process alone do something; all get its result, or its error."""
        if self.n == 1:
            return make()
        import torch.distributed as dist

        box: list[object] = [None, None]
        if self.main:
            try:
                box[0] = make()
            except Exception as error:  # noqa: BLE001 - raised again on every process
                box[1] = error
        with _told():
            dist.broadcast_object_list(box, src=0, group=self._patient)
        result, failure = box
        if isinstance(failure, Exception):
            raise failure
        return cast("T", result)

    def barrier(self) -> None:
        """Wait for all processes.

        Raises:
            RunError: naming those that do not come in time.
        """
        if self.n > 1:
            import torch.distributed as dist

            with _told():
                dist.monitored_barrier(self._group, timedelta(seconds=limit()), wait_all_ranks=self.main)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Say in one line which process is missing; the libraries say it in a screenful."""
    try:
        yield
    except RuntimeError as error:
        text = first_line(error)
        if "monitoredBarrier" in text and "anks" in text:
            raise RunError(
                f"a process does not answer ({text}); the limit is {limit():g} s, set {LIMIT} for another"
            ) from None
        if any(word in text for word in ("losed by peer", "reset by peer", "imed out", "monitoredBarrier", "gloo")):
            raise RunError(f"another process of this run is gone or hangs ({text})") from None
        raise
