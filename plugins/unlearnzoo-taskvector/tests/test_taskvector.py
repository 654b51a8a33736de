"""Task arithmetic: what it puts on the model, and when it looks and stops."""

import pytest

from unlearnzoo import Phase
from unlearnzoo_taskvector import TaskVector


class Recorder:
    """Stands for stage 2: says what was asked of it."""

    def __init__(self, stop=None):
        self.stop, self.put_on, self.looks = stop, [], []

    def train(self, loss, probe):
        class Answers:
            nll = "nll"

        assert loss(Answers) == "nll" and not probe

    def adapter(self):
        return self

    def times(self, factor):
        return factor

    def set_adapter(self, factor):
        self.put_on.append(factor)

    def probe(self, strength):
        self.looks.append(strength)
        return self.stop is not None and strength >= self.stop


def test_it_subtracts_more_and_more():
    trainer = Recorder()
    TaskVector(strength=2, parts=4).unlearn(trainer)
    assert trainer.put_on == [-0.5, -1.0, -1.5, -2.0]
    assert trainer.looks == [0.5, 1.0, 1.5, 2.0]


def test_it_stops_where_the_run_says():
    trainer = Recorder(stop=1.0)
    TaskVector(strength=2, parts=4).unlearn(trainer)
    assert trainer.put_on[-1] == pytest.approx(-1.0)


def test_it_has_no_loss_of_its_own():
    assert TaskVector().needs == frozenset()


def test_its_phases_are_those_that_it_goes_through():
    """``check`` compares them; here, that an option decides on the second."""
    learn, subtract = TaskVector(parts=4).phases
    assert (learn.name, learn.steps, learn.probe) == ("learn", None, False)
    assert subtract == Phase("subtract", steps=4)
