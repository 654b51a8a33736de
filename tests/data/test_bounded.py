"""A cache within its bytes: the least recently used goes, and what is too large is not kept."""

from unlearnzoo.data.bounded import BoundedCache


def test_the_least_recently_used_goes_first():
    gone = []
    cache = BoundedCache(10, len, lambda key, value: gone.append((key, value)))
    for key in "abc":
        assert cache.put(key, key * 3)
    assert cache.get("a") == "aaa" and cache.nbytes == 9 and len(cache) == 3
    assert cache.put("d", "dd") and gone == [("b", "bbb")]
    assert "b" not in cache and cache.get("b") is None and cache.nbytes == 8
    assert cache.put("e", "e" * 10) and len(cache) == 1 and [key for key, _ in gone] == ["b", "c", "a", "d"]


def test_a_value_counts_by_its_last_size():
    cache = BoundedCache(10, len)
    cache.put("a", "aaaa")
    cache.put("a", "a")
    assert (cache.nbytes, cache.get("a")) == (1, "a")


def test_what_is_larger_than_the_bound_is_not_kept_and_costs_nothing_else():
    cache = BoundedCache(10, len)
    cache.put("a", "aaa")
    assert not cache.put("b", "b" * 11)
    assert "b" not in cache and cache.get("a") == "aaa"
