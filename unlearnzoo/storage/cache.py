"""Where generated data and trained targets are kept between runs."""

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

from ..errors import CacheWarning, RunError, ZooError, first_line

#: Says that a folder is a cache and nothing else (https://bford.info/cachedir/): backups leave it out.
TAG, SIGNATURE = "CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55"
#: Other tools write such files too; by this line it is ours.
_OURS = "# What unlearnzoo keeps between runs."


def cache_folder(*parts: str) -> Path:
    """Return a folder below the cache, created, readable by its owner only.

    ``UNLEARNZOO_CACHE`` names another place than the user's cache folder. A trained target *is*
    the secret that unlearning is about, hence the permissions.
    """
    from platformdirs import user_cache_path

    root = os.environ.get("UNLEARNZOO_CACHE")
    path = Path(root).expanduser() if root else user_cache_path("unlearnzoo")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not any(path.iterdir()):
        with contextlib.suppress(OSError):  # a full disk, or a read-only one
            (path / TAG).write_text(f"{SIGNATURE}\n{_OURS}\n")
    path = path.joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


def contents() -> list[Path]:
    """Return what lies in the cache.

    Raises:
        RunError: ``UNLEARNZOO_CACHE`` names a folder that held something else before, or another tool's cache.
    """
    root = cache_folder()
    entries = sorted(root.iterdir())
    if os.environ.get("UNLEARNZOO_CACHE") and entries and not _is_ours(root / TAG):
        names = ", ".join(path.name for path in entries[:6])
        raise RunError(
            f"{root}: UNLEARNZOO_CACHE named a folder that was not empty, so what else lies there would go "
            f"with the cache; remove the cache's part of it yourself ({names}, ...)"
        )
    return entries


def _is_ours(tag: Path) -> bool:
    """Return whether a cache's tag was written by us."""
    if tag.is_symlink() or not tag.is_file() or tag.stat().st_size > 1024:
        return False
    return _OURS in tag.read_text("utf-8", "replace").splitlines()


@contextlib.contextmanager
def best_effort(what: str, path: Path) -> Iterator[None]:
    """Keep something for the next run; a full disk is a warning, since this run has it in memory."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError, ZooError) as error:
        reason = first_line(error).removeprefix(f"{path}: ")
        warnings.warn(f"{what} is not kept for the next run: {path}: {reason}", CacheWarning, stacklevel=3)


def partial_target(key: str) -> Path:
    """Return where the checkpoints of a stage 1 lie: any command that needs this target resumes from them."""
    return cache_folder("targets") / f"{key}-partial"
