"""A process that hangs or is left alone ends the run, by name and in time, and leaves nobody behind.

That a killed one is named ``test_resume`` shows, which kills some anyway.
"""

import os
import signal

import pytest

from tests.launch.processes import leaves_nobody, start, wait, workers
from tests.support.launched import SMALL, command
from unlearnzoo.errors import RunError
from unlearnzoo.training.distributed import ranks


def begun(folder, cache, **surroundings):
    """Start a run of two processes; return it and the two, once stage 2 has begun."""
    line = command(
        "gd",
        folder / "runs",
        "--launch",
        "ddp",
        "--processes",
        "2",
        **SMALL | {"unlearn.steps": 500, "unlearn.lr": 1e-6},
    )
    run = start(line, cache, **surroundings)
    # Stage 1 writes no steps: the first line is one of stage 2.
    wait(run, lambda: list((folder / "runs").glob("*/steps.jsonl")))
    return run, workers(run)


def hang(run, process):
    """Stop a process; return what the command says until it names it."""
    os.kill(process.pid, signal.SIGSTOP)
    told = ""
    for line in run.stderr:
        told += line
        if "does not answer" in line:
            break
    return told


def named(told):
    return "does not answer" in told and "1" in told.split("does not answer")[1].split("limit")[0]


@pytest.mark.slow
@pytest.mark.alone
def test_a_process_that_hangs_is_named(few_cache, tmp_path):
    run, processes = begun(tmp_path, few_cache, **{ranks.LIMIT: "10"})
    told = hang(run, processes["1"])
    # Awake it can end when it is told to: the launcher gives one that sleeps on half a minute, see the next test.
    os.kill(processes["1"].pid, signal.SIGCONT)
    run.communicate(timeout=60)
    assert run.returncode == 1 and named(told), told
    leaves_nobody(processes.values())


@pytest.mark.soak
@pytest.mark.alone
def test_a_process_that_goes_on_hanging_is_left_behind_by_nobody(few_cache, tmp_path):
    run, processes = begun(tmp_path, few_cache, **{ranks.LIMIT: "10"})
    told = hang(run, processes["1"])
    run.communicate(timeout=150)
    assert run.returncode == 1 and named(told), told
    leaves_nobody(processes.values())


@pytest.mark.slow
@pytest.mark.alone
def test_processes_end_with_the_one_that_started_them(few_cache, tmp_path):
    run, processes = begun(tmp_path, few_cache)
    run.kill()
    run.communicate()
    assert processes.keys() == {"0", "1"}
    leaves_nobody(processes.values())


@pytest.mark.slow
@pytest.mark.alone
def test_a_loss_that_is_nan_on_one_process_stops_all_of_them(odd):
    done, record = odd
    assert (done.returncode, record["status"]) == (4, "diverged"), done.stderr
    assert record["gate"] and not record["target"]["cached"]  # stage 1 was theirs, too
    assert "non-finite at step 1" in record["error"] and done.stderr.count("Error:") == 1


@pytest.mark.parametrize("text", ["soon", "0", "-3"])
def test_a_limit_that_is_no_time_is_refused(text, monkeypatch):
    monkeypatch.setenv(ranks.LIMIT, text)
    with pytest.raises(RunError, match="above 0"):
        ranks.limit()
