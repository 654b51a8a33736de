"""``unlearnzoo run`` on a tiny checkpoint of a family: both stages, each algorithm, interrupted, on two processes."""

import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import launched
from tests.support.families import FAMILIES
from tests.support.families.rows import data
from tests.support.resuming import by_algorithm, differences, killed
from unlearnzoo.cli import main

# Told once in a run, and read here from its record.
pytestmark = pytest.mark.filterwarnings("ignore:model .* differ from (rows|questions) alone:UserWarning")
ALGORITHMS = ("ga", "gd", "kl", "dpo", "npo")
#: What these do in CI, `make soak` does with all.
FEW = ("qwen2_5_vl", "gemma3", "mllama", "llama", "gpt2")
RUN = [name for name, family in FAMILIES.items() if not family.refused]
#: Three steps of each stage: too few to learn anything, enough to go wrong.
OPTIONS = {
    "learn.steps": 3,
    "learn.batch": 4,
    "learn.rank": 4,
    "learn.replay": 0,
    "unlearn.steps": 3,
    "unlearn.batch": 2,
    "unlearn.rank": 4,
    "unlearn.lr": 0.01,
}


@dataclass
class Ran:
    """A run of a family.

    Attributes:
        packs: several questions can share a row.
        line: its command line, without algorithms and folder.
        runs: its folder of runs.
        cache: its cache.
    """

    packs: bool
    line: list[str]
    runs: Path
    cache: Path

    def read(self):
        """Return what was found, by algorithm."""
        return launched.read(self.runs)


def line(folder, family):
    """Return a command line on a new checkpoint."""
    sets = {"folder.data": data(folder / "data", family.vision), **OPTIONS}
    return [
        *("run", "--bench", "folder", "--model", str(family.build(folder / "model"))),
        *("--allow-unmemorised", "--max-new-tokens", "40"),
        *[word for name, value in sets.items() for word in ("--set", f"{name}={value}")],
    ]


@pytest.fixture(scope="module", params=[pytest.param(n, marks=() if n in FEW else pytest.mark.soak) for n in RUN])
def ran(request, tmp_path_factory):
    """One run of all algorithms."""
    family = FAMILIES[request.param]
    if family.missing():
        pytest.skip(family.missing())
    place = tmp_path_factory.mktemp(request.param)
    found = Ran(family.packs, line(place, family), place / "runs", place / "cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNLEARNZOO_CACHE", str(found.cache))
        assert main([*found.line, "--algo", ",".join(ALGORITHMS), "--runs-dir", str(found.runs)]) == 0
    return found


def test_both_stages_of_each_algorithm(ran):
    found = ran.read()
    assert found.keys() == set(ALGORITHMS)
    for one in found.values():
        assert one.record["status"] == "finished" and len(one.steps) == 3
        assert one.record["device"]["rows"]["packed"] == ran.packs
        assert all(math.isfinite(step["loss"]) and step["grad_norm"] > 0 for step in one.steps)
    first = {name: one.steps[0] for name, one in found.items()}
    # Before the first step the model is its own reference.
    assert first["npo"]["loss_forget"] == pytest.approx(2 / 0.1 * math.log(2), abs=1e-4)
    assert first["kl"]["loss_retain"] == pytest.approx(0, abs=1e-5)
    assert first["gd"]["loss_forget"] == pytest.approx(first["ga"]["loss"], abs=1e-5)
    adapters = [one.adapter for one in found.values()]
    assert all(any(not a[name].equal(b[name]) for name in a) for a in adapters for b in adapters if a is not b)


def test_what_was_interrupted_ends_as_what_was_not(ran, tmp_path, monkeypatch):
    from unlearnzoo.training.optimizers import Stepper

    monkeypatch.setenv("UNLEARNZOO_CACHE", str(ran.cache))
    runs = str(tmp_path / "runs")
    with killed(monkeypatch, Stepper, "step", 2):
        main([*ran.line, "--algo", "kl", "--runs-dir", runs, "--checkpoint-every", "1"])
    assert main(["run", "--resume", "--runs-dir", runs]) == 0
    # The plan is one of five algorithms there, of one here.
    assert differences(by_algorithm(tmp_path / "runs")["kl"], by_algorithm(ran.runs)["kl"]) == ["plan"]


@pytest.mark.soak
def test_two_processes_find_what_one_does(ran, tmp_path):
    line = [sys.executable, "-m", "unlearnzoo", *ran.line, "--algo", "gd", "--runs-dir", str(tmp_path)]
    line += ["--launch", "ddp", "--processes", "2"]
    done = subprocess.run(
        line, env=launched.environment(tmp_path / "cache"), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = ran.read()["gd"], launched.read(tmp_path)["gd"]
    assert two.record["processes"]["n"] == 2
    for alone, shared in zip(one.steps, two.steps, strict=True):
        assert shared["loss"] == pytest.approx(alone["loss"], rel=1e-4, abs=1e-5)
    largest = max(tensor.abs().max() for tensor in one.adapter.values())
    assert max((one.adapter[name] - two.adapter[name]).abs().max() for name in one.adapter) < 1e-3 * largest
    ours, theirs = one.answers(), two.answers()
    assert ours.keys() == theirs.keys()
    # At most one answer otherwise.
    assert all(abs(mean - theirs[key][0]) * n <= 1 for key, (mean, n) in ours.items() if mean is not None)
