"""What guessing scores under a metric over candidates: the baseline for Exposure.

Computed from the metric itself, so that no metric need state it and none can state it wrongly.
"""

import dataclasses
import math

from ..metric import Candidates, Metric, Scored

#: A sample's detail that holds it is named by this and the metric's full name.
DETAIL = "chance/"


def chance(metric: Metric, candidates: Candidates) -> float:
    """Return the mean score if each candidate in turn were the truth; NaN if there are no candidates.

    Args:
        metric: needs ``candidates`` and nothing else.
        candidates: as scored.
    """
    guesses = (dataclasses.replace(candidates, truth=i) for i in range(len(candidates.logps)))
    scores = [Scored.of(metric.score(candidates=guess)).value for guess in guesses]
    return math.fsum(scores) / len(scores) if scores else math.nan
