"""Start the processes of a run through accelerate's launcher and wait for them."""

import contextlib
import logging
import os
import signal
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import OptionError, RunError
from .worker import ENDS

#: Without GPUs, and nothing said.
_CPU_PROCESSES = 2


def how_many(asked: int | None, file: Path) -> int:
    """Return the number of processes, over all machines: as asked, as a user's own file says, or one per GPU.

    Raises:
        OptionError: more than the machine has GPUs; of several machines only this one is known.
    """
    import torch

    gpus, machines = torch.cuda.device_count(), _machines(file)
    if asked is not None and gpus and asked > gpus and machines == 1:
        raise OptionError(f"--processes {asked}: this machine has {gpus} GPUs; each process needs one of its own")
    written = _read(file).get("num_processes") or -1
    return asked or (written if written > 0 else machines * (gpus or _CPU_PROCESSES))


def _machines(file: Path) -> int:
    return max(1, _read(file).get("num_machines") or 1)


def _read(file: Path) -> dict[str, Any]:
    import yaml

    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return content


def start(file: Path, processes: int, module: str, arguments: Sequence[str]) -> int:
    """Run a module with these arguments in several processes; return the main one's exit code.

    Args:
        file: of accelerate's form.
        processes: how many, over all machines.
        module: what ``python -m`` would run.
        arguments: of the module.

    Raises:
        RunError: a process died; names it.
    """
    from accelerate.commands.launch import launch_command, launch_command_parser
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # Launchers on several machines meet at the port that their file names; on one any free port will do.
    port = ["--main_process_port", "0"] if _machines(file) == 1 else []
    given = ["--config_file", str(file), "--num_processes", str(processes), *port, "--module", module, *arguments]
    with _surroundings(processes) as ends:
        try:
            launch_command(launch_command_parser().parse_args(given))
        except SignalException as error:
            if error.sigval == signal.SIGINT:
                raise KeyboardInterrupt from None
            return 128 + int(error.sigval)
        except ChildFailedError as error:
            rank, failure = error.get_first_failure()
            if not (ends / str(rank)).exists():
                raise RunError(
                    f"rank {rank} of {processes} {_how(failure.exitcode)}; the others were stopped"
                ) from None
            return int((ends / str(rank)).read_text() or 1)
        main = ends / "0"
        return int(main.read_text()) if main.exists() else 0


def _how(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}" + (" (out of memory?)" if code == -signal.SIGKILL else "")
    return f"ended with code {code}"


@contextlib.contextmanager
def _surroundings(processes: int) -> Iterator[Path]:
    """Set what the processes need, and keep the launcher's own log out of the user's terminal."""
    quiet = [
        logging.getLogger(name)
        for name in ("torch.distributed.elastic", "torch.distributed.run", "torch.distributed.launcher", "accelerate")
    ]
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="unlearnzoo-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in quiet:
            logger.setLevel(logging.CRITICAL)
        os.environ[ENDS] = folder
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
        try:
            yield Path(folder)
        finally:
            os.environ.clear()
            os.environ.update(before)
