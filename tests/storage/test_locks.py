"""A folder is one process's, whoever dies, and the other is told whose it is."""

import errno
import os
import subprocess
import sys

import pytest

from unlearnzoo.errors import RunError
from unlearnzoo.storage.locks import Lock

HELD = """
import os, sys
from pathlib import Path
from unlearnzoo.storage.locks import Lock
lock = Lock(Path(sys.argv[1]) / "lock")
"""


def in_another(code, folder):
    done = subprocess.run([sys.executable, "-c", HELD + code, folder], capture_output=True, text=True)
    return done.stdout.strip()


def test_it_is_of_one_process_at_a_time(tmp_path):
    with Lock(tmp_path / "lock") as ours:
        theirs = in_another("print(lock.held, lock.holder)", tmp_path)
        with Lock(tmp_path / "lock") as again:
            assert ours.held and not again.held
    assert theirs.startswith(f"False process {os.getpid()} on ")
    with Lock(tmp_path / "lock") as after:
        assert after.held and after.holder == ""


def test_a_process_that_was_killed_holds_none(tmp_path):
    in_another("os.kill(os.getpid(), 9)", tmp_path)
    with Lock(tmp_path / "lock") as lock:
        assert lock.held


def test_one_that_does_not_say_whose_it_is_is_anothers(tmp_path):
    with Lock(tmp_path / "lock"):
        (tmp_path / "lock.holder").unlink()
        with Lock(tmp_path / "lock") as theirs:
            assert (theirs.held, theirs.holder) == (False, "another process")


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_disk_without_locks_has_none(tmp_path, monkeypatch, code):
    fcntl = pytest.importorskip("fcntl")

    def flock(*rest):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)
    with Lock(tmp_path / "lock") as lock:
        assert lock.held


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "plain").write_text("")
    with pytest.raises(RunError, match=r"plain/lock: cannot be written: a part of this path is a file"):
        Lock(tmp_path / "plain" / "lock")
