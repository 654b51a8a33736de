"""Kill -9 at random moments of a whole command, in a process of its own each time, over all stages."""

import json
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support import three
from tests.support.resuming import by_algorithm, differences, over, start

ALGORITHMS = "ga,gd,kl,dpo,npo,retrain,taskvector"
KILLS = 20
STAGES = {"stage 1", "judging", "stage 2"}


def command(runs, algorithms=ALGORITHMS):
    """The embedded model as a folder: without the rows that show what it could do before, judging is short."""
    import unlearnzoo_tiny

    model = Path(unlearnzoo_tiny.__file__).parent / "checkpoint"
    return ["run", "--algo", algorithms, "--bench", "remem", "--model", model, "--recipe", "tiny", "--runs-dir", runs,
            "--allow-unmemorised", *three.arguments(**{"learn.replay": 0}), "--checkpoint-every", "2"]


def finish(arguments, cache, mutant="none"):
    with start(arguments, cache, mutant) as process:
        told = process.stderr.read()
    assert process.returncode == 0, told
    return told


def kill(arguments, cache, wait):
    """Kill it so many seconds after its plan is made; return what it had said, None where it ended before."""
    with start(arguments, cache) as process:
        told = []
        for line in process.stderr:
            told.append(line)
            if line.startswith("  columns"):
                break
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        told += process.stderr.readlines()
    assert process.returncode in (0, -signal.SIGKILL), "".join(told)
    return "".join(told) if process.returncode else None


def stage(told):
    """Return what a killed process was at, by the last that it said."""
    lines = [line for line in told.splitlines() if line.split(":")[0] in (
        "loading the model", "stage 1", "gate, finetune", "gate, test") or line.startswith(("  step", "stage 2"))]
    last = lines[-1] if lines else ""
    if last.startswith("gate") or last.startswith("  step"):
        return "stage 2"
    return "judging" if last.startswith("stage 2") or ": learned" in last or ": cached" in last else "stage 1"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The command that nobody kills: its records, its cache, and the seconds that it took."""
    place, begun = tmp_path_factory.mktemp("whole"), time.monotonic()
    finish(command(place / "runs"), place / "cache")
    return by_algorithm(place / "runs"), place / "cache", time.monotonic() - begun


@pytest.mark.slow
def test_killed_twenty_times_it_comes_to_the_same(whole, tmp_path):
    draw, kills, places, begun = random.Random(0), 0, set(), time.monotonic()

    def enough():
        # How far twenty kills get is for the machine to say; each stage is to have seen one.
        return kills >= KILLS and places >= STAGES

    for round_ in range(5):
        runs, cache = tmp_path / f"runs-{round_}", tmp_path / f"cache-{round_}"
        shutil.copytree(whole[1] / "remem", cache / "remem")
        arguments = command(runs)
        while not enough() and not over(runs, ALGORITHMS):
            told = kill(arguments, cache, draw.uniform(0.02, 0.2) * whole[2])
            if told is None:
                break
            kills += 1
            places.add(stage(told))
            if any(runs.glob("*/run.json")):
                arguments = ["run", "--resume", "--runs-dir", runs]
        if not over(runs, ALGORITHMS):  # a kill may come after the last write
            finish(arguments, cache)
        found = by_algorithm(runs)
        assert found.keys() == whole[0].keys()
        assert {name: differences(whole[0][name], folder) for name, folder in found.items()} == {n: [] for n in found}
        if enough():
            break
    print(f"{kills} kills in {sorted(places)}, {round_ + 1} rounds, {time.monotonic() - begun:.0f} s")  # noqa: T201 - with -s
    assert enough(), (kills, places)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", ["none", "sampler"])
def test_a_lost_place_in_the_plan_of_draws_shows(whole, tmp_path, mutant):
    with start(command(tmp_path / "runs", "gd"), whole[1]) as process:
        while not list((tmp_path / "runs").glob("*/checkpoint/0*.json")):
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    finish(["run", "--resume", "--runs-dir", tmp_path / "runs"], whole[1], mutant)
    (folder,) = by_algorithm(tmp_path / "runs").values()
    assert json.loads((folder / "run.json").read_text())["resumed"][0]["step"] > 0
    found = differences(whole[0]["gd"], folder)
    # Alone, its plan names one algorithm.
    assert ("adapter/adapter_model.safetensors" in found) == (mutant == "sampler"), found
