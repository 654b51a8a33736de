"""Judging spread over processes: uneven and empty shares, the same numbers, and no hanging."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.alone]


@pytest.mark.parametrize("launch", ["ddp", "zero2", "zero3"])
def test_shares_of_any_size_give_the_same_numbers(launch, shares):
    alone = shares(None)["judged"]
    assert [len(one["texts"]) for one in alone] == [0, 1, 7]
    for ours, theirs in zip(alone, shares(launch)["judged"], strict=True):
        assert ours["texts"] == theirs["texts"]
        assert len(ours["logps"]) == len(theirs["logps"])
        for a, b in zip(ours["logps"], theirs["logps"], strict=True):
            assert a == pytest.approx(b, abs=1e-4)
