"""Pointers of Git LFS: what lies in a folder whose large files were not fetched."""

from collections.abc import Iterable
from pathlib import Path

_BEGINS = b"version https://git-lfs"


def is_pointer(path: Path) -> bool:
    """Return whether a file is a pointer in place of what should be there."""
    try:
        with path.open("rb") as file:
            return file.read(len(_BEGINS)) == _BEGINS
    except OSError:
        return False


def told(paths: Iterable[Path]) -> str | None:
    """Return what to say of the first pointer among some files; None if none is one."""
    for path in sorted(paths):
        if is_pointer(path):
            return f"{path.name} is a Git LFS pointer, not the file itself; run `git lfs pull` in {path.parent}"
    return None
