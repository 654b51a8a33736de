"""Kill -9 in each stage of a whole command, in a process of its own each time; what goes on comes to the same."""

import random
import shutil
import signal
import subprocess
import time

import pytest

from tests.runs import bare
from tests.support.resuming import by_algorithm, differences, killed_at, over, start
from unlearnzoo.records.store import load

pytestmark = pytest.mark.alone

ALGORITHMS = "gd,npo"
ALL = "ga,gd,kl,dpo,npo,retrain,taskvector"
#: Stage → what lies on the disk once it is at work, in the folder of records and in the cache.
STAGES = {
    "stage 1": lambda runs, cache: cache.glob("targets/*-partial/0*.json"),
    "judging": lambda runs, cache: cache.glob("judged/*.parquet"),
    "stage 2": lambda runs, cache: runs.glob("*_gd*/checkpoint/0*.json"),
    "judging the unlearned": lambda runs, cache: runs.glob("*_gd*/checkpoint/judged-*.parquet"),
}
#: Of the test with random moments.
KILLS = 20
SAID = {"stage 1", "judging", "stage 2"}


def command(runs, algorithms=ALGORITHMS):
    """Stage 2 is long enough to be met after its first checkpoint."""
    return [
        "run",
        "--algo",
        algorithms,
        "--bench",
        "remem",
        "--runs-dir",
        runs,
        "--allow-unmemorised",
        *bare.arguments(**{"unlearn.steps": 16}),
        "--checkpoint-every",
        "2",
    ]


def again(runs):
    return ["run", "--resume", "--runs-dir", runs]


def finish(arguments, cache, mutant="none"):
    with start(arguments, cache, mutant) as process:
        told = process.stderr.read()
    assert process.returncode == 0, told
    return told


def data_of(cache, place):
    """Return a new cache that holds the data and no more."""
    shutil.copytree(cache / "remem", place / "remem")
    return place


@pytest.fixture(scope="module")
def whole(learned_three, tmp_path_factory):
    """The command that nobody kills: its records, and its cache."""
    place = tmp_path_factory.mktemp("whole")
    cache = data_of(learned_three, place / "cache")
    # Of stage 1, what another process learned in one go; it is judged anew, in the small parts of ``broken``.
    shutil.copytree(learned_three / "targets", cache / "targets")
    finish(command(place / "runs"), cache)
    return by_algorithm(place / "runs"), cache


@pytest.fixture(scope="module")
def killed(learned_three, tmp_path_factory):
    """Stage → the places of one command that was killed in it, and in those before; each a copy of that moment."""
    place, moments = tmp_path_factory.mktemp("killed"), {}
    runs, cache = place / "runs", data_of(learned_three, place / "cache")
    arguments = command(runs)
    for stage, found in STAGES.items():
        killed_at(arguments, cache, lambda found=found: any(found(runs, cache)))
        moments[stage] = shutil.copytree(place, tmp_path_factory.mktemp("moment") / "place")
        arguments = again(runs)
    return moments


@pytest.mark.slow
def test_each_kill_came_within_its_stage(killed):
    def open_ones(place):
        return {name: load(folder)["status"] for name, folder in by_algorithm(place / "runs").items()}

    assert all(open_ones(place) == {"gd": "started", "npo": "started"} for place in killed.values())
    places = list(killed.values())
    for stage, before, place in zip(list(STAGES)[1:], places, places[1:], strict=False):
        assert not any(STAGES[stage](before / "runs", before / "cache")), stage
        assert any(STAGES[stage](place / "runs", place / "cache")), stage
    steps = (by_algorithm(killed["stage 2"] / "runs")["gd"] / "steps.jsonl").read_text().splitlines()
    assert 2 <= len(steps) < 16


@pytest.mark.slow
def test_killed_in_each_stage_it_comes_to_the_same(whole, killed, tmp_path):
    place = shutil.copytree(killed["judging the unlearned"], tmp_path / "place")
    finish(again(place / "runs"), place / "cache")
    found = by_algorithm(place / "runs")
    assert {name: differences(whole[0][name], folder) for name, folder in found.items()} == {"gd": [], "npo": []}
    # Four times taken up: before stage 2, twice, then in it, then behind it.
    steps = [one["step"] for one in load(found["gd"])["resumed"]]
    assert steps[:2] == [0, 0] and 0 < steps[2] < 16 and steps[3:] == [16], steps
    # Stage 1, too, was learned in two goes here and in one there.
    (target,) = (place / "cache" / "targets").glob("*/adapter_model.safetensors")
    assert target.read_bytes() == (whole[1] / "targets" / target.parent.name / target.name).read_bytes()


@pytest.mark.slow
def test_a_lost_place_in_the_plan_of_draws_shows(whole, killed, tmp_path):
    """Without the mistake this place comes to the same: the test before."""
    place = shutil.copytree(killed["stage 2"], tmp_path / "place")
    finish(again(place / "runs"), place / "cache", "sampler")
    folder = by_algorithm(place / "runs")["gd"]
    assert load(folder)["resumed"][-1]["step"] > 0
    assert "adapter/adapter_model.safetensors" in differences(whole[0]["gd"], folder)


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
    lines = [
        line
        for line in told.splitlines()
        if line.split(":")[0] in ("loading the model", "stage 1", "gate, finetune", "gate, test")
        or line.startswith(("  step", "stage 2"))
    ]
    last = lines[-1] if lines else ""
    if last.startswith("gate") or last.startswith("  step"):
        return "stage 2"
    return "judging" if last.startswith("stage 2") or ": learned" in last or ": cached" in last else "stage 1"


@pytest.fixture(scope="module")
def all_whole(tmp_path_factory):
    """Seven algorithms that nobody kills: their records, their cache, and the seconds that it took."""
    place, begun = tmp_path_factory.mktemp("whole"), time.monotonic()
    finish(command(place / "runs", ALL), place / "cache")
    return by_algorithm(place / "runs"), place / "cache", time.monotonic() - begun


@pytest.mark.soak
def test_killed_twenty_times_at_random_it_comes_to_the_same(all_whole, tmp_path):
    draw, kills, places, begun = random.Random(0), 0, set(), time.monotonic()

    def enough():
        # How far twenty kills get is for the machine to say; each stage is to have seen one.
        return kills >= KILLS and places >= SAID

    for round_ in range(5):
        runs, cache = tmp_path / f"runs-{round_}", data_of(all_whole[1], tmp_path / f"cache-{round_}")
        arguments = command(runs, ALL)
        while not enough() and not over(runs, ALL):
            told = kill(arguments, cache, draw.uniform(0.02, 0.2) * all_whole[2])
            if told is None:
                break
            kills += 1
            places.add(stage(told))
            if any(runs.glob("*/run.json")):
                arguments = again(runs)
        if not over(runs, ALL):  # a kill may come after the last write
            finish(arguments, cache)
        found = by_algorithm(runs)
        assert found.keys() == all_whole[0].keys()
        assert {n: differences(all_whole[0][n], folder) for n, folder in found.items()} == {n: [] for n in found}
        if enough():
            break
    print(f"{kills} kills in {sorted(places)}, {round_ + 1} rounds, {time.monotonic() - begun:.0f} s")  # noqa: T201 - with -s
    assert enough(), (kills, places)
