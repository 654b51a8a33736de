"""One process at a time in a folder; the system lets go of the lock when its process dies, however it does."""

import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from .atomic import write_error


class Lock:
    """A lock on a file that says who holds it.

    Attributes:
        held: whether it is ours; also true where the file system knows no locks.
        holder: of another's lock: ``process 12 on host``.
    """

    def __init__(self, path: Path) -> None:
        import fcntl

        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise write_error(path, error) from None
        self.held, self.holder = True, ""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.held, self.holder = False, os.read(self._file, 200).decode(errors="replace") or "another process"
            return
        except OSError:
            return  # some network disks have no locks: go on without
        os.ftruncate(self._file, 0)
        os.write(self._file, f"process {os.getpid()} on {socket.gethostname()}".encode())

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go."""
        os.close(self._file)
