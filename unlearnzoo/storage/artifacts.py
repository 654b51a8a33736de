"""A folder of the cache: made once, by one process at a time, and whole or not at all.

It is written beside its place and renamed into it, so a process that is killed leaves nothing that could be taken for
the whole. A file of checksums, as ``sha256sum`` writes it, goes with it.
"""

import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from .atomic import file_hash

SUMS = "SHA256SUMS"


def build_once(place: Path, make: Callable[[Path], None], is_whole: Callable[[Path], bool] | None = None) -> Path:
    """Return a folder of the cache, made where it is missing or damaged; of several processes one makes it.

    Args:
        place: where it shall be; the folder above it must be there.
        make: fills an empty folder; where it raises nothing is kept.
        is_whole: looks whether what is there may be used, where reading all of it for its checksums would take too
            long; none are kept then.

    Raises:
        OSError: it cannot be written.
    """
    with exclusive(place):
        if not (is_whole(place) if is_whole else damage(place) is None):
            with aside(place) as fresh:
                make(fresh)
                if is_whole is None:
                    write_sums(fresh)
    return place


@contextlib.contextmanager
def exclusive(place: Path) -> Iterator[None]:
    """Make something of the cache while no other process makes the same: the second waits, and finds it there.

    Where no lock can be kept (a full disk, a read-only one), both make it, as they always may.
    """
    from filelock import FileLock

    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, NotImplementedError):
            stack.enter_context(FileLock(place.parent / f".{place.name}.lock", mode=0o600))
            for left in place.parent.glob(f".{place.name}.*.part"):  # of a process that was killed
                shutil.rmtree(left, ignore_errors=True)
        yield


@contextlib.contextmanager
def aside(place: Path, mode: int = 0o700, replace: bool = True) -> Iterator[Path]:
    """Yield an empty folder that takes its place at the end; after an exception nothing is left of it.

    Args:
        place: the folder that it becomes; an empty one may be there.
        mode: of the new folder.
        replace: remove what is there (a reader that has it open keeps its files).

    Raises:
        OSError: it cannot be written, or something is there that is not to be replaced.
    """
    fresh = _beside(place)
    fresh.mkdir(mode)
    try:
        yield fresh
        for path in fresh.rglob("*"):  # whatever library wrote it
            path.chmod(path.stat().st_mode & mode)
        if replace and place.exists():
            old = _beside(place)
            place.rename(old)
            shutil.rmtree(old, ignore_errors=True)
        try:
            fresh.rename(place)
        except OSError:
            if not (replace and place.is_dir()):  # where there are no locks another process may have been first
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def write_sums(folder: Path, name: str = SUMS) -> None:
    """Write the checksums of all files of a folder into it."""
    (folder / name).write_text(_sums(folder, name), "utf-8")


def damage(folder: Path, name: str = SUMS) -> str | None:
    """Say why a folder is not what was written, byte for byte; None where it is."""
    try:
        if (folder / name).read_text("utf-8") == _sums(folder, name):
            return None
        return "its checksum is another"
    except (OSError, UnicodeDecodeError) as error:
        return str(error)


def _sums(folder: Path, name: str) -> str:
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return "".join(f"{file_hash(folder / file)}  {file}\n" for file in files if file != name)


def _beside(place: Path) -> Path:
    return place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
