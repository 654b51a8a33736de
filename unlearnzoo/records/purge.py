"""Remove what still holds the people whom a run forgot: adapters, samples, caches.

A target adapter *is* the secret that unlearning is about, and samples quote it.
"""

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..storage.atomic import atomic_write, write_error
from ..storage.cache import cache_folder, partial_target
from .record import CHECKPOINT, RUN, SAMPLES

ADAPTER = "adapter"
#: A record is a file that anybody may have edited: nothing else is taken for a name in the cache.
_NAME = re.compile(r"[0-9a-f]{20}(-(base|target)\.parquet)?")


def holdings(folder: Path, record: Mapping[str, Any] | None) -> list[Path]:
    """Return what a run left that holds people's data, its scores apart; only what is there.

    Args:
        folder: the run's.
        record: from ``reading.load``; None where it is damaged, so that its target in the cache is unknown.
    """
    target = (record or {}).get("target") or {}
    found = [folder / ADAPTER, folder / SAMPLES, folder / CHECKPOINT]
    names = [str(name) for name in (target.get("key"), *(target.get("judged") or ()))]
    for name in filter(_NAME.fullmatch, names):
        if name.endswith(".parquet"):
            found.append(cache_folder("judged") / name)
        else:
            found += [cache_folder("targets") / name, partial_target(name)]
    return [path for path in found if path.exists() or path.is_symlink()]


def size(path: Path) -> int:
    """Return the bytes of a file or of all files in a folder; a link counts as itself."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(p.lstat().st_size for p in path.rglob("*") if not p.is_dir())


def remove(paths: Iterable[Path], records: Iterable[Mapping[str, Any]]) -> None:
    """Remove files and folders (never what a link points to), and say so in the records.

    Raises:
        RunError: something cannot be removed; what was removed before it stays so.
    """
    for path in paths:
        try:
            if path.is_symlink() or not path.is_dir():
                path.unlink()
            else:
                shutil.rmtree(path)
        except FileNotFoundError:
            continue  # below a folder that went before
        except OSError as error:
            raise write_error(path, error) from None
    for record in records:
        file = Path(record["folder"]) / RUN
        found = json.loads(file.read_bytes()) | {"purged": datetime.now(UTC).isoformat(timespec="seconds")}
        atomic_write(file, json.dumps(found, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
