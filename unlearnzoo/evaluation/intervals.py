"""Student's intervals over a few runs.

Of three to five values a percentile bootstrap cannot leave their range and covers the truth far less
often than it says; Student's interval holds for any number of values that scatter about normally.
"""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

#: Below this many values there is no interval: with two it would be nine times as wide as they are apart.
LEAST = 3
LEVEL = 0.95


class Spread(NamedTuple):
    """A mean over runs; ``low`` and ``high`` are None where there are too few."""

    mean: float
    low: float | None
    high: float | None
    n: int


def spread(values: Sequence[float]) -> Spread:
    """Return mean and 95 % interval of independent values; of differences, it is the paired interval.

    Raises:
        ValueError: there is none.
    """
    n, mean = len(values), math.fsum(values) / len(values) if values else math.nan
    if not values:
        raise ValueError("the mean of no runs")
    if n < LEAST:
        return Spread(mean, None, None, n)
    half = quantile(n - 1) * math.sqrt(_variance(values) / n)
    return Spread(mean, mean - half, mean + half, n)


def difference(a: Sequence[float], b: Sequence[float]) -> Spread:
    """Return the mean of a less that of b, unpaired (Welch, 1947), degrees of freedom rounded down; n is the lesser."""
    mean, n = math.fsum(a) / len(a) - math.fsum(b) / len(b), min(len(a), len(b))
    if n < LEAST:
        return Spread(mean, None, None, n)
    of_a, of_b = _variance(a) / len(a), _variance(b) / len(b)
    total = of_a + of_b
    free = total**2 / (of_a**2 / (len(a) - 1) + of_b**2 / (len(b) - 1)) if total else n - 1
    half = quantile(max(1, math.floor(free + 1e-9))) * math.sqrt(total)
    return Spread(mean, mean - half, mean + half, n)


def _variance(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)


@functools.cache
def quantile(free: int) -> float:
    """Return t with ``LEVEL`` of Student's distribution between -t and t.

    Args:
        free: degrees of freedom, at least 1.
    """
    # scipy.stats has it too, and takes ten times as long to import.
    from scipy.special import stdtrit

    return float(stdtrit(free, (1 + LEVEL) / 2))
