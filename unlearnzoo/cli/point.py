"""A point of a sweep, in a process of its own: ``python -m unlearnzoo.cli.point FOLDER PIPE ARGUMENT...``.

It writes down itself what came of it, so that neither a sweep that is gone nor a cluster is needed for that.
"""

import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Do a point; return its exit code."""
    from filelock import FileLock

    from ..sweeps.local import GRACE
    from ..sweeps.state import RUNS, STOPPED, make_folder, write_result
    from .app import main as run

    folder, pipe, argv = Path(arguments[0]), int(arguments[1]), arguments[2:]
    if pipe >= 0:
        _end_with(pipe, GRACE)
    make_folder(folder)
    # A point of a sweep that was killed a moment ago may still be ending.
    with FileLock(folder / ".lock", timeout=2 * GRACE, mode=0o600):
        before, start = _records(folder / RUNS), time.perf_counter()
        started = datetime.now(UTC).isoformat(timespec="seconds")
        code = run(argv)
        sys.stdout.flush()
        if code not in STOPPED:
            write_result(
                folder,
                code,
                started=started,
                seconds=round(time.perf_counter() - start, 1),
                argv=argv,
                records=sorted(_records(folder / RUNS) - before),
            )
    return code


def _records(runs: Path) -> set[str]:
    return {path.name for path in runs.iterdir() if path.is_dir()} if runs.is_dir() else set()


def _end_with(pipe: int, grace: float) -> None:
    """End this process and all that it started when the other end of a pipe closes."""
    os.set_inheritable(pipe, False)

    def wait() -> None:
        os.read(pipe, 1)
        os.killpg(0, signal.SIGTERM)
        time.sleep(grace)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
