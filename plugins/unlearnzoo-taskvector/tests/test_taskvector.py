"""Task arithmetic: what it puts on the model, and when it looks and stops."""

import pytest

from unlearnzoo_taskvector import TaskVector


class Recorder:
    """Stands for stage 2: says what was asked of it."""

    def __init__(self, stop=None):
        self.stop, self.put_on, self.looks = stop, [], []

    def train(self, loss, look):
        class Answers:
            nll = "nll"

        assert loss(Answers) == "nll" and not look

    def adapter(self):
        return self

    def times(self, factor):
        return factor

    def put(self, factor):
        self.put_on.append(factor)

    def look(self, strength):
        self.looks.append(strength)
        return self.stop is not None and strength >= self.stop


def test_it_subtracts_more_and_more():
    work = Recorder()
    TaskVector(strength=2, parts=4).unlearn(work)
    assert work.put_on == [-0.5, -1.0, -1.5, -2.0]
    assert work.looks == [0.5, 1.0, 1.5, 2.0]


def test_it_stops_where_the_run_says():
    work = Recorder(stop=1.0)
    TaskVector(strength=2, parts=4).unlearn(work)
    assert work.put_on[-1] == pytest.approx(-1.0)


def test_it_has_no_loss_of_its_own():
    assert TaskVector().needs == frozenset()
