"""One process at a time in a folder; the system lets go of the lock when its process dies, however it does."""

import contextlib
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from .atomic import open_own, write_error


class Lock:
    """A lock on a file; another file beside it says who holds it, for a locked one cannot be read on Windows.

    Args:
        path: the file; made where it is missing, and never removed.

    Attributes:
        held: whether it is ours; also true where the file system knows no locks.
        holder: of another's lock: ``process 12 on host``.

    Raises:
        RunError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        from filelock import FileLock, Timeout

        self.held, self.holder = True, ""
        note = path.with_name(holder_file(path.name))
        self._lock = FileLock(path, timeout=0, mode=0o600, thread_local=False)
        try:
            self._lock.acquire()
        except Timeout:
            self.held, self.holder = False, "another process"
            with contextlib.suppress(OSError):
                self.holder = note.read_text("utf-8", "replace")[:200] or self.holder
            return
        except (OSError, NotImplementedError):
            _check_writable(path)  # if so, this disk has no locks, as some network disks have none: go on without
        with contextlib.suppress(OSError):
            _write(note, f"process {os.getpid()} on {socket.gethostname()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


def holder_file(name: str) -> str:
    """Return the name of the file that says who holds a lock of this name."""
    return f"{name}.holder"


def _write(path: Path, text: str) -> None:
    with os.fdopen(open_own(path), "w", encoding="utf-8") as file:
        file.truncate(0)
        file.write(text)


def _check_writable(path: Path) -> None:
    try:
        os.close(open_own(path))
    except OSError as error:
        raise write_error(path, error) from None
