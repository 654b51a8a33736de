"""Intervals over people and the sign-flip test against independent formulas."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from unlearnzoo.evaluation import people

KINDS = ("share", "score", "difference")


def of(sums, sizes, kind="share"):
    low, high = people.interval(np.array(sums, float), np.array(sizes, float), kind)
    return float(low), float(high)


def exact(right, n):
    """Clopper and Pearson by their definition: the shares at which as many, or as few, have a chance of 2.5 %."""
    result = stats.binomtest(right, n).proportion_ci(0.95, "exact")
    return pytest.approx((result.low, result.high))


@pytest.mark.parametrize(("right", "n"), [(0, 4), (0, 20), (4, 4), (7, 20), (19, 20), (500, 2000)])
def test_one_answer_per_person_is_clopper_and_pearson(right, n):
    assert of([1] * right + [0] * (n - right), [1] * n) == exact(right, n)


@pytest.mark.parametrize(("people_", "answers"), [(4, 56), (16, 14), (20, 14)])
def test_people_alike_are_worth_one_answer_each(people_, answers):
    assert of([0] * people_, [answers] * people_) == exact(0, people_)
    assert of([answers] * people_, [answers] * people_) == exact(people_, people_)


def test_shares_are_korn_and_graubards():
    """Step by step from their paper: design effect, degrees of freedom, beta quantiles."""
    sums, sizes = np.array([3, 9, 2, 14, 0, 5, 8, 12]), np.array([14, 10, 14, 14, 9, 12, 14, 20])
    n, p = sizes.sum(), sums.sum() / sizes.sum()
    linear = (sums - p * sizes) / n
    variance = 8 / 7 * sum(v**2 for v in linear)
    worth = n / max(1, variance / (p * (1 - p) / (n - 1)))
    worth *= (stats.t.ppf(0.975, n - 1) / stats.t.ppf(0.975, 7)) ** 2
    x = p * worth
    expected = stats.beta.ppf(0.025, x, worth - x + 1), stats.beta.ppf(0.975, x + 1, worth - x)
    assert of(sums, sizes) == pytest.approx(expected)
    assert variance * (n - 1) > p * (1 - p)  # people differ


def test_answers_are_worth_no_more_than_there_are():
    """Eight people who are all half right: as 80 independent answers, less what eight people lose to t."""
    worth = 80 * (stats.t.ppf(0.975, 79) / stats.t.ppf(0.975, 7)) ** 2
    x = worth / 2
    expected = stats.beta.ppf(0.025, x, worth - x + 1), stats.beta.ppf(0.975, x + 1, worth - x)
    assert of([5] * 8, [10] * 8) == of([5, 5, 5, 5, 5, 5, 4, 6], [10] * 8) == pytest.approx(expected)


@pytest.mark.parametrize("leaked", [1, 2, 3])
def test_where_fewer_than_four_people_differ_it_holds_the_exact_one_over_people(leaked):
    sums, sizes = [3] * leaked + [0] * (20 - leaked), [14] * 20
    p = sum(sums) / sum(sizes)
    low, high = of(sums, sizes)
    assert low <= stats.beta.ppf(0.025, 20 * p, 20 - 20 * p + 1) + 1e-9
    assert high >= stats.beta.ppf(0.975, 20 * p + 1, 20 - 20 * p) - 1e-9
    mirrored = of([14 - s for s in sums], sizes)
    assert mirrored == pytest.approx((1 - high, 1 - low))


def test_scores_far_from_the_ends_have_students_interval():
    draw = np.random.default_rng(0)
    means = draw.normal(0.5, 0.05, 30)
    low, high = of(means, [1] * 30, "score")
    t_low, t_high = stats.t.interval(0.95, 29, means.mean(), means.std(ddof=1) / math.sqrt(30))
    assert (low, high) == (pytest.approx(t_low, abs=0.001), pytest.approx(t_high, abs=0.001))


def test_the_mean_is_over_answers():
    """One person with many answers weighs as much: the ratio's variance, not that of people's means."""
    sums, sizes = np.array([60.0, 1.0, 2.0, 1.0, 3.0, 2.0]), np.array([100, 4, 4, 4, 4, 4])
    mean = sums.sum() / sizes.sum()
    low, high = of(sums, sizes, "number")
    leave_out = [(sums.sum() - s) / (sizes.sum() - n) for s, n in zip(sums, sizes, strict=True)]
    assert (low + high) / 2 == pytest.approx(mean)
    assert mean != pytest.approx((sums / sizes).mean(), abs=0.05)
    linear = math.sqrt(6 / 5 * sum((s - mean * n) ** 2 for s, n in zip(sums, sizes, strict=True))) / sizes.sum()
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, 5) * linear)
    assert max(leave_out) > mean > min(leave_out)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [2, 3, 4, 6, 20, 300])
def test_it_stays_inside_and_holds_the_point(kind, n):
    draw = np.random.default_rng(1)
    for _ in range(50):
        sizes = draw.integers(1, 30, n).astype(float)
        rates = draw.beta(*draw.choice([0.02, 0.3, 1, 5], 2), n) * draw.choice([1, 1e-13])
        sums = draw.binomial(sizes.astype(int), rates) if kind == "share" else sizes * rates
        sums = sums * draw.choice([-1, 1], n) if kind == "difference" else sums
        low, high = of(sums, sizes, kind)
        least = -1 if kind == "difference" else 0
        assert least <= low <= sums.sum() / sizes.sum() + 1e-12 and sums.sum() / sizes.sum() - 1e-12 <= high <= 1
        assert high > low


def test_people_who_all_agree_have_a_bound_too():
    assert of([2.5] * 10, [10] * 10, "score") == pytest.approx(
        (stats.beta.ppf(0.025, 2.5, 8.5), stats.beta.ppf(0.975, 3.5, 7.5))
    )
    bound = 1 - 0.025 ** (1 / 20)  # nobody of twenty departs
    assert of([0] * 20, [14] * 20, "difference") == pytest.approx((-bound, bound))
    assert of([14] * 20, [14] * 20, "difference") == pytest.approx((1 - 2 * bound, 1))
    assert of([-14] * 20, [14] * 20, "difference") == pytest.approx((-1, 2 * bound - 1))


def test_differences_have_no_favourite():
    sums, sizes = np.array([3, -1, 4, 0, 0, 2, 7, -2]), np.array([14] * 8)
    low, high = of(sums, sizes, "difference")
    assert of(-sums, sizes, "difference") == pytest.approx((-high, -low))


def test_many_at_once_are_each_as_alone():
    draw = np.random.default_rng(3)
    sizes = draw.integers(5, 20, (7, 12)).astype(float)
    sums = draw.binomial(sizes.astype(int), 0.1).astype(float)
    for kind in KINDS:
        lows, highs = people.interval(sums, sizes, kind)
        for i in range(7):
            assert of(sums[i], sizes[i], kind) == (lows[i], highs[i])


def flips(values):
    """Try every choice of signs."""
    sums = [abs(sum(s * v for s, v in zip(signs, values, strict=True))) for signs in _signs(len(values))]
    return sum(s >= abs(sum(values)) - 1e-9 for s in sums) / len(sums)


def _signs(n):
    return itertools.product((1, -1), repeat=n)


@pytest.mark.parametrize(
    "values",
    [
        [1] * 5,
        [1] * 6,
        [-3, -2, -2, -1, -5, -1, -4],
        [0, 0, 2, -1, 3, 0, 1, 1, -2, 4],
        [1 / 6, 5 / 6, -1 / 3, 0.5, 2 / 3, 7 / 6, 1 / 6, -1 / 6],
        [0.1, 0.2, 0.3, -0.3, 0.25, 0.05, 0.75],
        [],
        [0, 0, 0],
    ],
)
def test_sign_flips_are_all_counted(values):
    assert people.sign_flip(values) == pytest.approx(flips(values) if values else 1)


def test_sign_flips_of_any_numbers():
    draw = np.random.default_rng(5)
    for scale in (1, 1e-9):
        values = (draw.normal(0.4, 1, 12) * scale).tolist()
        few = 3 / 2**12  # sums closer to each other than their 5,000th part
        signs = np.array(list(_signs(12)))
        expected = (np.abs(signs @ np.array(values)) >= abs(sum(values)) * (1 - 1e-12)).mean()
        assert people.sign_flip(values) == pytest.approx(expected, abs=few)


def test_sign_flips_of_many_people_are_normal():
    draw = np.random.default_rng(6)
    values = draw.normal(0.1, 1, 400)
    z = values.sum() / math.sqrt((values**2).sum())
    assert people.sign_flip(values.tolist()) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=0.05)


def test_below_six_people_nothing_is_ever_marked():
    assert people.sign_flip([1.0] * (people.LEAST_MARKED - 1)) > 0.05 >= people.sign_flip([1.0] * people.LEAST_MARKED)


def test_holm_by_hand():
    assert people.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert people.holm([0.6, 0.9]) == [1.0, 1.0]
    assert people.holm([]) == []
