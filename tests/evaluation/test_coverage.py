"""A small part of ``examples/benchmarks/coverage.py``: intervals hold the truth, marks are rarely false."""

import pytest

from examples.benchmarks import coverage

DRAWS = 500
PEOPLE = (2, 4, 6, *coverage.PEOPLE)
#: Held in every cell of 20,000 draws, less three standard errors of fewer draws.
HELD = 0.93 - 3 * (0.93 * 0.07 / DRAWS) ** 0.5
MARKED = 0.055 + 3 * (0.055 * 0.945 / DRAWS) ** 0.5


@pytest.mark.parametrize("within", coverage.WITHIN)
@pytest.mark.parametrize("law", coverage.LAWS | coverage.SKEWED)
def test_intervals_of_scores_hold_the_truth(law, within):
    found = [coverage.scores((coverage.LAWS | coverage.SKEWED)[law], n, within, DRAWS).held for n in PEOPLE]
    assert min(found) >= HELD


@pytest.mark.parametrize("within", [0.0, 0.6])
@pytest.mark.parametrize("law", ["half", "90 %", "5 %"])
def test_models_alike_are_rarely_marked(law, within):
    for n in (10, 20):
        found = coverage.differences(coverage.LAWS[law], coverage.LAWS[law], n, within, DRAWS)
        assert found.held >= HELD and found.marked <= MARKED and found.at_odds < 0.03


@pytest.mark.parametrize("within", coverage.WITHIN)
@pytest.mark.parametrize("pair", coverage.PAIRS)
def test_differences_of_models_that_differ_are_held(pair, within):
    one, other = (coverage.LAWS[law] for law in pair)
    assert min(coverage.differences(one, other, n, within, DRAWS, marks=False).held for n in PEOPLE) >= HELD


@pytest.mark.parametrize("law", coverage.LAWS | coverage.SKEWED)
@pytest.mark.parametrize("within", [0.1, 0.6])
def test_the_laws_are_what_they_are_called(law, within):
    """Their mean, and how much of the variance lies between people, over many people at once."""
    import numpy as np

    draw, one = np.random.default_rng(1), (coverage.LAWS | coverage.SKEWED)[law]
    n = np.full((1, 20_000), 10.0)
    means = one.draw(draw, n, within)[0] / 10
    assert means.mean() == pytest.approx(one.mean, abs=4 * means.std() / 20_000**0.5)
    single = one.draw(draw, n / 10, within)[0]
    between = (means.var() - single.var() / 10) / (0.9 * single.var())
    assert between == pytest.approx(within, abs=0.1)
