"""Each second counts once: a phase inside another stops that one's clock, a part is counted in the phase around it."""

import pytest

from unlearnzoo import clock
from unlearnzoo.clock import Clock, Spent, added, counted, joined


@pytest.fixture
def pass_time(monkeypatch):
    """Let wall-clock seconds pass, and half as many CPU seconds."""
    now = [100.0]
    monkeypatch.setattr(clock.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(clock.time, "process_time", lambda: now[0] / 2)

    def wait(seconds):
        now[0] += seconds

    return wait


def test_a_phase_inside_another_stops_its_clock(pass_time):
    own = Clock()
    pass_time(50)
    with own.phase("stage 2"):
        pass_time(4)
        with own.phase("curve"):
            pass_time(2)
        pass_time(1)
    pass_time(50)
    assert own.profile == {"stage 2": Spent(5, 2.5), "curve": Spent(2, 1)}
    assert own.rounded() == {"plan": 0, "learn": 0, "evaluate": 2, "unlearn": 5, "total": 7}


def test_a_part_is_counted_in_the_open_phase_once(pass_time):
    @counted("scoring")
    def score():
        pass_time(3)
        with counted("writing"):
            pass_time(1)

    own, other = Clock(), Clock()
    score()
    with other.phase("gate"), own.phase("evaluation"):
        score()
        with counted("writing"):
            pass_time(2)
    assert own.profile == {"evaluation": Spent(6, 3, {"scoring": 4, "writing": 2})}
    assert all(spent.parts == {} for spent in other.profile.values())


def test_a_phase_that_fails_is_counted_and_closed(pass_time):
    own = Clock()
    with pytest.raises(ValueError, match="wrong"), own.phase("gate"), counted("metrics"):
        pass_time(2)
        raise ValueError("wrong")
    with counted("metrics"):
        pass_time(9)
    assert own.profile == {"gate": Spent(2, 1, {"metrics": 2})}


def test_what_others_did_before_counts_in_seconds_and_not_in_the_profile(pass_time):
    own = Clock(added({"plan": 1.0, "learn": 2.0}, {"learn": 0.5, "total": 9.0}))
    with own.phase("loading"):
        pass_time(1)
    assert own.rounded() == {"plan": 1, "learn": 3.5, "evaluate": 0, "unlearn": 0, "total": 4.5}
    assert joined([("", own.profile), ("npo", {"curve": Spent(1, 2, {"generating": 0.25})})]) == [
        {
            "phase": "loading",
            "seconds": 1,
            "cpu_seconds": 0.5,
            "generating": 0,
            "scoring": 0,
            "metrics": 0,
            "writing": 0,
        },
        {
            "phase": "curve",
            "algorithm": "npo",
            "seconds": 1,
            "cpu_seconds": 2,
            "generating": 0.25,
            "scoring": 0,
            "metrics": 0,
            "writing": 0,
        },
    ]
