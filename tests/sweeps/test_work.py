"""Real processes: side by side, skipped, tried again, interrupted, orphaned."""

import json
import os
import signal
import subprocess
import time

import pytest

from tests.support import toy
from unlearnzoo.sweeps import cluster
from unlearnzoo.sweeps.state import Point

alone = pytest.mark.alone


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    return toy.environment(tmp_path_factory.mktemp("site") / "packages")


def written(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(f"command: toy\n{text}")
    return path, tmp_path / "out"


def swept(env, *arguments):
    return subprocess.run(toy.sweep(*arguments), env=env, capture_output=True, text=True, timeout=120)


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def beats(out):
    return list(out.glob("points/*/runs/beat"))


def still(paths):
    """Return whether nobody writes these files any more."""
    before = [p.read_text() for p in paths]
    time.sleep(0.4)
    return [p.read_text() for p in paths] == before


def test_points_run_once_and_failed_ones_when_asked_for(tmp_path, env):
    needed = tmp_path / "needed"
    path, out = written(
        tmp_path,
        f"fixed: {{x: 0.5}}\naxes: {{needs: [null, {needed}], seed: [0, 1, 2]}}\n"
        "columns: [EM, 'more.json:threads.each']",
    )
    first = swept(env, path, "--out", out, "--jobs", "2")
    assert first.returncode == 1
    assert first.stderr.count("finished in") == 3 and first.stderr.count("FAILED") == 3
    assert first.stderr.count(f"{needed} is not there (exit code 1)") == 3
    assert "50.0" in first.stdout or "51.0 [48.5..53.5]" in first.stdout
    again = swept(env, path, "--out", out)
    assert again.returncode == 1 and "3 finished, 3 failed, 0 open; 0 to do" in again.stderr
    assert "--retry does the failed ones again" in again.stderr
    needed.touch()
    last = swept(env, path, "--out", out, "--retry", "--json")
    assert last.returncode == 0, last.stderr
    found = json.loads(last.stdout)
    assert [p["status"] for p in found["points"]] == ["finished"] * 6
    (row,) = [r for r in found["table"] if r["column"] == "EM" and r["axes"]["needs"] == str(needed)]
    assert row["mean"] == pytest.approx(0.51) and row["high"] - row["mean"] == pytest.approx(4.302653 * 0.01 / 3**0.5)
    assert json.loads((out / "table.json").read_text()) == found
    assert (out / "plot.png").exists() and (out / "table.txt").read_text().startswith("mine")
    assert {oct(p.stat().st_mode & 0o777) for p in [out, *out.glob("points/*")]} == {"0o700"}
    # A failed point that was tried again is judged by its last try alone.
    assert all(len(p["result"]["records"]) == 1 for p in found["points"])


def test_a_point_that_dies_without_a_word(tmp_path, env):
    path, out = written(tmp_path, "fixed: {die: true}\naxes: {seed: [0]}")
    done = swept(env, path, "--out", out)
    assert done.returncode == 1 and "killed by signal 9 (out of memory?)" in done.stderr


@alone
def test_ctrl_c_ends_the_children_and_the_next_call_goes_on(tmp_path, env):
    path, out = written(tmp_path, "fixed: {sleep: 60}\naxes: {seed: [0, 1, 2]}\nrepeats: []")
    path.write_text(path.read_text() + "\n")
    sweep = subprocess.Popen(toy.sweep(path, "--out", out, "--jobs", "2"), env=env, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(beats(out)) == 2)
    sweep.send_signal(signal.SIGINT)
    told = sweep.communicate(timeout=30)[1]
    assert sweep.returncode == 130 and told.strip().splitlines()[-1] == "Interrupted"
    assert still(beats(out))
    states = [json.loads(p.read_text())["status"] for p in out.glob("points/*/runs/*/run.json")]
    assert states == ["interrupted"] * 2 and not list(out.glob("points/*/result.json"))
    plan = swept(env, path, "--out", out, "--dry-run")
    assert "0 finished, 0 failed, 3 open; 3 to do" in plan.stderr


@alone
def test_kill_9_leaves_no_orphan(tmp_path, env):
    path, out = written(tmp_path, "fixed: {sleep: 60, child: true}\naxes: {seed: [0, 1]}")
    sweep = subprocess.Popen(toy.sweep(path, "--out", out, "--jobs", "2"), env=env, stderr=subprocess.DEVNULL)
    wait_for(lambda: len(beats(out)) == 2 and len(list(out.glob("points/*/runs/child"))) == 2)
    sweep.send_signal(signal.SIGKILL)
    sweep.wait()
    time.sleep(0.5)
    # Neither the points nor what they started.
    assert still([*beats(out), *out.glob("points/*/runs/child")])
    path.write_text(path.read_text().replace("sleep: 60, child: true", "sleep: 0"))
    assert swept(env, path, "--out", out).returncode == 0


@alone
def test_two_sweeps_do_not_work_in_one_folder(tmp_path, env):
    path, out = written(tmp_path, "fixed: {sleep: 60}\naxes: {seed: [0]}")
    sweep = subprocess.Popen(toy.sweep(path, "--out", out), env=env, stderr=subprocess.DEVNULL)
    wait_for(lambda: beats(out))
    other = swept(env, path, "--out", out)
    assert other.returncode == 1 and "another sweep works in this folder" in other.stderr
    sweep.send_signal(signal.SIGINT)
    assert sweep.wait(30) == 130


def test_cores_are_shared_out(monkeypatch):
    from unlearnzoo.sweeps.local import threads

    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [threads(n) for n in (1, 2, 3, 16)] == [8, 4, 2, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert [threads(n) for n in (1, 2, 8)] == [2, 2, 1]


def test_submitit_does_the_same_in_jobs(tmp_path, env):
    pytest.importorskip("submitit")
    needed = tmp_path / "needed"
    path, out = written(tmp_path, f"axes: {{needs: [null, {needed}], seed: [0]}}\ncluster: {{timeout_min: 5}}")
    done = swept(env, path, "--out", out, "--cluster", "local")
    assert done.returncode == 1, done.stderr
    assert "finished in" in done.stderr and f"{needed} is not there" in done.stderr
    assert list((out / "jobs").iterdir()) and not list(out.glob("points/*/job.json"))
    path.write_text(path.read_text().replace("timeout_min: 5", "timeout: 5"))
    wrong = swept(env, path, "--out", out, "--cluster", "local", "--retry")
    assert wrong.returncode == 2 and wrong.stderr.strip().splitlines()[-1].startswith("Error: cluster: ")


@pytest.mark.parametrize("number", ["1 --format=all", "--me", "../1", "", None, ["1"]])
def test_a_job_that_submitit_did_not_name_is_not_asked_after(tmp_path, number):
    point = Point({}, ("toy",), tmp_path)
    (tmp_path / "job.json").write_text(json.dumps({"cluster": "slurm", "id": number}))
    assert cluster._attach("slurm", tmp_path, point) is None
