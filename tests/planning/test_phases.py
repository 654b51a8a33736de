"""What the plan says of each phase of stage 2: inputs, steps and draws, counted as a run draws them."""

import dataclasses
import itertools
from types import SimpleNamespace

import pytest

from tests.support import three
from unlearnzoo import DataError, Phase, Unlearner, option
from unlearnzoo.cli.show import _lines
from unlearnzoo.clock import Clock
from unlearnzoo.errors import PluginError
from unlearnzoo.planning import checks, memory
from unlearnzoo.planning.make import make_plan
from unlearnzoo.planning.phases import total_steps
from unlearnzoo.planning.request import Request
from unlearnzoo.planning.summary import as_data
from unlearnzoo.planning.text import lines
from unlearnzoo.registry import describe
from unlearnzoo.registry.zoo import Zoo
from unlearnzoo.runs import checkpoints, stage_two
from unlearnzoo.training.schedule import draws

NOWHERE = {"distribution": "silent", "version": "", "where": ""}


class Two(Unlearner):
    """Learn what is kept, then forget."""

    name = "two"
    inputs = {"kept": "retain"}
    first: int = option(3, "Steps of the first phase", ge=1)

    def kept(self, example):
        return dataclasses.replace(example, answer=" ".join([example.answer] * 5))

    def loss(self, forget):
        return -forget.nll

    @property
    def phases(self):
        return Phase("learn", lambda kept: kept.nll, self.first, probe=False), Phase("forget", self.loss)


class Silent(Unlearner):
    """An algorithm of its own ways."""

    name = "silent"

    def unlearn(self, trainer):
        trainer.train(lambda forget: forget.nll)


@pytest.fixture(scope="module")
def plan(tmp_path_factory, shared_folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNLEARNZOO_CACHE", str(shared_folder / "cache"))
        options = three.OPTIONS | {"unlearn.steps": 7}
        return make_plan(
            Request(algo=("gd",), bench="remem", forget=three.FORGET, set=options), Zoo.installed(), weights=False
        )


def of(plan, *algorithms):
    origins = {a.name: dict.fromkeys(a.values(), "default") for a in algorithms}
    return dataclasses.replace(plan, algorithms={a.name: a for a in algorithms}, origins={**plan.origins, **origins})


def drawn(plan, steps):
    """Count the pictures of that many steps by drawing them; any other pool gives as many."""
    found = itertools.islice(draws({"forget": plan.benchmark.forget_pool()}, plan.unlearn, 0), steps)
    return sum(len({image.key for e in step["forget"] for image in e.images}) for step in found)


def test_each_phase_has_its_own_inputs_steps_and_draws(plan):
    """The plan knew the loss alone: 7 steps on forget, and of a retain pool not a word."""
    two = of(plan, Two(first=5))
    data = as_data(two)["algorithms"]["two"]
    assert data["inputs"] == ["forget", "kept"] and data["declared"]
    first, second = data["phases"]
    assert (first["name"], first["inputs"], first["steps"]) == ("learn", ["kept"], 5)
    assert (second["name"], second["inputs"], second["steps"]) == ("forget", ["forget"], 7)
    assert (list(first["draws"]), list(second["draws"])) == (["retain image groups"], ["forget image groups"])
    assert second["draws"]["forget image groups"] == drawn(plan, 7)
    assert data["draws"] == first["draws"] | second["draws"]
    assert total_steps(two, two.algorithms["two"]) == 12
    told = [line.strip() for line in lines(two)]
    assert f"learn       5 steps on kept: {first['draws']['retain image groups']} retain image groups" in told


def test_progress_counts_the_steps_of_all_phases(plan, monkeypatch):
    """The bar of a run stood at 100 % after the 7 steps of the recipe."""
    monkeypatch.setattr(stage_two, "new_curve", lambda plan, engine: SimpleNamespace(points=[], state=dict))
    monkeypatch.setattr(checkpoints, "stage_2", lambda *args: SimpleNamespace(left=lambda kind: None))
    one = SimpleNamespace(engine=None, key="")
    shared = SimpleNamespace(plan=of(plan, Two()), stage_one=one, reference=None, clock=Clock(), profiled=False)
    record = SimpleNamespace(folder=None, go_on=lambda *args, **fields: None)
    assert stage_two.StageTwo.open(shared, "two", record).total == 3 + 7


def test_an_algorithm_of_one_phase_has_the_recipes_steps(plan):
    (phase,) = as_data(plan)["algorithms"]["gd"]["phases"]
    assert (phase["name"], phase["inputs"], phase["steps"]) == ("unlearn", ["forget", "retain"], 7)
    assert set(phase["draws"].values()) == {drawn(plan, 7)}


def test_steps_without_gradients_draw_nothing(plan):
    taskvector = Zoo.installed().get("algorithm", "taskvector")(parts=4)
    two = of(plan, taskvector)
    learn, subtract = as_data(two)["algorithms"]["taskvector"]["phases"]
    assert (learn["inputs"], learn["steps"]) == (["forget"], 7)
    assert subtract == {"name": "subtract", "inputs": [], "steps": 4, "draws": {}}
    assert total_steps(two, taskvector) == 11
    assert any(line.split() == ["subtract", "4", "steps", "without", "gradients"] for line in lines(two))


def test_what_repeats_stage_1_has_no_step(plan):
    retrain = of(plan, Zoo.installed().get("algorithm", "retrain")())
    data = as_data(retrain)["algorithms"]["retrain"]
    assert (data["phases"], data["draws"], data["declared"]) == ([], {}, True)
    assert any("no step of stage 2" in line for line in lines(retrain))
    assert list(memory.estimate(retrain)["stages"]) == ["learn"]


def test_what_declares_nothing_is_said_to_be_assumed(plan):
    silent = of(plan, Silent())
    data = as_data(silent)["algorithms"]["silent"]
    assert (data["inputs"], data["declared"]) == (["forget"], False)
    assert any("steps and draws are assumed" in line for line in lines(silent))
    told = "\n".join(_lines({"name": "silent", "kind": "algorithm", **NOWHERE, **describe.algorithm(Silent)}))
    assert "Phases\n  not declared: " in told


def test_memory_is_that_of_the_largest_phase(plan):
    """The first phase trains on answers five times as long, and was not laid out."""

    class Second(Two):
        phases = Unlearner.phases

    both, second = (memory.largest(of(plan, one), "unlearn") for one in (Two(), Second()))
    assert memory.answer_tokens(both) > memory.answer_tokens(second)


@pytest.mark.parametrize(
    ("phases", "told"),
    [
        (lambda self: (Phase("a", lambda forgets: 0),), "Two: phase 'a' asks for 'forgets'; there is forget, "),
        (lambda self: (Phase("a", lambda: 0),), "Two: phase 'a' asks for no input"),
        (lambda self: (Phase("a", self.loss, 0),), "Two: phase 'a' has steps 0; give a whole number of at least 1"),
        (lambda self: (Phase("a", self.loss, 2.5),), "Two: phase 'a' has steps 2.5"),
        (lambda self: (Phase("a", steps=2),), "Two: phase 'a' has no loss; give it one, or write unlearn"),
        (lambda self: (Phase(" ", self.loss),), "phase ' ' has no name"),
        (lambda self: [Phase("a", self.loss)], "Two.phases is [Phase("),
        (lambda self: ("a",), "Two.phases is ('a',); give a tuple of Phase"),
    ],
)
def test_phases_that_cannot_be_carried_out_are_refused(plan, monkeypatch, phases, told):
    monkeypatch.setattr(Two, "phases", property(phases))
    with pytest.raises(PluginError) as found:
        checks.check_algorithm("two", Two(), plan.request, plan.benchmark, plan.checkpoint)
    assert told in str(found.value)


def test_a_phase_that_draws_from_an_empty_pool_or_asks_for_a_refusal_is_refused(plan):
    """Both looked at the loss alone."""

    class Bench(type(plan.benchmark)):
        def retain_pool(self):
            return []

        def refusal(self, example, seed):
            raise DataError("no refusals")

    class Refusing(Two):
        @property
        def phases(self):
            return Phase("decline", lambda refusal: refusal.nll, 2), Phase("forget", self.loss)

    bench = Bench(**plan.benchmark.values())
    with pytest.raises(DataError, match="its retain pool has no row, and two draws from it"):
        checks.check_pools(plan.request, {"two": Two()}, bench)
    with pytest.raises(DataError, match="no refusals"):
        checks.check_algorithm("two", Refusing(), plan.request, bench, plan.checkpoint)
