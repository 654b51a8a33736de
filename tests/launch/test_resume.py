"""Two processes, one of them killed on the way: it is named, and the command continues to the same result."""

import contextlib
import random
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.launch.conftest import BOTH
from tests.launch.processes import leaves_nobody, start, wait, workers
from tests.support.launched import SMALL, command, environment, read, run
from tests.support.resuming import over

KILLS = 5
LAUNCH = ("--launch", "ddp", "--processes", "2", "--checkpoint-every", "2")


def again(runs):
    return [sys.executable, "-m", "unlearnzoo", "run", "--resume", "--runs-dir", str(runs)]


def same(found, whole):
    assert found.keys() == whole.keys()
    for name, one in found.items():
        assert one.record["status"] == "finished" and len(one.steps) == len(whole[name].steps)
        assert one.record["curve"] == whole[name].record["curve"]
        for key, tensor in one.adapter.items():
            assert (tensor - whole[name].adapter[key]).abs().max() <= 1e-5, (name, key)


def kill(line, cache, rank, algorithm, runs):
    """Kill a process as soon as an algorithm's first checkpoint is there; return what the command says."""
    process = start(line, cache)
    wait(process, lambda: list(runs.glob(f"*_{algorithm}_*/checkpoint/0*.json")))
    both = workers(process)
    both[rank].send_signal(signal.SIGKILL)
    told = process.communicate(timeout=120)[1]
    assert process.returncode == 1 and f"rank {rank} of 2 was killed by SIGKILL" in told, told[-3000:]
    assert "Traceback" not in told
    leaves_nobody(both.values())
    return told


@pytest.mark.slow
@pytest.mark.alone
def test_killed_in_each_algorithm_it_comes_to_the_same(two, few_cache, tmp_path):
    first, second = BOTH.split(",")
    runs = tmp_path / "runs"
    kill(command(BOTH, runs, *LAUNCH, **SMALL), few_cache, "1", first, runs)
    told = kill(again(runs), few_cache, "0", second, runs)
    assert f"{first}: resuming after step" in told
    done = subprocess.run(again(runs), env=environment(few_cache), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"{second}: resuming after step" in done.stderr
    same(read(runs), two)


def kill_one(line, cache, seconds, draw):
    """Start a command and kill one of its processes after so many seconds; return whether it was killed."""
    process = start(line, cache)
    both = wait(process, lambda: len(found := workers(process)) == 2 and found, within=120)
    try:
        told = process.communicate(timeout=seconds)[1]
    except subprocess.TimeoutExpired:
        with contextlib.suppress(psutil.NoSuchProcess):  # it came to its end meanwhile
            both[draw.choice("01")].send_signal(signal.SIGKILL)
        told = process.communicate(timeout=120)[1]
    assert process.returncode == 0 or "was killed by SIGKILL" in told, told[-3000:]
    return process.returncode != 0


@pytest.mark.soak
@pytest.mark.alone
def test_killed_five_times_at_random_it_comes_to_the_same(tmp_path):
    begun = time.monotonic()
    whole = run("gd,npo", tmp_path / "whole", tmp_path / "cache-whole", *LAUNCH)
    took, draw, kills = time.monotonic() - begun, random.Random(0), 0
    runs, cache = tmp_path / "runs", tmp_path / "cache"
    line = command("gd,npo", runs, *LAUNCH)
    while kills < KILLS and not over(runs, "gd,npo") and kill_one(line, cache, draw.uniform(0.2, 0.5) * took, draw):
        kills += 1
        if any(runs.glob("*/run.json")):
            line = again(runs)
    if not over(runs, "gd,npo"):
        done = subprocess.run(line, env=environment(cache), capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr[-3000:]
    assert kills >= 3
    same(read(runs), whole)
