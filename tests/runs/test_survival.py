"""What is on disk after kill -9, beside other processes, and when the disk is full."""

import contextlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time

import pytest

from unlearnzoo.errors import RunError
from unlearnzoo.records import store
from unlearnzoo.records.record import Record

#: Writes as fast as it can until it is killed.
WRITER = """
import sys
from pathlib import Path
from unlearnzoo.records.record import Record
record = Record.open(Path(sys.argv[1]), algo="npo", bench="remem", algorithm={"name": "npo"})
print(record.folder, flush=True)
step = 0
while True:
    step += 1
    record.step({"step": step})
    record.update(curve=[{"step": step, "x" * 20_000: {}}] * 10)
"""
OPENER = """
import sys, time
from pathlib import Path
from unlearnzoo.records.record import Record
time.sleep(max(0, float(sys.argv[2]) - time.time()))
for _ in range(10):
    with Record.open(Path(sys.argv[1]), algo="npo", bench="remem") as record:
        record.finish()
"""


def start(code, *arguments):
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


@pytest.mark.alone
def test_kill_between_writes_leaves_a_readable_record(tmp_path):
    draw = random.Random(0)
    for _ in range(5):
        with start(WRITER, tmp_path) as process:
            folder = process.stdout.readline().strip()
            # After some steps, and some way into the next write: the writer does nothing but write.
            steps = draw.randrange(1, 100)
            while process.poll() is None and not (
                os.path.exists(f"{folder}/steps.jsonl") and os.path.getsize(f"{folder}/steps.jsonl") > 12 * steps
            ):
                pass
            process.send_signal(signal.SIGKILL)
        record = store.load(store.resolve(folder, tmp_path))
        assert record["status"] == "started"
        assert len({point["step"] for point in record["curve"]}) <= 1
        with open(f"{folder}/steps.jsonl") as file:
            steps = [json.loads(line)["step"] for line in file]
        assert steps == list(range(1, len(steps) + 1))
    assert [row["reason"] for row in store.find(tmp_path)] == [None] * 5


@pytest.mark.alone
def test_two_processes_open_records_at_once(tmp_path):
    at = time.time() + 1
    both = [start(OPENER, tmp_path / "runs", at) for _ in range(2)]
    for process in both:
        with process:
            assert process.wait(30) == 0
    rows = store.find(tmp_path / "runs")
    assert len(rows) == 20
    assert {row["record"]["status"] for row in rows} == {"finished"}


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 256 KB."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if done.returncode:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(folder):
    with contextlib.suppress(OSError), open(folder / "filler", "wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def test_full_disk_at_the_start(small_disk):
    fill(small_disk)
    with pytest.raises(RunError, match="the disk is full") as caught:
        Record.open(small_disk / "runs", algo="npo", bench="remem")
    assert str(small_disk) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_full_disk_later_keeps_what_was_there(small_disk):
    from tests.support.samples import sample

    record = Record.open(small_disk / "runs", algo="npo", bench="remem", algorithm={"name": "npo"})
    record.update(curve=[{"step": 0}])
    record.step({"step": 1})
    fill(small_disk)
    with pytest.raises(RunError, match=r"run\.json: cannot be written: the disk is full"), record:
        record.update(curve=[{"step": 0, "text": "x" * 300_000}])
    with pytest.raises(RunError, match=r"steps\.jsonl: cannot be written: the disk is full"):
        for step in range(2, 1000):
            record.step({"step": step})
    with pytest.raises(RunError, match=r"samples\.parquet: cannot be written: the disk is full"):
        record.samples([sample(1.0, question=str(i) * 50, number=i) for i in range(9999)])
    found = store.load(record.folder)
    assert found["curve"] == [{"step": 0}]
    assert sorted(p.name for p in record.folder.iterdir()) == ["run.json", "steps.jsonl"]
    lines = (record.folder / "steps.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(1, len(lines) + 1))


def test_a_target_that_cannot_be_kept_costs_a_warning_and_nothing_else(small_disk):
    import torch

    from unlearnzoo.errors import CacheWarning
    from unlearnzoo.runs import target

    home = small_disk / "targets" / "key"
    home.parent.mkdir()
    with pytest.warns(CacheWarning, match=r"the target of stage 1 is not kept for the next run: .*key: .*[Nn]o space"):
        target._keep(home, {"x": torch.zeros(100_000)})
    assert list(home.parent.iterdir()) == []
    target._keep(home, {"x": torch.zeros(100)})
    assert sorted(p.name for p in home.iterdir()) == sorted([target.WEIGHTS, target.SUM])


@contextlib.contextmanager
def small_files():
    """No file of this process may grow beyond 8 KB: a full disk for who may not mount one.

    No fixture: the test runner's own output may go to a file, which must grow again at once.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_nothing_is_half_written(tmp_path):
    record = Record.open(tmp_path, algo="npo", bench="remem", algorithm={"name": "npo"})
    with small_files():
        with pytest.raises(RunError, match=r"run\.json: cannot be written: the file grew"):
            record.update(error="x" * 9000)
        record.step({"text": "x" * 8000})
        with pytest.raises(RunError, match=r"steps\.jsonl: cannot be written: the file grew"):
            record.step({"text": "y" * 8000})
    assert store.load(record.folder)["error"] is None
    assert len((record.folder / "steps.jsonl").read_text().splitlines()) == 1
    assert sorted(p.name for p in record.folder.iterdir()) == ["run.json", "steps.jsonl"]


def test_the_runs_own_error_is_the_one_to_show(tmp_path):
    record = Record.open(tmp_path, algo="npo", bench="remem", algorithm={"name": "npo"})
    with pytest.raises(ValueError, match="odd"), small_files(), record:
        raise ValueError("odd" * 9000)


def test_not_writable(tmp_path_factory):
    folder = tmp_path_factory.mktemp("others") / "runs"
    folder.mkdir()
    folder.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(RunError, match="no permission to write there") as caught:
            Record.open(folder, algo="npo", bench="remem")
    finally:
        os.seteuid(user)
    assert str(folder) in str(caught.value)
