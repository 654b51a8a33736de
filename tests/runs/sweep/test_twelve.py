"""Twelve real points on the embedded model, two at a time, killed in the middle and taken up again."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests.support import three, toy
from unlearnzoo.runs.sweep.local import GRACE

#: Two targets of stage 1, three algorithms, two seeds.
AXES = {"algo": ["ga", "gd", "npo"], "target-seed": [0, 1], "seed": [0, 1]}


@pytest.fixture
def sweep(tmp_path):
    path = tmp_path / "twelve.yaml"
    path.write_text(yaml.safe_dump({
        "fixed": {"bench": "remem", "forget": three.FORGET, **three.OPTIONS}, "axes": AXES,
        "repeats": ["seed", "target-seed"], "columns": ["EMf", "EMr", "run.json:seconds.total"]}))
    out = tmp_path / "out"
    env = os.environ | {"UNLEARNZOO_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    return path, out, env


def finished(out):
    return {path.parent.name: json.loads(path.read_text())["started"] for path in out.glob("points/*/result.json")}


def processes(out):
    """Return the processes that work on a sweep's points."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                words = Path(f"/proc/{entry.name}/cmdline").read_text()
            except OSError:
                continue
            if "unlearnzoo.cli.point" in words and str(out) in words:
                found.append(int(entry.name))
    return found


@pytest.mark.slow
def test_twelve_points_two_at_a_time_killed_and_resumed(sweep):
    path, out, env = sweep
    command = toy.sweep(path, "--out", out, "--jobs", "2")
    killed = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 600
    while len(finished(out)) < 5:
        assert time.monotonic() < end and killed.poll() is None
        time.sleep(0.2)
    assert len(processes(out)) <= 2
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    # Its points are told to stop, and may take a while to write that down.
    end = time.monotonic() + GRACE + 10
    while processes(out) and time.monotonic() < end:
        time.sleep(0.2)
    assert processes(out) == []
    before = finished(out)
    assert 5 <= len(before) < 12

    done = subprocess.run([*command, "--json"], env=env, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    assert f"{len(before)} finished, 0 failed, {12 - len(before)} open" in done.stderr
    # What was finished was not done again.
    after = finished(out)
    assert len(after) == 12 and {key: after[key] for key in before} == before
    found = json.loads(done.stdout)
    rows = {(r["axes"]["algo"], r["column"], r["group"]): r for r in found["table"]}
    assert all(rows[algo, "EMf", "single-hop"]["n"] == 4 for algo in AXES["algo"])
    assert (out / "plot.png").exists()

    # Each target was learned once; a point that was killed while it learned has no result.
    records = [json.loads((out / "points" / p["key"] / "runs" / p["result"]["records"][0] / "run.json").read_text())
               for p in found["points"]]
    learned = [r["target"]["key"] for r in records if not r["target"]["cached"]]
    assert len(set(learned)) == len(learned) <= 2
    assert len({r["target"]["key"] for r in records}) == 2
    again = subprocess.run(command, env=env, capture_output=True, text=True, timeout=100)
    assert again.returncode == 0 and "12 finished, 0 failed, 0 open; 0 to do" in again.stderr
