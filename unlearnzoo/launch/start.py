"""Start the processes of a run through accelerate's launcher and wait for them."""

import contextlib
import json
import logging
import os
import signal
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from ..errors import OptionError, RunError
from ..terminal import write_out
from .configs import Launch
from .worker import ENDS, handed_over

#: Without GPUs, and nothing said.
_CPU_PROCESSES = 2


def how_many(asked: int | None, launch: Launch) -> int:
    """Return the number of processes, over all machines: as asked, as a user's own file says, or one per GPU.

    Raises:
        OptionError: more than the machine has GPUs (of several machines only this one is known), or a file that
            leaves the GPUs unused.
    """
    import torch

    gpus, machines = torch.cuda.device_count(), launch.number("num_machines", 1)
    if gpus and launch.content.get("use_cpu"):
        raise OptionError("--launch: use_cpu: true: this machine has GPUs; take it out, or set CUDA_VISIBLE_DEVICES=''")
    if asked is not None and gpus and asked > gpus and machines == 1:
        raise OptionError(f"--processes {asked}: this machine has {gpus} GPUs; each process needs one of its own")
    return asked or launch.number("num_processes", 0) or machines * (gpus or _CPU_PROCESSES)


def start(launch: Launch, processes: int, module: str, arguments: Sequence[str]) -> int:
    """Run a module with these arguments in several processes; return the main one's exit code.

    Args:
        launch: how.
        processes: how many, over all machines.
        module: what ``python -m`` would run.
        arguments: of the module.

    Raises:
        RunError: a process died; names it.
    """
    # Launchers on several machines meet at the port that their file names; on one any free port will do.
    port = ["--main_process_port", "0"] if launch.number("num_machines", 1) == 1 else []
    with _surroundings(processes) as ends:
        file = _write(launch, ends)
        given = ["--config_file", str(file), "--num_processes", str(processes), *port, "--module", module, *arguments]
        code = _run(given, processes, ends)
        write_out(handed_over(ends))
    return code


def _run(given: list[str], processes: int, ends: Path) -> int:
    """Run accelerate's launcher; return the main process's exit code, or raise for a process that died."""
    from accelerate.commands.launch import launch_command, launch_command_parser
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    try:
        launch_command(launch_command_parser().parse_args(given))
    except SignalException as error:
        if error.sigval == signal.SIGINT:
            raise KeyboardInterrupt from None
        return 128 + int(error.sigval)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if not (ends / str(rank)).exists():
            raise RunError(f"rank {rank} of {processes} {_how(failure.exitcode)}; the others were stopped") from None
        return int((ends / str(rank)).read_text() or 1)
    main = ends / "0"
    return int(main.read_text()) if main.exists() else 0


def _write(launch: Launch, folder: Path) -> Path:
    """Write what accelerate and DeepSpeed are to be given."""
    import yaml

    content = dict(launch.content)
    if launch.deepspeed is not None:
        (folder / "deepspeed.json").write_text(json.dumps(launch.deepspeed))
        part = cast("dict[str, object]", content["deepspeed_config"])
        content["deepspeed_config"] = part | {"deepspeed_config_file": str(folder / "deepspeed.json")}
    (folder / "launch.yaml").write_text(yaml.safe_dump(content))
    return folder / "launch.yaml"


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
        # The file alone says how: no variable of the user's is to count beside it.
        for name in [name for name in os.environ if name.startswith("ACCELERATE_")]:
            del os.environ[name]
        os.environ[ENDS] = folder
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
        try:
            yield Path(folder)
        finally:
            os.environ.clear()
            os.environ.update(before)
