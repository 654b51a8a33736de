"""Every phase of ``unlearn`` is gone through by the checks: what would fail after hours fails here."""

import dataclasses

import pytest

from unlearnzoo import Unlearner, option
from unlearnzoo.testing.phases import phases
from unlearnzoo.testing.rules import CheckFailed


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
    from unlearnzoo.testing.algorithm import Algorithm

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
