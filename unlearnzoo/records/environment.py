"""Where a run happened: versions of what it stands on, the state of the checkout, and how fast the machine was."""

import os
import platform
import subprocess
import time
from importlib import metadata
from pathlib import Path

from .. import __version__
from .types import Git, Machine

PACKAGES = ("torch", "transformers", "peft", "accelerate", "datasets")
#: The matrix product that is timed, so that seconds of shared or different machines can be compared.
SIZE, REPEATS = 1024, 5
#: A network disk may hang; a record can do without.
_PATIENCE = 10


def versions() -> dict[str, str | None]:
    """Return the version of each package (None where it is not installed), Python and platform.

    Nothing is imported for it.
    """
    installed: dict[str, str | None] = {"unlearnzoo": __version__}
    for name in PACKAGES:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            installed[name] = None
    return {"python": platform.python_version(), "platform": platform.platform(), **installed}


def git(folder: Path) -> Git | None:
    """Return commit and whether tracked files were changed; None outside a checkout."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if not commit:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": None if changed is None else bool(changed)}


def _git(folder: Path, *arguments: str) -> str | None:
    # A checkout's own settings can name programs to run; recording must run none of them.
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_PATIENCE)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def calibration() -> Machine:
    """Time a matrix product, which takes a few hundredths of a second.

    Returns:
        ``matmul_gflops`` (median, fp32, on the CPU), ``threads`` and ``cores``.
    """
    import torch

    a, b = torch.ones(SIZE, SIZE), torch.ones(SIZE, SIZE)
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    rate = 2 * SIZE**3 / sorted(seconds)[REPEATS // 2] / 1e9
    return {"matmul_gflops": round(rate, 1), "threads": torch.get_num_threads(), "cores": os.cpu_count()}
