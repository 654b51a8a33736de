"""Work is dealt alike on every process: nothing lost, nothing twice, about equal."""

import random

import pytest

from unlearnzoo.data.partition import balance


def test_the_dearest_go_to_different_processes():
    assert balance("abcd", [9, 1, 8, 2], 2) == [["a", "b"], ["c", "d"]]


def test_a_share_keeps_the_order_of_the_items():
    assert balance([0, 1, 2, 3], [1, 5, 1, 5], 2) == [[0, 1], [2, 3]]


@pytest.mark.parametrize("n", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [0, 1, 7, 64])
def test_every_item_is_dealt_once_and_no_share_is_dearer_than_need_be(n, count):
    rng = random.Random(f"{n}/{count}")
    costs = [rng.randint(1, 100) for _ in range(count)]
    shares = balance(range(count), costs, n)
    assert len(shares) == n
    assert sorted(i for one in shares for i in one) == list(range(count))
    loads = [sum(costs[i] for i in one) for one in shares]
    # Whoever has most got the last item when nobody had less.
    assert max(loads) - min(loads) <= max(costs, default=0)


def test_fewer_items_than_processes_leave_shares_empty():
    assert balance(["a"], [3], 3) == [["a"], [], []]
