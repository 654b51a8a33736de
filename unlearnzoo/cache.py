"""Where generated data and trained targets are kept between runs."""

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

from .errors import CacheWarning, ZooError


def folder(*parts: str) -> Path:
    """Return a folder below the cache, created, readable by its owner only.

    ``UNLEARNZOO_CACHE`` names another place than the user's cache folder. A trained target *is*
    the secret that unlearning is about, hence the permissions.
    """
    from platformdirs import user_cache_path

    root = os.environ.get("UNLEARNZOO_CACHE")
    path = Path(root).expanduser() if root else user_cache_path("unlearnzoo")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = path.joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Make something of the cache while no other process makes the same: the second waits, and finds it there.

    Where no lock can be kept (a full disk, a read-only one), both make it, as they always may.
    """
    from filelock import FileLock

    lock = FileLock(path.parent / f".{path.name}.lock")
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, NotImplementedError):
            stack.enter_context(lock)
        yield


@contextlib.contextmanager
def best_effort(what: str, path: Path) -> Iterator[None]:
    """Keep something for the next run; a full disk is a warning, since this run has it in memory."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError, ZooError) as error:
        reason = str(error).splitlines()[0].removeprefix(f"{path}: ")
        warnings.warn(f"{what} is not kept for the next run: {path}: {reason}", CacheWarning, stacklevel=3)
