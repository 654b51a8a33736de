"""Student's intervals against tables and closed forms."""

import math
import random

import pytest

from unlearnzoo.evaluation.intervals import difference, quantile, spread, within


def test_closed_forms_of_the_distribution():
    for t in (0.1, 1.0, 5.0, 80.0):
        assert within(t, 1) == pytest.approx(2 / math.pi * math.atan(t))  # Cauchy
        assert within(t, 2) == pytest.approx(t / math.sqrt(2 + t * t))
        assert within(t, 10_000) == pytest.approx(math.erf(t / math.sqrt(2)), abs=1e-4)


@pytest.mark.parametrize("free", [1, 2, 3, 4, 7, 12])
def test_the_density_integrates_to_it(free):
    scale = math.gamma((free + 1) / 2) / math.sqrt(free * math.pi) / math.gamma(free / 2)
    h = 2.5 / 2000
    grid = [scale * (1 + (h * i) ** 2 / free) ** (-(free + 1) / 2) for i in range(2001)]
    simpson = h / 3 * (grid[0] + grid[-1] + 4 * sum(grid[1:-1:2]) + 2 * sum(grid[2:-1:2]))
    assert within(2.5, free) == pytest.approx(2 * simpson, abs=1e-9)


@pytest.mark.parametrize(
    ("free", "expected"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (8, 2.306), (9, 2.262), (30, 2.042), (1000, 1.962)],
)
def test_printed_tables(free, expected):
    assert quantile(free) == pytest.approx(expected, abs=6e-4)


def test_a_mean_by_hand():
    mean, low, high, n = spread([0.2, 0.4, 0.6])
    half = 4.302653 * 0.2 / math.sqrt(3)
    assert (mean, low, high, n) == pytest.approx((0.4, 0.4 - half, 0.4 + half, 3))
    assert spread([0.3, 0.3, 0.3])[:3] == pytest.approx((0.3, 0.3, 0.3))


def test_too_few_for_an_interval():
    assert spread([0.5]) == (0.5, None, None, 1)
    assert spread([0.5, 0.7]) == (pytest.approx(0.6), None, None, 2)
    assert difference([0.5, 0.6, 0.7], [0.1, 0.2])[1:] == (None, None, 2)
    with pytest.raises(ValueError, match="no runs"):
        spread([])


def test_welch_by_hand():
    a, b = [1.0, 2.0, 3.0], [1.0, 3.0, 5.0, 7.0]
    va, vb = 1 / 3, (20 / 3) / 4
    free = (va + vb) ** 2 / (va**2 / 2 + vb**2 / 3)
    half = quantile(math.floor(free)) * math.sqrt(va + vb)
    assert difference(a, b) == pytest.approx((-2.0, -2.0 - half, -2.0 + half, 3))
    assert difference([1.0] * 3, [0.5] * 3) == pytest.approx((0.5, 0.5, 0.5, 3))


def test_coverage_with_three_runs():
    draw = random.Random(0)
    hits = sum(
        low <= 0.7 <= high
        for _, low, high, _ in (spread([draw.gauss(0.7, 0.1) for _ in range(3)]) for _ in range(2000))
    )
    assert hits / 2000 == pytest.approx(0.95, abs=0.015)
