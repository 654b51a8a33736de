"""``run.json`` on the disk: what it is called, who may write it, and its only writer."""

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..errors import RunError
from ..storage.atomic import atomic_write, write_error
from ..storage.locks import Lock, holder_file

#: What is written, and what is read: 1 is of unlearnzoo 0.1.
SCHEMA, READABLE = 2, (1, 2)
RUN, STEPS, SAMPLES, CHECKPOINT = "run.json", "steps.jsonl", "samples.parquet", "checkpoint"
_LOCK = "lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run's folder: one process at a time changes what is in it, or its ``run.json`` would lose keys.

    Where nothing else is in ``checkpoint/``, the folder of the lock goes at the end.

    Raises:
        RunError: another process has it, it cannot be written, or a link would lead the writing elsewhere.
    """
    place = folder / CHECKPOINT
    refuse_links(place)
    try:
        place.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise write_error(place, error) from None
    with Lock(place / _LOCK) as lock:
        if not lock.held:
            raise RunError(f"{folder}: it is running ({lock.holder}); wait for it, or stop it first")
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                if {path.name for path in place.iterdir()} <= {_LOCK, holder_file(_LOCK)}:
                    shutil.rmtree(place)


def refuse_links(place: Path) -> None:
    """Refuse what is a link or holds one: a run's folder may have been sent, and writing would follow it out.

    Raises:
        RunError: naming the link.
    """
    for path in (place, *(place.rglob("*") if place.is_dir() and not place.is_symlink() else ())):
        if path.is_symlink():
            raise RunError(
                f"{path}: a link, which a run never leaves; remove it, or put in its place what it points to"
            )


def write(folder: Path, fields: Mapping[str, object]) -> None:
    """Replace ``run.json`` as a whole; whoever calls it holds the lock, or has just made the folder.

    Args:
        folder: of the run.
        fields: JSON values, all that the file is to hold.

    Raises:
        RunError: it cannot be written; the old one is still there.
    """
    text = json.dumps(fields, indent=2, ensure_ascii=False, allow_nan=False)
    atomic_write(folder / RUN, text.encode("utf-8", "backslashreplace") + b"\n")
