"""How far the truth still stands out among all values that it could be.

The closed form of the paper's equation 1 is lost, so both readings are given; rank and number of
candidates are stored with each score, so that either can be computed again from a record.
"""

import math
from collections.abc import Sequence

from unlearnzoo import Candidates, Metric, Scored


class Exposure(Metric):
    """Exposure, logarithmic: 1 - ln(rank) / ln(candidates) (ReMem, Findings of ACL 2026).

    Carlini et al.'s exposure (2019) over its maximum. 1: the truth is the likeliest of all values;
    0: the least likely. Guessing among 20 gives .293 on average. What a model scores that never saw
    the person is *lower* than that: it ranks the values it memorised of others first.
    """

    name = "exposure"

    def score(self, candidates: Candidates) -> Scored:
        """Return the score with its ``rank`` and the number of ``candidates``.

        NaN where it cannot be told: fewer than two candidates, a value that is none of them, or
        a log-probability that is NaN.
        """
        n = len(candidates.logps)
        rank = _rank(candidates.logps, candidates.truth)
        known = n >= 2 and not math.isnan(rank)
        return Scored(self._normalise(rank, n) if known else math.nan, {"rank": rank, "candidates": n})

    def _normalise(self, rank: float, n: int) -> float:
        return 1 - math.log(rank) / math.log(n)


class ExposureLinear(Exposure):
    """Exposure, linear: (candidates - rank) / (candidates - 1) (ReMem, Findings of ACL 2026).

    Guessing gives .5 on average.
    """

    name = "exposure_linear"

    def _normalise(self, rank: float, n: int) -> float:
        return (n - rank) / (n - 1)


def _rank(logps: Sequence[float], truth: int) -> float:
    """Rank the truth by likelihood, 1 the likeliest; equals share the middle of their ranks."""
    if not 0 <= truth < len(logps) or any(map(math.isnan, logps)):
        return math.nan
    own = logps[truth]
    better = sum(logp > own for logp in logps)
    return better + (sum(logp == own for logp in logps) + 1) / 2
