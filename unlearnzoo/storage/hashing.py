"""Keys by content, for what is kept between runs.

What *draws* or *shuffles* by a hash spells its own: a change here costs a cache, a change there would be other data.
"""

import hashlib
import json


def content_key(value: object, length: int = 20) -> str:
    """Return the first ``length`` hex digits of the SHA-256 of a value that JSON can hold; else its text counts."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:length]
