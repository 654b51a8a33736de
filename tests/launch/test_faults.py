"""A process that dies or hangs ends the run, by name and in time, and leaves nobody behind."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.support.launched import command, environment
from unlearnzoo.engine import ranks
from unlearnzoo.errors import RunError

slow = pytest.mark.slow


def start(folder, **surroundings):
    """Start a run of two processes; return it and the two, once stage 2 has begun."""
    line = command("gd", folder / "runs", "--launch", "ddp", "--processes", "2", **{"unlearn.steps": 500,
                                                                                  "unlearn.lr": 1e-6})
    run = subprocess.Popen(line, env=environment(folder / "cache") | surroundings, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 240
    # Stage 1 writes no steps: the first line is one of stage 2.
    while not list((folder / "runs").glob("*/steps.jsonl")):
        assert run.poll() is None and time.monotonic() < until, run.communicate()[1][-3000:]
        time.sleep(0.2)
    workers = {p.environ()["RANK"]: p for p in psutil.Process(run.pid).children(recursive=True)
               if "RANK" in p.environ()}
    return run, workers


def ends(run, workers, within):
    told = run.communicate(timeout=within)[1]
    time.sleep(1)
    assert not [p for p in workers.values() if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    return told


@slow
def test_a_process_that_is_killed_is_named(tmp_path):
    run, workers = start(tmp_path)
    workers["1"].send_signal(signal.SIGKILL)
    told = ends(run, workers, 90)
    assert run.returncode == 1
    assert "rank 1 of 2 was killed by SIGKILL" in told
    assert "Traceback" not in told


@slow
def test_a_process_that_hangs_is_named(tmp_path):
    run, workers = start(tmp_path, **{ranks.LIMIT: "20"})
    os.kill(workers["1"].pid, signal.SIGSTOP)
    told = ends(run, workers, 150)
    assert run.returncode == 1
    assert "does not answer" in told and "1" in told.split("does not answer")[1].split("limit")[0]


@slow
def test_processes_end_with_the_one_that_started_them(tmp_path):
    run, workers = start(tmp_path)
    run.kill()
    run.communicate()
    until = time.monotonic() + 60
    while any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in workers.values()):
        assert time.monotonic() < until, "orphans"
        time.sleep(0.2)


@slow
def test_a_loss_that_is_nan_on_one_process_stops_all_of_them(tmp_path):
    plugin = Path(__file__).with_name("nan_on_one.py")
    line = command("odd", tmp_path / "runs", "--launch", "ddp", "--processes", "2", "--plugin", str(plugin))
    done = subprocess.run(line, env=environment(tmp_path / "cache"), capture_output=True, text=True, timeout=300)
    (record,) = [json.loads(path.read_text()) for path in (tmp_path / "runs").glob("*/run.json")]
    assert (done.returncode, record["status"]) == (4, "diverged")
    assert "non-finite at step 1" in record["error"] and done.stderr.count("Error:") == 1


@pytest.mark.parametrize("text", ["soon", "0", "-3"])
def test_a_limit_that_is_no_time_is_refused(text, monkeypatch):
    monkeypatch.setenv(ranks.LIMIT, text)
    with pytest.raises(RunError, match="above 0"):
        ranks.limit()
