"""A user's photographs: a folder each person, looked at before any of them is used.

The folder may come from somebody else. Nothing outside it is read: links are refused, and so is
what is no plain file. Pictures are written anew, so that no place or camera stays in them.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unlearnzoo import DataError, LazyImage, Problems

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES = 100_000_000
_TEST = "test"


@dataclass(frozen=True)
class Photo:
    """A picture as the user gave it.

    Attributes:
        path: where it lies.
        name: relative to the person's folder.
        test: it lies in the folder ``test``.
        digest: SHA-256 of the file.
    """

    path: Path
    name: str
    test: bool
    digest: str


def find_photos(folder: Path) -> dict[str, list[Photo]]:
    """Return each person's pictures by the name of their folder, the anchor first.

    Raises:
        DataError: everything in the folder that cannot be used.
        OSError: it cannot be read.
    """
    problems = Problems(str(folder))
    found: dict[str, list[Photo]] = {}
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        if entry.name.startswith("."):
            continue
        if entry.is_symlink():
            problems.add(f"{entry.name!r} is a link; copy the folder itself", kind="links")
        elif not entry.is_dir():
            problems.add(
                f"{entry.name!r} is no folder; pictures lie in a folder each person", kind="files that are no folder"
            )
        elif photos := list(_photos(Path(entry), entry.name, problems)):
            found[entry.name] = sorted(photos, key=_order)
        else:
            problems.add(f"{entry.name!r} holds no picture", kind="empty folders")
    _check_twice(found, problems)
    problems.stop()
    if len(found) < 2:
        raise DataError(f"{folder}: holds folders of {len(found)} people; forgetting one needs at least two")
    return found


def open_photo(photo: Photo) -> "Image":
    """Decode a picture: upright, RGB, and without what a camera wrote beside the pixels.

    Raises:
        DataError: it cannot be decoded, or is another one than before.
    """
    return LazyImage(lambda: _same(photo), str(photo.path)).open()


def _same(photo: Photo) -> bytes:
    content = _read(photo.path)
    if hashlib.sha256(content).hexdigest() != photo.digest:
        raise ValueError("it was changed while it was being read")
    return content


def _photos(folder: Path, person: str, problems: Problems, test: bool = False) -> Iterator[Photo]:
    for entry in os.scandir(folder):
        path, name = Path(entry), f"{_TEST}/{entry.name}" if test else entry.name
        if entry.name.startswith("."):
            continue
        if entry.is_symlink():
            problems.add(f"{person}: {name!r} is a link; copy the picture itself", kind="linked pictures")
        elif entry.is_dir() and entry.name == _TEST and not test:
            yield from _photos(path, person, problems, test=True)
        elif not entry.is_file():
            problems.add(
                f"{person}: {name!r} is no picture; only a folder named {_TEST} may lie here", kind="other entries"
            )
        else:
            try:
                yield Photo(path, name, test, _digest(path))
            except ValueError as error:
                problems.add(f"{person}: {name!r} {error}", kind="unreadable pictures")


def _digest(path: Path) -> str:
    """Hash a picture once its header has been looked at."""
    content = _read(path)
    if wrong := LazyImage(lambda: content, "").problem():
        raise ValueError(wrong)
    return hashlib.sha256(content).hexdigest()


def _read(path: Path) -> bytes:
    """Read a plain file, and follow no link that was put in its place since."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
            raise ValueError(f"is no plain file of at most {MOST_BYTES // 1_000_000} MB")
        return file.read(MOST_BYTES + 1)


def _check_twice(found: dict[str, list[Photo]], problems: Problems) -> None:
    """A picture under two names would be held out and trained on, or show two people."""
    first: dict[str, str] = {}
    for person, photos in found.items():
        for photo in photos:
            here = f"{person}/{photo.name}"
            other = first.setdefault(photo.digest, here)
            if other != here:
                problems.add(f"{here!r} is the same file as {other!r}; each picture may be there once", kind="copies")


def _order(photo: Photo) -> tuple[Any, ...]:
    """Sort training before test, the anchor first, and img2 before img10."""
    stem = photo.path.stem.lower()
    parts = re.split(r"(\d+)", photo.name)
    return photo.test, not stem.startswith("anchor"), [(int(p), "") if p.isdigit() else (-1, p) for p in parts], parts
