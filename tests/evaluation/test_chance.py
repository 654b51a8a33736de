"""What guessing scores, against sums written out."""

import math

import pytest

from unlearnzoo import Candidates, Metric, Scored
from unlearnzoo.evaluation.chance import chance


class Reciprocal(Metric):
    """One over the truth's rank."""

    name = "reciprocal"

    def score(self, candidates):
        own = candidates.logps[candidates.truth]
        return Scored(1 / (1 + sum(logp > own for logp in candidates.logps)))


class First(Metric):
    """Whether the truth is the likeliest."""

    name = "first"

    def score(self, candidates):
        return float(candidates.logps[candidates.truth] == max(candidates.logps))


def test_chance_is_the_mean_over_all_ranks():
    candidates = Candidates(tuple(-float(i) for i in range(20)), truth=3)
    assert chance(Reciprocal.configure({}), candidates) == pytest.approx(sum(1 / r for r in range(1, 21)) / 20)
    assert chance(First.configure({}), candidates) == pytest.approx(1 / 20)


def test_no_candidates_no_chance():
    assert math.isnan(chance(First.configure({}), Candidates((), -1)))
