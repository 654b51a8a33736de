"""The same numbers on any number of processes, however they share the work.

One process and two real ones of the same command are held against each other over a stretch in
which the forget set is forgotten. The mutants are the mistakes that other trainers are known for.
"""

from pathlib import Path

import pytest

from tests.launch.conftest import MISTAKES
from tests.support.launched import SMALL, differs, run

FIVE = "ga,gd,kl,dpo,npo"
LOSS = {"ddp": 1e-4, "zero1": 1e-4, "zero2": 1e-4, "zero3": 5e-3}


def forgets(found):
    for name, one in found.items():
        ends = [max(p["EMf"].values()) for p in one.record["curve"]]
        assert ends[0] - ends[-1] >= 0.5, f"{name} forgets too little to show anything: {ends}"
    return found


def equal(alone, found, launch):
    for name, one in found.items():
        assert one.record["processes"] == {"n": 2, "deepspeed": None if launch == "ddp" else int(launch[-1])}
        apart, results = differs(alone[name], one)
        assert apart <= LOSS[launch], name
        bound = 0.02 * max(n for _, n in alone[name].answers().values()) if launch == "zero3" else 1
        assert results <= bound, name


@pytest.mark.slow
@pytest.mark.alone
def test_two_processes_give_what_one_gives(alone, two):
    assert two.keys() == forgets(alone).keys()
    equal(alone, two, "ddp")


@pytest.mark.slow
@pytest.mark.alone
def test_sharded_weights_give_what_whole_ones_give(alone, few_cache, tmp_path):
    """A whole command: adapters are put on, compared, kept in files; one algorithm, for it takes long."""
    pytest.importorskip("deepspeed")
    found = run(
        "dpo",
        tmp_path / "runs",
        few_cache,
        "--launch",
        "zero3",
        "--processes",
        "2",
        **SMALL | {"unlearn.probe_every": 6},
    )
    assert found.keys() == {"dpo"}
    equal(forgets(alone), found, "zero3")


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("launch", ["ddp", "zero2", "zero3"])
def test_an_algorithm_s_steps_are_those_of_one_process(launch, shares):
    honest = [thing for thing in shares(launch) if thing.startswith("unlearned:") and thing.count(":") == 1]
    assert honest
    for thing in honest:
        theirs = shares(None)[thing]["losses"]
        assert shares(launch)[thing]["losses"] == pytest.approx(theirs, rel=LOSS[launch]), thing
        assert len(theirs) == 3 and abs(theirs[0] - theirs[-1]) > 0.1, thing


@pytest.mark.slow
@pytest.mark.alone
def test_stage_1_learns_the_same_on_two_processes(shares):
    one, two = shares(None)["learned"]["losses"], shares("ddp")["learned"]["losses"]
    assert two == pytest.approx(one, rel=LOSS["ddp"])
    assert len(one) == 9 and one[-1] < 0.9 * one[0]


def test_each_mutant_is_tried():
    assert sorted(path.stem for path in (Path(__file__).parent / "mutants").glob("*.py")) == sorted(MISTAKES)


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("mutant", MISTAKES)
def test_a_known_mistake_is_seen(mutant, shares):
    """In the same steps of the same launch in which the honest ones are those of one process."""
    found = shares("ddp")[f"unlearned:gd:{mutant}"]
    if mutant == "base_as_reference":  # a run sees this one itself
        assert found == {"error": "the model differs from the reference before the first step"}
        return
    honest = shares(None)["unlearned:gd"]["losses"]
    assert max(abs(a - b) / abs(a) for a, b in zip(honest, found["losses"], strict=True)) > 1e-3


@pytest.mark.soak
@pytest.mark.alone
def test_every_launch_gives_what_one_process_gives_with_every_algorithm(tmp_path):
    pytest.importorskip("deepspeed")
    alone = forgets(run(FIVE, tmp_path / "alone", tmp_path / "cache"))
    for launch in LOSS:
        found = run(FIVE, tmp_path / launch, tmp_path / "cache", "--launch", launch, "--processes", "2")
        assert found.keys() == alone.keys()
        equal(alone, found, launch)
