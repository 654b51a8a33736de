"""What is written stays in its folder: nothing goes through a link, also one that came after a look for links."""

import json
import os
from pathlib import Path

import pytest

from unlearnzoo.errors import RunError
from unlearnzoo.records import run_file
from unlearnzoo.records.record import Record
from unlearnzoo.storage.atomic import append_line, open_own, refuse_links
from unlearnzoo.storage.locks import Lock
from unlearnzoo.sweeps import cluster
from unlearnzoo.sweeps.local import open_log

KINDS = {
    "symbolic": (lambda path, to: path.symlink_to(to), "a link"),
    "hard": (lambda path, to: path.hardlink_to(to), "a second name elsewhere"),
    "dangling": (lambda path, to: path.symlink_to(to.with_name("nothing")), "a link"),
    "pipe": (lambda path, to: os.mkfifo(path), "a pipe"),
}
WRITERS = {
    "a line": lambda path: append_line(path, "secret"),
    "a sweep's log": open_log,
    "a job's log": lambda path: cluster.run(["echo", "secret"], str(path)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("writer", WRITERS)
def test_nothing_is_written_through_what_stands_there(tmp_path, writer, kind):
    precious, path = tmp_path / "precious", tmp_path / "run" / "log.txt"
    precious.write_text("mine")
    path.parent.mkdir()
    put, told = KINDS[kind]
    put(path, precious)
    with pytest.raises(RunError, match=f"log.txt: cannot be written: it .*{told}"):
        WRITERS[writer](path)
    assert precious.read_text() == "mine" and sorted(os.listdir(tmp_path)) == ["precious", "run"]


def test_a_log_is_emptied_and_its_owners_alone(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("of an earlier call")
    os.close(open_log(path))
    assert path.read_text() == ""
    os.close(open_own(tmp_path / "new"))
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600
    assert cluster.run(["echo", "done"], str(path)) == 0 and path.read_text() == "done\n"


def test_who_holds_a_lock_is_not_written_through_a_link(tmp_path):
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "lock.holder").hardlink_to(tmp_path / "precious")
    with Lock(tmp_path / "lock") as lock:
        assert lock.held
    assert (tmp_path / "precious").read_text() == "mine"
    for pid in ("process 123456789 on host", "p"):  # a shorter note leaves nothing of a longer one
        (tmp_path / "two.holder").write_text(pid)
    with Lock(tmp_path / "two"):
        assert (tmp_path / "two.holder").read_text().startswith(f"process {os.getpid()} on ")


@pytest.mark.parametrize("write", ["update", "step", "samples", "adapter"])
def test_a_runs_folder_that_becomes_a_link_while_it_works_is_not_written_through(tmp_path, write):
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(RunError, match=": a link"), Record.open(tmp_path / "runs", algo="npo", bench="remem") as record:
        folder = record.folder
        place = folder / run_file.ADAPTER if write == "adapter" else folder
        if place.exists():
            place.rename(tmp_path / "moved")
        place.symlink_to(tmp_path / "elsewhere")
        todo = {
            "update": lambda: record.update(seed=1),
            "step": lambda: record.step({"step": 1}),
            "samples": lambda: record.samples([]),
            "adapter": lambda: record.adapter(lambda path: (path / "secret").write_text("")),
        }
        todo[write]()
    assert os.listdir(tmp_path / "elsewhere") == []


def test_a_file_that_goes_while_it_is_looked_at_is_no_fault(tmp_path, monkeypatch):
    (tmp_path / "half").write_text(json.dumps({}))
    real = Path.is_symlink
    monkeypatch.setattr(Path, "is_symlink", lambda path: (real(path), path.is_file() and path.unlink())[0])
    refuse_links(tmp_path)
