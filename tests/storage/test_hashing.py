"""Keys of caches depend on what is asked for, and on no order of a mapping."""

import hashlib
from pathlib import Path

from unlearnzoo.storage.hashing import content_key


def test_it_is_the_sha256_of_sorted_json():
    expected = hashlib.sha256(b'{"a": [1, null], "b": 0.5}').hexdigest()
    assert content_key({"b": 0.5, "a": (1, None)}, 64) == expected
    assert content_key({"a": [1, None], "b": 0.5}) == expected[:20]
    assert content_key(Path("x")) == content_key("x") != content_key(["x"])
