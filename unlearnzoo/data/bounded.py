"""What was computed and may be wanted again, kept within a bound in bytes."""

from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from cachetools import LRUCache

K = TypeVar("K")
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """A mapping that forgets: the least recently used goes first, and what is larger than the bound is not kept.

    Args:
        max_bytes: the bound.
        size: bytes of a value.
        on_evict: told of each that goes to make room.
    """

    def __init__(
        self, max_bytes: int, size: Callable[[V], int], on_evict: Callable[[K, V], None] | None = None
    ) -> None:
        self._kept = _Evicting(max_bytes, size)
        self._kept.on_evict = on_evict

    def __contains__(self, key: K) -> bool:
        return key in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept."""
        return int(self._kept.currsize)

    def get(self, key: K) -> V | None:
        """Return what is kept, or None; it then counts as just used."""
        value: V | None = self._kept.get(key)
        return value

    def put(self, key: K, value: V) -> bool:
        """Keep a value, and return whether it is kept."""
        with suppress(ValueError):  # cachetools: "value too large"
            self._kept[key] = value
            return True
        return False


class _Evicting(LRUCache):
    on_evict: Callable[..., None] | None = None

    def popitem(self) -> tuple[object, object]:
        key, value = super().popitem()
        if self.on_evict:
            self.on_evict(key, value)
        return key, value
