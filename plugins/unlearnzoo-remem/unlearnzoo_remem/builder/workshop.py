"""The folder OUT.part that a build works in: it goes on after a kill, and becomes OUT when all is done.

Unlike a folder of the cache (``build_once``), which is thrown away when a process is killed: here hours of drawing and
comparing photographs are kept, in a place that the user sees and may remove.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from unlearnzoo import OptionError, atomic_write, write_error
from unlearnzoo.errors import RunError

_ORDER, _LOCK = "order.json", ".lock"
PARTS = "people"


@contextlib.contextmanager
def workshop(out: Path, order: Mapping[str, Any]) -> Iterator[Path]:
    """Enter OUT.part, and rename it to OUT in the end.

    Args:
        out: a folder that is not there yet, or is empty.
        order: everything that decides the content; of a build that was stopped it must be the same.

    Raises:
        OptionError: OUT is taken, or OUT.part is another build's.
        RunError: the disk cannot be written, or another process builds the same.
    """
    from filelock import FileLock, Timeout

    out = Path(os.path.abspath(out))
    refuse_taken(out)
    part = out.with_name(f"{out.name}.part")
    try:
        part.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(part / _LOCK, timeout=0):
            refuse_taken(out)
            _enter(part, order)
            yield part
            shutil.rmtree(part / PARTS)
            (part / _ORDER).unlink()
            part.rename(out)
            (out / _LOCK).unlink(missing_ok=True)
    except Timeout:
        raise RunError(f"{out}: another process is building it") from None
    except OSError as error:
        raise write_error(part, error) from None


def refuse_taken(out: Path) -> None:
    """Refuse a file, a link and a folder that holds anything.

    Raises:
        OptionError: saying which.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise OptionError(f"OUT {out}: is no folder; give the name of a new one")
    if out.is_dir() and any(out.iterdir()):
        raise OptionError(f"OUT {out}: exists and is not empty; give the name of a new folder")


def _enter(part: Path, order: Mapping[str, Any]) -> None:
    """Begin in an empty folder, or check that the same build left this one."""
    wanted = json.loads(json.dumps(order))
    if all(path.name.startswith(".") for path in part.iterdir()):
        atomic_write(part / _ORDER, json.dumps(order, indent=1).encode())
    try:
        left = json.loads((part / _ORDER).read_text("utf-8"))
    except (OSError, ValueError):
        raise OptionError(f"{part}: is in the way, and no unfinished build; remove it, or name another OUT") from None
    if left != wanted:
        other = sorted(key for key in {*left, *wanted} if left.get(key) != wanted.get(key))
        raise OptionError(
            f"{part}: was left by a build with other options ({', '.join(other)}); give that command "
            "again, remove the folder, or name another OUT"
        )
    (part / PARTS).mkdir(mode=0o700, exist_ok=True)
    for stray in (*part.glob(".*-*"), *part.glob(f"{PARTS}/.*-*")):  # of a write that was killed
        stray.unlink()
