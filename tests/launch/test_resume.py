"""Two processes, one of them killed at random moments: the command continues to the same result."""

import contextlib
import random
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.support.launched import command, environment, read, run
from tests.support.resuming import over

KILLS = 5
LAUNCH = ("--launch", "ddp", "--processes", "2", "--checkpoint-every", "2")


def kill_one(line, cache, wait, draw):
    """Start a command and kill one of its processes after so many seconds; return whether it was killed."""
    process = subprocess.Popen(line, env=environment(cache), stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    workers = []
    while len(workers) < 2:
        assert process.poll() is None and time.monotonic() < until, process.communicate()[1][-3000:]
        workers = [p for p in psutil.Process(process.pid).children(recursive=True) if "RANK" in surroundings(p)]
        time.sleep(0.1)
    try:
        told = process.communicate(timeout=wait)[1]
    except subprocess.TimeoutExpired:
        with contextlib.suppress(psutil.NoSuchProcess):  # it came to its end meanwhile
            draw.choice(workers).send_signal(signal.SIGKILL)
        told = process.communicate(timeout=120)[1]
    assert process.returncode == 0 or "was killed by SIGKILL" in told, told[-3000:]
    return process.returncode != 0


def surroundings(process):
    try:
        return process.environ()
    except psutil.Error:
        return {}


@pytest.mark.slow
def test_killed_five_times_it_comes_to_the_same(tmp_path):
    begun = time.monotonic()
    whole = run("gd,npo", tmp_path / "whole", tmp_path / "cache-whole", *LAUNCH)
    took, draw, kills = time.monotonic() - begun, random.Random(0), 0
    runs, cache = tmp_path / "runs", tmp_path / "cache"
    line = command("gd,npo", runs, *LAUNCH)
    while kills < KILLS and not over(runs, "gd,npo") and kill_one(line, cache, draw.uniform(0.2, 0.5) * took, draw):
        kills += 1
        if any(runs.glob("*/run.json")):
            line = [sys.executable, "-m", "unlearnzoo", "run", "--resume", "--runs-dir", str(runs)]
    if not over(runs, "gd,npo"):
        done = subprocess.run(line, env=environment(cache), capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr[-3000:]
    found = read(runs)
    assert kills >= 3 and found.keys() == whole.keys()
    for name, one in found.items():
        assert one.record["status"] == "finished" and len(one.steps) == len(whole[name].steps)
        assert one.record["curve"] == whole[name].record["curve"]
        for key, tensor in one.adapter.items():
            assert (tensor - whole[name].adapter[key]).abs().max() <= 1e-5, (name, key)
