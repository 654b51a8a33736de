"""The plan of draws: what each step sees."""

import itertools

import pytest

from tests.support.examples import people
from unlearnzoo import DataError
from unlearnzoo.data.sampling import count_steps, cycle_shuffled, epochs, groups


def test_an_epoch_holds_each_item_once_and_keeps_the_partial_batch():
    batches = list(itertools.islice(epochs(range(10), 4, "s"), 6))
    assert [len(b) for b in batches] == [4, 4, 2, 4, 4, 2]
    assert sorted(sum(batches[:3], [])) == list(range(10))
    assert sum(batches[:3], []) != sum(batches[3:], [])  # another order in the next epoch


def test_draws_depend_on_the_seed_alone():
    first = list(itertools.islice(epochs(range(30), 30, "0/forget"), 1))
    assert first == list(itertools.islice(epochs(range(30), 30, "0/forget"), 1))
    assert first != list(itertools.islice(epochs(range(30), 30, "1/forget"), 1))


def test_the_cursor_sees_all_before_one_twice():
    drawn = list(itertools.islice(cycle_shuffled(range(7), "x"), 21))
    for start in (0, 7, 14):
        assert sorted(drawn[start : start + 7]) == list(range(7))


def test_an_empty_pool_is_no_endless_loop():
    for draw in (cycle_shuffled([], "s"), epochs([], 2, "s")):
        with pytest.raises(DataError, match="no rows"):
            next(draw)


def test_units_by_image_hold_one_image_each():
    found = groups(people(3, 5), "image", 2)
    assert [len(u) for u in found] == [2, 2, 1] * 3
    assert all(len({e.identity for e in unit}) == 1 for unit in found)
    assert len(groups(people(3, 5), "example", 2)) == 15


def test_steps_round_a_fraction_of_an_epoch():
    assert count_steps(100, 64, 5) == 10
    assert count_steps(100, 64, 0.5) == 1
    assert count_steps(3, 64, 0.1) == 1
