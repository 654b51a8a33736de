"""Keep generated data in the user's cache: made once, whole or not at all."""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

from unlearnzoo import cache_folder
from unlearnzoo_remem.generate.plan import Spec, address
from unlearnzoo_remem.generate.write import write

STAMP = "complete.json"


def generated(spec: Spec) -> Path:
    """Return the folder of the data of a spec, generating them where they are missing or damaged.

    They are written beside their place and renamed into it, under a lock: of two processes the
    second waits, and one that is killed leaves nothing that could be taken for data.

    Raises:
        OptionError: the spec cannot be met.
        OSError: the cache folder cannot be written.
    """
    from filelock import FileLock

    home = cache_folder("remem")
    place = home / address(spec)
    with FileLock(home / f".{place.name}.lock"):
        if not is_whole(place):
            _make(spec, place)
    return place


def is_whole(place: Path) -> bool:
    """Return whether a folder holds what was written into it, byte for byte."""
    try:
        stamp = json.loads((place / STAMP).read_text(encoding="utf-8"))
        return bool(stamp) and stamp == _digests(place)
    except (OSError, ValueError):
        return False


def _make(spec: Spec, place: Path) -> None:
    prefix = f".{place.name}."
    for left in place.parent.glob(f"{prefix}*.part"):  # of a killed process: we hold the lock
        shutil.rmtree(left, ignore_errors=True)
    part = Path(tempfile.mkdtemp(prefix=prefix, suffix=".part", dir=place.parent))
    try:
        write(spec, part)
        (part / STAMP).write_text(json.dumps(_digests(part), indent=1), encoding="utf-8")
        if place.exists():  # damaged; a reader that has it open keeps its files
            place.rename(tempfile.mkdtemp(prefix=prefix, suffix=".part", dir=place.parent))
        part.rename(place)
    finally:
        for left in place.parent.glob(f"{prefix}*.part"):
            shutil.rmtree(left, ignore_errors=True)


def _digests(place: Path) -> dict[str, str]:
    found = {}
    for path in sorted(place.glob("data/*")):
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
