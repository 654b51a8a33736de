"""What guessing scores under a metric over candidates: the number to read Exposure against.

Worked out from the metric itself, so that no metric need state it and none can state it wrongly.
"""

import dataclasses
import math

from ..metric import Candidates, Metric, Scored

#: A sample's detail that holds it is named by this and the metric's full name.
DETAIL = "chance/"


def chance(metric: Metric, candidates: Candidates) -> float:
    """Return the mean score if each candidate in turn were the truth; NaN if it has none.

    Args:
        metric: needs ``candidates`` and nothing else.
        candidates: as scored.
    """
    found = [metric.score(candidates=dataclasses.replace(candidates, truth=i)) for i in range(len(candidates.logps))]
    scores = [s.value if isinstance(s, Scored) else float(s) for s in found]
    return math.fsum(scores) / len(scores) if scores else math.nan
