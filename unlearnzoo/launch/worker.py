"""One of several processes: who speaks, and how it ends.

All processes of a run meet the same errors. Only the main one prints them, and a process reports its failure to the
launcher only when all have ended: the launcher kills the others as soon as one fails, the main one perhaps while it
writes its record.
"""

import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ..training.distributed.environment import processes, rank

__all__ = ["ended", "follow_parent", "hand_over", "handed_over", "rank", "records", "several", "speaks", "started_here"]
#: Where processes that this package started leave their exit codes; absent under other launchers.
ENDS = "UNLEARNZOO_ENDS"
_WAIT = 10.0


def several() -> bool:
    """Return whether this is one of several processes, whoever started them."""
    return processes() > 1


def started_here() -> bool:
    """Return whether ``--launch`` started this process."""
    return ENDS in os.environ


@contextlib.contextmanager
def records(asked: Path) -> Iterator[Path]:
    """Return where records go: of several processes only the main one's are kept."""
    if rank() == 0:
        yield asked
        return
    with tempfile.TemporaryDirectory(prefix="unlearnzoo-") as folder:
        yield Path(folder)


def hand_over(text: str) -> None:
    """Leave what the process that started this one is to print."""
    _output(Path(os.environ[ENDS])).write_text(text, encoding="utf-8")


def handed_over(ends: Path) -> str:
    """Return what the main process left to be printed.

    Args:
        ends: the folder that ``ENDS`` named.
    """
    output = _output(ends)
    return output.read_text(encoding="utf-8") if output.exists() else ""


def _output(ends: Path) -> Path:
    return ends / "stdout"


def follow_parent() -> None:
    """End with the launcher, however that ends: no orphan goes on training."""
    if started_here() and sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def speaks(code: int) -> bool:
    """Return whether this process is to print why it ends; others wait for the main one's word."""
    if rank() == 0 or not started_here():
        return True
    _end(rank()).write_text(str(code))
    return not _await([0])


def ended(code: int) -> int:
    """Return the exit code for the launcher: 0 where all processes ended for the same reason."""
    if not several() or not started_here():
        return code
    _end(rank()).write_text(str(code))
    others = [r for r in range(processes()) if r != rank()]
    return 0 if code == 0 or _await(others) else code


def _await(ranks: list[int]) -> bool:
    until = time.monotonic() + _WAIT
    while not all(_end(r).exists() for r in ranks):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _end(number: int) -> Path:
    return Path(os.environ[ENDS]) / str(number)
