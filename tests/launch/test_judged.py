"""Judging spread over processes: uneven and empty shares, the same numbers, and no hanging."""

import pytest

from tests.support.launched import script

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def alone():
    return script("judged")


@pytest.mark.parametrize("launch", ["ddp", "zero3"])
def test_shares_of_any_size_give_the_same_numbers(launch, alone):
    if launch == "zero3":
        pytest.importorskip("deepspeed")
    for ours, theirs in zip(alone, script("judged", launch=launch), strict=True):
        assert ours["texts"] == theirs["texts"]
        assert len(ours["logps"]) == len(theirs["logps"])
        for a, b in zip(ours["logps"], theirs["logps"], strict=True):
            assert a == pytest.approx(b, abs=1e-4)
