"""Judging spread over processes: uneven and empty shares, the same numbers, and no hanging."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from unlearnzoo.launch import files

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


def judged(launch=None):
    start = [sys.executable, "-m", "tests.launch.judged"]
    if launch:
        start = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(files.find(launch)),
                 "--num_processes", "2", "--main_process_port", "0", "--module", "tests.launch.judged"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    done = subprocess.run(start, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("found "))
    return json.loads(line.removeprefix("found "))


@pytest.fixture(scope="module")
def alone():
    return judged()


@pytest.mark.parametrize("launch", ["ddp", "zero3"])
def test_shares_of_any_size_give_the_same_numbers(launch, alone):
    if launch == "zero3":
        pytest.importorskip("deepspeed")
    for ours, theirs in zip(alone, judged(launch), strict=True):
        assert ours["texts"] == theirs["texts"]
        assert len(ours["logps"]) == len(theirs["logps"])
        for a, b in zip(ours["logps"], theirs["logps"], strict=True):
            assert a == pytest.approx(b, abs=1e-4)
