"""Real points on the embedded model, two at a time, killed in the middle and taken up again."""

import json
import math
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests.runs import bare
from tests.support import three, toy
from unlearnzoo.sweeps.local import GRACE

pytestmark = pytest.mark.alone

#: Two targets of stage 1: the first two points need the one that is not in the cache, at the same time.
FOUR = {"target-seed": [1, 0], "algo": ["gd", "npo"]}
#: Three algorithms, two seeds.
TWELVE = {"algo": ["ga", "gd", "npo"], "target-seed": [0, 1], "seed": [0, 1]}


def sweep(tmp_path, cache, fixed, axes):
    """Return a sweep's file, its folder, and the surroundings it runs in."""
    path = tmp_path / "points.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "fixed": {"bench": "remem", "forget": three.FORGET, **fixed},
                "axes": axes,
                "repeats": [name for name in axes if name != "algo"],
                "columns": ["EMf", "EMr", "run.json:seconds.total"],
            }
        )
    )
    env = os.environ | {"UNLEARNZOO_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    return path, tmp_path / "out", env


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
def test_four_points_two_at_a_time_killed_and_resumed(warm_cache, tmp_path):
    fixed = {"model": str(bare.MODEL), "recipe": "tiny", **bare.OPTIONS}
    killed_and_resumed(*sweep(tmp_path, warm_cache, fixed, FOUR), FOUR, after=1, learned=1)


@pytest.mark.soak
def test_twelve_points_two_at_a_time_killed_and_resumed(tmp_path):
    killed_and_resumed(*sweep(tmp_path, tmp_path / "cache", three.OPTIONS, TWELVE), TWELVE, after=5, learned=2)


def killed_and_resumed(path, out, env, axes, after, learned):
    """Kill a sweep after some points, go on with it, and look at what is there.

    Args:
        path: of its file.
        out: its folder.
        env: what it runs in.
        axes: of its file.
        after: points that are finished when it is killed.
        learned: targets that are not cached before.
    """
    points = math.prod(map(len, axes.values()))
    command = toy.sweep(path, "--out", out, "--jobs", "2")
    killed = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 600
    while len(finished(out)) < after:
        assert time.monotonic() < end and killed.poll() is None
        time.sleep(0.02)
    assert len(processes(out)) <= 2
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    # Its points are told to stop, and may take a while to write that down.
    end = time.monotonic() + GRACE + 10
    while processes(out) and time.monotonic() < end:
        time.sleep(0.02)
    assert processes(out) == []
    before = finished(out)
    assert after <= len(before) < points

    done = subprocess.run([*command, "--json"], env=env, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    assert f"{len(before)} finished, 0 failed, {points - len(before)} open" in done.stderr
    # What was finished was not done again.
    now = finished(out)
    assert len(now) == points and {key: now[key] for key in before} == before
    found = json.loads(done.stdout)
    rows = {(r["axes"]["algo"], r["column"], r["group"]): r for r in found["table"]}
    assert all(rows[algo, "EMf", "single-hop"]["n"] == points // len(axes["algo"]) for algo in axes["algo"])
    assert (out / "plot.png").exists()

    # Each target was learned once; a point that was killed while it learned has no result.
    records = [
        json.loads((out / "points" / p["key"] / "runs" / p["result"]["records"][0] / "run.json").read_text())
        for p in found["points"]
    ]
    fresh = [r["target"]["key"] for r in records if not r["target"]["cached"]]
    assert len(set(fresh)) == len(fresh) <= learned
    assert len({r["target"]["key"] for r in records}) == 2
    again = subprocess.run(command, env=env, capture_output=True, text=True, timeout=100)
    assert again.returncode == 0 and f"{points} finished, 0 failed, 0 open; 0 to do" in again.stderr
