"""Names of one kind of thing: ``distribution/name`` always, the bare name while it is unique."""

from typing import Generic, TypeVar

from packaging.utils import canonicalize_name

from ..errors import UnknownName
from ..options import closest, nearest

T = TypeVar("T")


class Table(Generic[T]):
    """Things by full name.

    Args:
        word: what users call the kind, for messages.
    """

    def __init__(self, word: str) -> None:
        self.word = word
        self._things: dict[str, T] = {}

    def __contains__(self, full: str) -> bool:
        return full in self._things

    def __getitem__(self, full: str) -> T:
        return self._things[full]

    def __setitem__(self, full: str, thing: T) -> None:
        self._things[full] = thing

    def names(self) -> list[str]:
        """Return what to type for each: the bare name, or the full one where several share it."""
        bare = [full.partition("/")[2] for full in self._things]
        return sorted(full if bare.count(name) > 1 else name for full, name in zip(self._things, bare, strict=True))

    def find(self, name: str) -> str | None:
        """Return the full name that a typed name means; None if nothing has it.

        Raises:
            UnknownName: several distributions provide it.
        """
        owner, slash, bare = name.rpartition("/")
        if slash:
            return next((full for full in (name, f"{canonicalize_name(owner)}/{bare}") if full in self), None)
        hits = sorted(full for full in self._things if full.partition("/")[2] == name)
        if len(hits) > 1:
            raise UnknownName(f"{self.word} {name!r} is ambiguous: write {' or '.join(hits)}")
        return hits[0] if hits else None

    def hint(self, name: str) -> str:
        """Return what a user may have meant, for the end of an error line: ``; did you mean 'x'?``."""
        close = closest(name, {*self.names(), *self._things})
        return f"; did you mean {close!r}?" if close else nearest(name, self.names(), "installed:")
