"""``run.json`` on the disk: what it is called, who may write it, and its only writer."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..errors import RunError
from ..storage.atomic import atomic_write, file_hash, private_folder, refuse_link, refuse_links, write_error
from ..storage.locks import Lock, holder_file

#: What is written, and what is read: 1 is of unlearnzoo 0.1.
SCHEMA, READABLE = 2, (1, 2)
RUN, STEPS, SAMPLES, ADAPTER, CHECKPOINT = "run.json", "steps.jsonl", "samples.parquet", "adapter", "checkpoint"
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


def new_folder(runs_dir: Path, name: str) -> Path:
    """Make a folder that no other run has, though it start in the same second; the owner's alone.

    Raises:
        RunError: it cannot be written.
    """
    try:
        private_folder(runs_dir)
        for number in range(1, 10_000):
            folder = runs_dir / (name if number == 1 else f"{name}-{number}")
            try:
                # Answers and predictions are about people.
                os.mkdir(folder, 0o700)
            except FileExistsError:
                continue
            return folder
    except OSError as error:
        raise write_error(runs_dir, error) from None
    raise RunError(f"{runs_dir}: there are too many folders named {name}")


def hashes(folder: Path, name: str) -> dict[str, str]:
    """Return the SHA-256 of a run's file, or of all files below a folder of it, by their paths in the run's folder.

    Links are left out: a run leaves none.
    """
    place = folder / name
    files = [] if place.is_symlink() else [place, *sorted(place.rglob("*"))]
    known = [path for path in files if path.is_file() and not path.is_symlink()]
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in known}


def write(folder: Path, fields: Mapping[str, object]) -> None:
    """Replace ``run.json`` as a whole; whoever calls it holds the lock, or has just made the folder.

    Args:
        folder: of the run.
        fields: JSON values, all that the file is to hold.

    Raises:
        RunError: it cannot be written, or the folder has become a link; the old one is still there.
    """
    refuse_link(folder)
    text = json.dumps(fields, indent=2, ensure_ascii=False, allow_nan=False)
    atomic_write(folder / RUN, text.encode("utf-8", "backslashreplace") + b"\n")
