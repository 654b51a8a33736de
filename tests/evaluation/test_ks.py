"""The two-sample KS test against closed forms and against all ways to deal the values."""

import itertools
import math
import random

import pytest

from unlearnzoo.evaluation.ks import ks


def distance(a, b):
    """The definition, value by value."""
    return max(abs(sum(x <= v for x in a) / len(a) - sum(x <= v for x in b) / len(b)) for v in [*a, *b])


def by_dealing(a, b):
    """The share of all deals that are at least as far apart."""
    pooled, found = [*a, *b], distance(a, b)
    deals = list(itertools.combinations(range(len(pooled)), len(a)))
    far = 0
    for chosen in deals:
        left = [pooled[i] for i in chosen]
        right = [pooled[i] for i in range(len(pooled)) if i not in chosen]
        far += distance(left, right) > found - 1e-12
    return found, far / len(deals)


@pytest.mark.parametrize(("n", "h"), [(1, 1), (3, 2), (5, 5), (8, 3), (20, 7), (120, 31), (280, 200)])
def test_equal_sizes_have_a_closed_form(n, h):
    # Gnedenko and Korolyuk, 1951: P(D >= h/n) = 2 sum_k (-1)^(k+1) C(2n, n - kh) / C(2n, n).
    expected = sum(2 * (-1) ** (k + 1) * math.comb(2 * n, n - k * h) for k in range(1, n // h + 1))
    a, b = [float(i) for i in range(n)], [i + h - 0.5 for i in range(n)]
    statistic, p = ks(a, b)
    assert statistic == pytest.approx(h / n)
    assert p == pytest.approx(expected / math.comb(2 * n, n), rel=1e-9)


def test_nothing_in_common():
    # One deal of all C(m + n, m), and its mirror where the sizes are equal.
    assert ks([1, 2, 3], [4, 5, 6, 7]) == (1.0, pytest.approx(2 / math.comb(7, 3)))
    statistic, p = ks([0.0] * 280, [1.0] * 280)
    assert statistic == 1.0 and p == pytest.approx(2 / math.comb(560, 280), rel=1e-9) and p < 1e-150


def test_the_same_values():
    assert ks([1, 2, 3], [1, 2, 3]) == (0.0, 1.0)
    assert ks([5.0] * 4, [5.0] * 9) == (0.0, 1.0)


@pytest.mark.parametrize("sizes", [(1, 4), (3, 5), (4, 4), (5, 6), (2, 7)])
@pytest.mark.parametrize("values", [3, 6, 1000])  # many ties, some, hardly any
def test_all_deals(sizes, values):
    draw = random.Random(f"{sizes} {values}")
    for _ in range(5):
        a, b = ([draw.randrange(values) / 7 for _ in range(size)] for size in sizes)
        statistic, p = ks(a, b)
        expected = by_dealing(a, b)
        assert (statistic, p) == pytest.approx(expected)
        assert ks(b, a) == pytest.approx((statistic, p))


def test_any_monotone_scale_gives_the_same():
    draw = random.Random(0)
    a, b = [draw.random() for _ in range(30)], [draw.random() ** 2 for _ in range(40)]
    assert ks([math.log(x) for x in a], [math.log(x) for x in b]) == ks(a, b)


def test_under_the_null_p_is_uniform_or_larger():
    draw = random.Random(1)
    found = [ks([draw.random() for _ in range(12)], [draw.random() for _ in range(15)])[1] for _ in range(400)]
    for level in (0.05, 0.2, 0.5):
        # Exact: the rate is at most the level; within three standard errors of chance.
        assert sum(p <= level for p in found) / 400 <= level + 3 * math.sqrt(level / 400)
    assert sum(p <= 0.5 for p in found) / 400 > 0.3


def test_an_empty_sample():
    with pytest.raises(ValueError, match="at least one value"):
        ks([], [1.0])
