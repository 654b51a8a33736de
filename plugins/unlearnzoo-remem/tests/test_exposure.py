"""Exposure against its closed forms."""

import math
import random

import pytest

from unlearnzoo import Candidates
from unlearnzoo_remem.exposure import Exposure, ExposureLinear

LOG, LINEAR = Exposure(), ExposureLinear()


def at_rank(rank: int, n: int = 20) -> Candidates:
    logps = [-float(i) for i in range(n)]
    return Candidates(tuple(logps), rank - 1)


@pytest.mark.parametrize(
    ("rank", "log", "linear"),
    [
        (1, 1.0, 1.0),
        (2, 1 - math.log(2) / math.log(20), 18 / 19),
        (17, 1 - math.log(17) / math.log(20), 3 / 19),
        (20, 0.0, 0.0),
    ],
)
def test_rank_gives_the_closed_form(rank: int, log: float, linear: float) -> None:
    scored = LOG.score(candidates=at_rank(rank))
    assert scored.value == pytest.approx(log)
    assert scored.details == {"rank": rank, "candidates": 20}
    assert LINEAR.score(candidates=at_rank(rank)).value == pytest.approx(linear)


def test_guessing_among_twenty_scores_chance() -> None:
    ranks = range(1, 21)
    log = sum(LOG.score(candidates=at_rank(r)).value for r in ranks) / 20
    linear = sum(LINEAR.score(candidates=at_rank(r)).value for r in ranks) / 20
    assert log == pytest.approx(0.293, abs=5e-4)
    assert linear == pytest.approx(0.5)


def test_order_of_the_candidates_does_not_matter() -> None:
    rng = random.Random(4)
    logps = [rng.gauss(-3, 1) for _ in range(20)]
    expected = LOG.score(candidates=Candidates(tuple(logps), 7))
    for _ in range(5):
        order = rng.sample(range(20), 20)
        mixed = Candidates(tuple(logps[i] for i in order), order.index(7))
        assert LOG.score(candidates=mixed) == expected


def test_shift_and_scale_of_log_probs_do_not_matter() -> None:
    logps = (-1.0, -4.0, -2.0)
    moved = tuple(3 * x - 5 for x in logps)
    assert LOG.score(candidates=Candidates(logps, 2)) == LOG.score(candidates=Candidates(moved, 2))


def test_equals_share_the_middle_rank() -> None:
    assert LOG.score(candidates=Candidates((-1.0,) * 5, 3)).details["rank"] == 3
    assert LOG.score(candidates=Candidates((-1.0, -2.0, -2.0, -9.0), 1)).details["rank"] == 2.5


@pytest.mark.parametrize(
    "candidates",
    [Candidates((), -1), Candidates((-1.0,), 0), Candidates((-1.0, math.nan), 0), Candidates((-1.0, -2.0), -1)],
)
@pytest.mark.parametrize("metric", [LOG, LINEAR])
def test_what_cannot_be_ranked_is_unscored(metric: Exposure, candidates: Candidates) -> None:
    assert math.isnan(metric.score(candidates=candidates).value)


def test_an_impossible_truth_ranks_last() -> None:
    assert LOG.score(candidates=Candidates((-math.inf, -5.0), 0)).value == 0


def test_needs_only_candidates() -> None:
    assert LOG.needs == LINEAR.needs == {"candidates"}
