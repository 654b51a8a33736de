"""Remove what still holds the people whom a run forgot: adapters, samples, caches.

A target adapter *is* the secret that unlearning is about, and samples quote it.
"""

import json
import re
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from ..storage.atomic import write_error
from ..storage.cache import cache_folder, partial_target
from .run_file import CHECKPOINT, RUN, SAMPLES, locked, write
from .types import RunRecord

ADAPTER = "adapter"
#: A record is a file that anybody may have edited: nothing else is taken for a name in the cache.
_NAME = re.compile(r"[0-9a-f]{20}(-(base|target)\.parquet)?")

#: How a run's folder is called: its time, algorithm, benchmark and configuration.
_RUN_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ_.+_[0-9a-f]{8}(-\d+)?")


def holdings(folder: Path, record: RunRecord | None) -> list[Path]:
    """Return what a run left that holds people's data, its scores apart; only what is there.

    Args:
        folder: the run's.
        record: from ``store.load``; None where it is damaged, so that its target in the cache is unknown.
    """
    target = record.get("target") or {} if record else {}
    paths = [folder / ADAPTER, folder / SAMPLES, folder / CHECKPOINT]
    names = [str(name) for name in (target.get("key"), *(target.get("judged") or ()))]
    for name in filter(_NAME.fullmatch, names):
        if name.endswith(".parquet"):
            paths.append(cache_folder("judged") / name)
        else:
            paths += [cache_folder("targets") / name, partial_target(name)]
    return [path for path in paths if path.exists() or path.is_symlink()]


def not_ours(folder: Path, record: RunRecord | None) -> str | None:
    """Say why a folder is not one that a run left; None where it is.

    Args:
        folder: by any name.
        record: from ``store.load``; None where it has none, or a damaged one: then the folder's name tells.
    """
    if folder.is_symlink():
        return "a link, and nothing is removed through one; name the folder that it points to"
    if record is not None or (_RUN_NAME.fullmatch(folder.name) and (folder / RUN).is_file()):
        return None
    return "no run's folder; it has no record of one"


def size(path: Path) -> int:
    """Return the bytes of a file or of all files in a folder; a link counts as itself."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(p.lstat().st_size for p in path.rglob("*") if not p.is_dir())


def refuse_running(folders: Iterable[Path]) -> None:
    """Refuse to touch runs that go on.

    Raises:
        RunError: another process works on one of them, by name.
    """
    for folder in folders:
        with locked(folder):
            pass


def purge(folder: Path, record: RunRecord | None) -> None:
    """Remove what a run left that holds people's data, and say so in its record.

    Args:
        folder: the run's.
        record: as of ``holdings``.

    Raises:
        RunError: it is running, or something cannot be removed; what was removed before it stays so.
    """
    if record is None and not holdings(folder, None):
        return
    with locked(folder):
        remove(holdings(folder, record))
        if record is not None:
            # Read again, without the types: nothing that this version does not know is lost.
            fields = json.loads((folder / RUN).read_bytes())
            write(folder, fields | {"purged": datetime.now(UTC).isoformat(timespec="seconds")})


def remove(paths: Iterable[Path]) -> None:
    """Remove files and folders, never what a link points to.

    Raises:
        RunError: one cannot be removed; what was removed before it stays so.
    """
    for path in paths:
        try:
            if path.is_symlink() or not path.is_dir():
                path.unlink()
            else:
                shutil.rmtree(path)
        except FileNotFoundError:
            continue  # shared with another run, or below a folder that went before
        except OSError as error:
            raise write_error(path, error) from None
