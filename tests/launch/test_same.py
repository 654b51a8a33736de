"""The same numbers on any number of processes, however they share the work.

One process and two real ones of the same command are held against each other over a stretch in
which the forget set is forgotten. The mutants are the mistakes that other trainers are known for.
"""

import subprocess
from pathlib import Path

import pytest

from tests.support.launched import command, differs, environment, read, run

pytestmark = pytest.mark.slow
FIVE = "ga,gd,kl,dpo,npo"
MUTANTS = sorted((Path(__file__).parent / "mutants").glob("*.py"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def alone(tmp_path_factory, cache):
    found = run(FIVE, tmp_path_factory.mktemp("alone"), cache)
    for name, one in found.items():
        ends = [max(p["EMf"].values()) for p in one.record["curve"]]
        assert ends[0] - ends[-1] >= 0.5, f"{name} forgets too little to show anything: {ends}"
    return found


@pytest.mark.parametrize(("launch", "loss", "answers"), [
    ("ddp", 1e-4, 1), ("zero1", 1e-4, 1), ("zero2", 1e-4, 1), ("zero3", 5e-3, None)])
def test_two_processes_give_what_one_gives(launch, loss, answers, alone, cache, tmp_path):
    if launch != "ddp":
        pytest.importorskip("deepspeed")
    found = run(FIVE, tmp_path, cache, "--launch", launch, "--processes", "2")
    assert found.keys() == alone.keys()
    for name, one in found.items():
        assert one.record["processes"] == {"n": 2, "deepspeed": None if launch == "ddp" else int(launch[-1])}
        apart, results = differs(alone[name], one)
        assert apart <= loss, name
        bound = answers if answers is not None else 0.02 * max(n for _, n in alone[name].answers().values())
        assert results <= bound, name


def test_stage_1_learns_the_same_on_two_processes(alone, tmp_path):
    found = run("ga", tmp_path / "runs", tmp_path / "cache", "--launch", "ddp", "--processes", "2",
                **{"unlearn.steps": 1})
    targets = [one.record["gate"] for one in (alone["ga"], found["ga"])]
    for ours, theirs in zip(*targets, strict=True):
        assert abs(ours["target"] - theirs["target"]) <= 1 / ours["n"]["target"]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda path: path.stem)
def test_a_known_mistake_is_seen(mutant, alone, cache, tmp_path):
    line = command("gd,npo", tmp_path, "--launch", "ddp", "--processes", "2", "--plugin", str(mutant))
    done = subprocess.run(line, env=environment(cache), capture_output=True, text=True, timeout=300)
    if mutant.stem == "base_as_reference":  # a run sees this one itself
        assert done.returncode == 1 and "the policy differs from the reference before the first step" in done.stderr
        return
    assert done.returncode == 0, done.stderr[-3000:]
    assert max(differs(alone[name], one)[0] for name, one in read(tmp_path).items()) > 1e-3
