"""Names in a line on a terminal."""

from collections.abc import Sequence

#: Names shown in a list of them.
_LISTED = 10


def some(names: Sequence[str]) -> str:
    """List the first names of many, for a line on a terminal."""
    shown = ", ".join(name if name.isprintable() else repr(name) for name in names[:_LISTED])
    return shown + ", …" * (len(names) > _LISTED)
