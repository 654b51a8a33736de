"""Student's intervals over a few runs: no distribution but the t itself, so no further library.

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
def quantile(free: int, level: float = LEVEL) -> float:
    """Return t with ``level`` of Student's distribution between -t and t.

    Args:
        free: degrees of freedom, at least 1.
        level: in (0, 1).
    """
    low, high = 0.0, 1.0
    while within(high, free) < level:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle, free) < level else (low, middle)
    return high


def within(t: float, free: int) -> float:
    """Return the probability between -t and t (Abramowitz & Stegun, 1964, 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(free))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = free % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for k in range(1 + odd, free, 2):
        total += term
        term *= cosine * cosine * k / (k + 1)
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
