"""Points as processes of this machine, several at a time; none outlives the sweep."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ..storage.atomic import open_own, write_error
from .state import LOG, RUNS, Point, ended, make_folder

#: Seconds a point has to write down that it was interrupted.
GRACE = 30.0
_POLL = 0.1
OnEnd = Callable[[Point], None]


def threads(jobs: int) -> int:
    """Return the threads of each of so many processes: the cores that this one may use, shared out."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = max(1, cores // jobs)
    given = os.environ.get("OMP_NUM_THREADS", "")
    return min(share, int(given)) if given.isdigit() and int(given) else share


def work(points: Sequence[Point], jobs: int, module: str, on_end: OnEnd) -> None:
    """Run points, at most ``jobs`` at a time; Ctrl-C ends them all and goes on to the caller.

    Args:
        points: in the order in which they are started.
        jobs: processes at a time.
        module: see ``command``.
        on_end: told each point that ended, however it did.
    """
    waiting, running = list(points), list[_Child]()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(_Child(waiting.pop(0), module, threads(jobs)))
            for child in [c for c in running if c.process.poll() is not None]:
                running.remove(child)
                child.close()
                ended(child.point, child.process.returncode)
                on_end(child.point)
            time.sleep(_POLL)
    finally:
        _stop(running)


class _Child:
    """One point at work.

    It is the head of a process group of its own and holds the reading end of a pipe whose writing end
    only the sweep has: when the sweep is gone, however it went, the pipe closes and the group ends itself.
    """

    def __init__(self, point: Point, module: str, n_threads: int) -> None:
        self.point = point
        make_folder(point.folder)
        log = open_log(point.folder / LOG)
        reading, self.pipe = os.pipe()
        try:
            self.process = subprocess.Popen(
                command(point, module, reading),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(reading,),
                start_new_session=True,
                env=os.environ | {"OMP_NUM_THREADS": str(n_threads), "COLUMNS": "100"},
            )
        finally:
            os.close(log)
            os.close(reading)

    def close(self) -> None:
        """Let go of the pipe."""
        os.close(self.pipe)

    def signal(self, number: int) -> None:
        """Send a signal to the point and whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def open_log(path: Path) -> int:
    """Open the log of a point, emptied.

    Raises:
        RunError: it cannot be written, or is a link by now.
    """
    try:
        log = open_own(path)
        os.ftruncate(log, 0)
    except OSError as error:
        raise write_error(path, error) from None
    return log


def command(point: Point, module: str, pipe: int | None = None) -> list[str]:
    """Return the command that does a point and writes its result.

    Args:
        point: what is to be done.
        module: what Python runs, with the point's folder, the pipe and the command line.
        pipe: file descriptor whose other end the sweep holds; None where nothing does.
    """
    home = point.folder.resolve()
    return [
        sys.executable,
        "-m",
        module,
        str(home),
        str(-1 if pipe is None else pipe),
        *point.argv,
        "--runs-dir",
        str(home / RUNS),
    ]


def _stop(running: Sequence[_Child]) -> None:
    """End what still works: first as Ctrl-C does, then for good; a second Ctrl-C does not wait."""
    try:
        for child in running:
            child.signal(signal.SIGINT)
        last = time.monotonic() + GRACE
        while time.monotonic() < last and any(child.process.poll() is None for child in running):
            time.sleep(_POLL)
    finally:
        for child in running:
            child.signal(signal.SIGKILL)
            child.process.wait()
            child.close()
