"""Write a file as a whole or not at all: a kill, a full disk or a second process leaves no half.

What a run has computed is worth hours; a reader must find the old content or the new one.
"""

import contextlib
import errno
import glob
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..errors import RunError

#: No link at the end of a path is followed, and no pipe waits for a reader (Windows has no such flags).
_OWN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_REASONS = {
    errno.ELOOP: "it is a link; remove it, or write elsewhere",
    errno.EMLINK: "it has a second name elsewhere (a hard link); remove it, or write elsewhere",
    errno.ENXIO: "it is a pipe; remove it, or write elsewhere",
    errno.ENOSPC: "the disk is full; free some space or write elsewhere",
    errno.EDQUOT: "your quota of the disk is used up; free some space or write elsewhere",
    errno.EFBIG: "the file grew beyond the limit set for this process (ulimit -f)",
    errno.EACCES: "no permission to write there; write elsewhere",
    errno.EPERM: "no permission to write there; write elsewhere",
    errno.EROFS: "the disk is read-only; write elsewhere",
    errno.EEXIST: "a part of this path is a file, not a folder; write elsewhere",
    errno.ENOTDIR: "a part of this path is a file, not a folder; write elsewhere",
}


def write_error(path: Path, error: OSError) -> RunError:
    """Return the one-line error for a failed write, with what to do."""
    reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
    return RunError(f"{path}: cannot be written: {reason}")


def private_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner only; one that is there stays as it is.

    The mode of ``Path.mkdir`` holds for the last one alone.

    Raises:
        OSError: it cannot be made.
    """
    for folder in (*reversed(path.parents), path):
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)


def atomic_write(path: Path, content: bytes) -> None:
    """Write a file, readable by its owner only, in the place of what was there.

    Raises:
        RunError: it cannot be written; what was there is still there.
    """
    fresh = None
    try:
        handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError as error:
        raise write_error(path, error) from None
    finally:
        # Gone after a replacement; left by whatever stopped it, Ctrl-C too.
        if fresh is not None:
            with contextlib.suppress(OSError):
                os.unlink(fresh)


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a new file for a writer of its own; at the end it takes its place, whole and on the disk.

    Raises:
        OSError: it cannot be written; what was there is still there.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    fresh = Path(name)
    try:
        os.close(handle)
        yield fresh
        with open(fresh, "rb") as file:
            os.fsync(file.fileno())
        fresh.chmod(0o600)
        os.replace(fresh, path)
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink()


def left_beside(path: Path) -> list[Path]:
    """Return what killed processes left that wrote a file, or a folder of ``artifacts``, anew beside its place."""
    name = glob.escape(path.name)
    return sorted(left for form in (f".{name}-????????", f".{name}.????????.part") for left in path.parent.glob(form))


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file."""
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_own(path: Path, more: int = 0) -> int:
    """Open a file for writing, made where it is missing; what is in it stays until the caller truncates it.

    Args:
        path: what stands there may have been sent, or put there since it was looked at.
        more: flags beside those for writing.

    Raises:
        OSError: it cannot be opened, or is a link of either kind, which would be written through, or no file.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | _OWN | more, 0o600)
    found = os.fstat(handle)
    wrong = errno.EMLINK if found.st_nlink > 1 else 0 if stat.S_ISREG(found.st_mode) else errno.ENXIO
    if wrong:
        os.close(handle)
        raise OSError(wrong, os.strerror(wrong))
    return handle


def refuse_links(place: Path) -> None:
    """Refuse what is a link or holds one: a run's folder may have been sent, and writing would follow it out.

    Raises:
        RunError: naming the link, or the file that has a second name elsewhere.
    """
    refuse_link(place)
    for path in (place, *(place.rglob("*") if place.is_dir() else ())):
        refuse_link(path)
        with contextlib.suppress(FileNotFoundError):  # half a file of a writer that ended meanwhile
            found = path.stat()
            if stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
                raise RunError(f"{path}: a file with a second name (a hard link), which a run never leaves; copy it")


def refuse_link(path: Path) -> None:
    """Refuse what is a link itself: ``refuse_links`` without what is below, for right before a write.

    Raises:
        RunError: it is one.
    """
    if path.is_symlink():
        raise RunError(f"{path}: a link, which a run never leaves; remove it, or put in its place what it points to")


def append_line(path: Path, line: str) -> None:
    """Add a line, all of it or nothing.

    Raises:
        RunError: it cannot be written.
    """
    content = line.encode() + b"\n"
    try:
        handle = open_own(path, os.O_APPEND)
        try:
            before = os.fstat(handle).st_size
            try:
                while content:
                    content = content[os.write(handle, content) :]
            except OSError:
                os.ftruncate(handle, before)
                raise
        finally:
            os.close(handle)
    except OSError as error:
        raise write_error(path, error) from None
