"""Every phase of ``unlearn`` is gone through by the checks: what would fail after hours fails here."""

import dataclasses

import pytest

from unlearnzoo import Phase, Unlearner, option
from unlearnzoo.testing.algorithm import Algorithm
from unlearnzoo.testing.phases import phases
from unlearnzoo.testing.rules import CheckFailed
from unlearnzoo.unlearner import asked, named_inputs


class Two(Unlearner):
    """Learns, then forgets, with an input and targets of its own."""

    name = "two"
    inputs = {"harmless": "forget"}
    first: int = option(3, "Steps of the first phase", ge=1)

    def prepare(self, trainer):
        pool = trainer.pools["forget"]
        self.said = dict(zip([e.id for e in pool], trainer.generate(pool), strict=True))

    def harmless(self, example):
        return dataclasses.replace(example, answer=self.said[example.id])

    def loss(self, forget, harmless):
        return {"forget": -forget.nll, "harmless": harmless.nll}

    @property
    def phases(self):
        return (
            Phase("learn", lambda retain: retain.nll, self.first, probe=False),
            Phase("half", steps=1),
            Phase("forget", self.loss),
        )

    def unlearn(self, trainer):
        assert not trainer.train(lambda retain: retain.nll, probe=False, steps=self.first)
        vector = trainer.adapter()
        trainer.fresh()
        trainer.set_adapter(vector.times(-0.5))
        assert not trainer.probe(strength=0.5)
        assert trainer.steps == self.first + 1 and trainer.n_layers > 0 and trainer.recipe.batch > 0
        trainer.train()


def broken(unlearn, **members):
    with pytest.raises(CheckFailed) as found:
        phases.check(_subject(unlearn, **members))()
    return found.value.what


def _subject(unlearn, **members):
    return Algorithm(type("Broken", (Two,), {"unlearn": unlearn, "__doc__": "Two, broken.", **members}))


def test_a_right_method_of_two_phases_passes():
    phases.check(_subject(Two.unlearn))()


def second(then):
    """Return an ``unlearn`` whose first phase is right."""

    def unlearn(self, trainer):
        trainer.train(lambda retain: retain.nll, probe=False, steps=self.first)
        then(self, trainer)

    return unlearn


@pytest.mark.parametrize(
    ("then", "told"),
    [
        (lambda self, t: t.train(lambda forgets: forgets.nll), "the loss asks for 'forgets'; there is forget, "),
        (lambda self, t: t.train(lambda forget: forget.nll.mean()), "value"),
        (lambda self, t: t.train(lambda forget: forget.nll.detach()), "the loss carries no gradient"),
        (lambda self, t: t.train(lambda forget: forget.nll / 0), "the loss is inf"),
        (lambda self, t: t.train(steps=0), "trainer.train(steps=0): no whole number"),
        (lambda self, t: t.train(step=7), "TypeError: "),
        (lambda self, t: t.set_adapter(None), "trainer.set_adapter was given a NoneType"),
        (lambda self, t: t.probe(note="x"), "trainer.probe: note is 'x'; give a number"),
        (lambda self, t: t.relearn(t.pools["retain"]), "it calls trainer.relearn and does not say relearns = True"),
        (lambda self, t: t.generate([], "unlearnt"), "trainer.generate(which='unlearnt'): there is no such state"),
        (lambda self, t: t.evaluate(), "a Trainer has no attribute 'evaluate'"),
        (lambda self, t: self.lost, "has no attribute 'lost'"),
    ],
)
def test_a_fault_of_the_second_phase_is_found(then, told):
    assert told in broken(second(then))


def test_a_method_without_end_and_one_that_does_nothing():
    def endless(self, trainer):
        while not trainer.probe():
            pass

    assert broken(endless) == "unlearn has not ended after 1,000 calls of the trainer"
    assert broken(lambda self, trainer: trainer.probe()) == "unlearn neither trained nor set an adapter"


def test_an_input_of_its_own_that_is_no_example():
    assert broken(Two.unlearn, harmless=lambda self, e: e.answer) == "harmless returned a str; expected an Example"


def test_what_asks_the_model_itself_is_let_pass():
    phases.check(_subject(lambda self, trainer: trainer.engine.score([], "target")))()


REAL = "3 steps on retain, then 1 steps without gradients, then as many steps as the recipe on forget, harmless"


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (lambda self: (), "no phase"),
        (lambda self: Two.phases.fget(self)[:2], "3 steps on retain, then 1 steps without gradients"),
        (lambda self: Two.phases.fget(self)[::2], REAL.replace("1 steps without gradients, then ", "")),
        (
            lambda self: (Phase("learn", lambda forget: forget.nll, self.first), *Two.phases.fget(self)[1:]),
            REAL.replace("on retain", "on forget"),
        ),
    ],
)
def test_other_phases_than_are_declared(declared, said):
    told = broken(Two.unlearn, phases=property(declared))
    assert told == f"unlearn has {REAL}, but phases says {said}"


def test_a_number_that_an_option_decides_is_declared_as_that_option():
    fixed = property(lambda self: (Phase("learn", lambda retain: retain.nll, 3), *Two.phases.fget(self)[1:]))
    told = broken(Two.unlearn, phases=fixed)
    assert told.startswith("with first=4: unlearn has 4 steps on retain, ") and "phases says 3 steps on retain" in told


def test_each_choice_and_a_number_that_is_none_by_default_are_gone_through():
    """Only the default way was: the other one failed in a run."""

    class Last(Two):
        """One phase, for the recipe's steps unless it is said how many."""

        name = "last"
        last: int | None = option(None, "Steps of the last phase", ge=1)

        @property
        def phases(self):
            return (Phase("forget", self.loss, self.last),)

        def unlearn(self, trainer):
            trainer.train()

    class Ways(Last):
        """Two ways to start."""

        name = "ways"
        way: str = option("learn", "How it starts", choices=("learn", "lost"))
        unlearn = Unlearner.unlearn

        @property
        def phases(self):
            return (Phase("first", lambda retain: retain.nll if self.way == "learn" else retain.lost, 2),)

    def fault(cls):
        with pytest.raises(CheckFailed) as found:
            phases.check(Algorithm(cls))()
        return found.value.what

    assert fault(Ways).startswith("with way='lost': AttributeError: 'Scores' object has no attribute 'lost'")
    assert fault(Last).startswith("with last=2: unlearn has as many steps as the recipe on ")


def test_a_method_that_declares_nothing_has_one_phase_of_its_loss():
    nothing = Unlearner.phases
    assert "but phases says as many steps as the recipe on forget" in broken(Two.unlearn, phases=nothing)
    phases.check(_subject(lambda self, trainer: trainer.train() and None, phases=nothing))()


def test_what_is_declared_is_what_is_done_where_there_is_no_unlearn():
    """An algorithm of two phases needs no loop; a later one is left out where the run asks to stop."""

    class Recorder:
        def __init__(self, stop_after):
            self.left, self.seen = stop_after, []

        def train(self, loss, probe, steps):
            self.seen.append((named_inputs(loss), probe, steps))
            self.left -= 1
            return not self.left

    class Plain(Unlearner):
        """Learn, then forget."""

        name = "plain"
        first: int = option(3, "Steps of the first phase", ge=1)

        def loss(self, forget):
            return -forget.nll

        @property
        def phases(self):
            return Phase("learn", lambda retain: retain.nll, self.first, probe=False), Phase("forget", self.loss)

    both = [({"retain"}, False, 3), ({"forget"}, True, None)]
    for stop_after, expected in ((9, both), (1, both[:1])):
        recorder = Recorder(stop_after)
        Plain().unlearn(recorder)
        assert recorder.seen == expected
    phases.check(Algorithm(Plain))()
    assert asked(Plain()) == {"forget", "retain"} and Plain().needs == {"forget"}


def test_a_phase_may_ask_for_the_distributions_of_a_reference():
    """Only those of the loss itself were handed over."""

    class Held(Unlearner):
        """Hold, by a KL term, then forget."""

        name = "held"
        reference = {"retain_ref": "logits"}

        def loss(self, forget):
            return -forget.nll

        @property
        def phases(self):
            return Phase("hold", lambda retain, retain_ref: retain.kl(retain_ref), 2), Phase("forget", self.loss)

    phases.check(Algorithm(Held))()
