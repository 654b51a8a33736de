"""Points as jobs of a cluster, by submitit: it writes the job scripts and asks the scheduler."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import OptionError, RunError, first_line
from ..storage.atomic import atomic_write
from ..storage.documents import read_json
from .local import command, open_log
from .state import JOB, LOG, Point, ended, make_folder

if TYPE_CHECKING:
    from submitit import AutoExecutor, Job

_POLL = {"slurm": 15.0, "local": 0.2}


def run(words: Sequence[str], log: str) -> int:
    """Do one point on whatever machine this is; its result is a file, so nothing goes back through submitit."""
    with os.fdopen(open_log(Path(log)), "wb") as out:
        return subprocess.run(list(words), stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False).returncode


def work(
    points: Sequence[Point],
    cluster: str,
    parameters: Mapping[str, object],
    home: Path,
    module: str,
    on_end: Callable[[Point], None],
) -> None:
    """Submit points and wait for them; Ctrl-C cancels them all. Jobs of an earlier call are waited for, not doubled.

    Args:
        points: what is to be done.
        cluster: ``slurm``, or ``local`` for processes of this machine.
        parameters: for ``AutoExecutor.update_parameters``: ``timeout_min``, ``slurm_partition``, ``gpus_per_node``.
        home: the sweep's folder; the nodes must see it.
        module: see ``local.command``.
        on_end: told each point that ended.

    Raises:
        RunError: submitit is not installed.
        OptionError: a parameter is unknown to it.
    """
    place = home / "jobs"
    executor = _executor(place, cluster, parameters)
    attached = {point: _attach(cluster, place, point) for point in points}
    waiting = {point: job for point, job in attached.items() if job is not None}
    fresh = [point for point in points if point not in waiting]
    try:
        with executor.batch():
            for point in fresh:
                make_folder(point.folder)
                waiting[point] = executor.submit(run, command(point, module), str((point.folder / LOG).resolve()))
        for point in fresh:
            atomic_write(point.folder / JOB, json.dumps({"cluster": cluster, "id": waiting[point].job_id}).encode())
        _wait(waiting, _POLL[cluster], on_end)
    except BaseException:
        for job in waiting.values():
            job.cancel(check=False)
        raise


def _executor(place: Path, cluster: str, parameters: Mapping[str, object]) -> "AutoExecutor":
    try:
        import submitit
    except ImportError:
        raise RunError("--cluster needs submitit: pip install 'unlearnzoo[cluster]'") from None
    make_folder(place)
    executor = submitit.AutoExecutor(folder=place, cluster=cluster)
    try:
        executor.update_parameters(**{"name": "unlearnzoo", "timeout_min": 240, **parameters})
    except (TypeError, ValueError, NameError, AssertionError) as error:
        raise OptionError(f"cluster: {first_line(error)}") from None
    return executor


def _wait(waiting: "dict[Point, Job[int]]", poll: float, on_end: Callable[[Point], None]) -> None:
    while waiting:
        for point, job in list(waiting.items()):
            if job.done():
                del waiting[point]
                # A job that was killed by its scheduler wrote no result.
                ended(point, 1)
                (point.folder / JOB).unlink(missing_ok=True)
                on_end(point)
        time.sleep(poll if waiting else 0)


def _attach(cluster: str, place: Path, point: Point) -> "Job[int] | None":
    """Return the job of an earlier call that is not over yet, or None."""
    try:
        known = read_json(point.folder / JOB)
    except (OSError, ValueError):
        return None
    if not isinstance(known, dict) or known.get("cluster") != cluster or cluster == "local":
        return None  # those end with their sweep
    number = str(known.get("id"))
    if not re.fullmatch(r"\d+(_\d+)?", number):
        return None  # not what submitit wrote
    import submitit

    job: Job[int] = submitit.SlurmJob(folder=place, job_id=number)
    return None if job.done(force_check=True) else job
