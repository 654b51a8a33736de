"""Student's intervals against tables and closed forms."""

import math
import random
import subprocess
import sys

import pytest

from unlearnzoo.evaluation.intervals import difference, quantile, spread


def test_one_degree_of_freedom_is_cauchys_distribution():
    assert quantile(1) == pytest.approx(math.tan(math.pi * 0.95 / 2), rel=1e-12)


def test_two_degrees_of_freedom_have_a_closed_form():
    # P(|T| < t) = t / sqrt(2 + t^2), solved for t.
    assert quantile(2) == pytest.approx(0.95 * math.sqrt(2 / (1 - 0.95**2)), rel=1e-12)


def test_four_degrees_of_freedom_have_one_too():
    # Abramowitz & Stegun (1964), 26.7.4: P(|T| < t) = sin x (1 + cos^2 x / 2) with tan x = t / 2.
    angle = math.atan(quantile(4) / 2)
    assert math.sin(angle) * (1 + math.cos(angle) ** 2 / 2) == pytest.approx(0.95, rel=1e-12)


@pytest.mark.parametrize("free", [1, 2, 3, 5, 7, 12])
def test_the_density_integrates_to_the_level(free):
    scale = math.gamma((free + 1) / 2) / math.sqrt(free * math.pi) / math.gamma(free / 2)
    steps = 20_000
    h = quantile(free) / steps
    grid = [scale * (1 + (h * i) ** 2 / free) ** (-(free + 1) / 2) for i in range(steps + 1)]
    simpson = h / 3 * (grid[0] + grid[-1] + 4 * sum(grid[1:-1:2]) + 2 * sum(grid[2:-1:2]))
    assert 2 * simpson == pytest.approx(0.95, abs=1e-9)


def test_many_degrees_of_freedom_are_the_normal_distribution():
    assert math.erf(quantile(10**9) / math.sqrt(2)) == pytest.approx(0.95, abs=1e-8)


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


def test_fewer_than_three_runs_import_nothing():
    code = (
        "import sys; from unlearnzoo.evaluation.intervals import spread; spread([0.1, 0.2]); "
        "print([m for m in ('numpy', 'scipy') if m in sys.modules]); spread([0.1, 0.2, 0.3]); "
        "print('scipy.stats' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == ["[]", "False", ""]
