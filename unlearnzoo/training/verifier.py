"""Which rows of a run are verified, and when again: see ``verify``."""

import warnings
from collections.abc import Hashable, Mapping, Sequence

from ..encoding.encode import Encoded
from ..encoding.packing import rows
from ..encoding.prompts import Shape
from .verify import Asked, Verified, verify

#: Shapes of images that are tried together, of each number of images; what is right for so many is for more.
SHAPES = 8


class Verifier:
    """Verifies rows of an engine, again whenever images of another shape come, up to a number of shapes.

    Args:
        engine: every process asks its own, about the same rows; all get the same answer.
    """

    def __init__(self, engine: Asked) -> None:
        self.engine = engine
        self.result: Verified | None = None
        #: Of each number of images, an answer per shape.
        self._seen: dict[int, dict[Shape, Encoded]] = {}

    def __call__(self, encoded: Sequence[Encoded]) -> Verified:
        """Return how rows may be computed together.

        Args:
            encoded: at least one answer.

        Raises:
            ModelError: see ``verify``.
        """
        fresh = False
        for one in encoded:
            shapes = self._seen.setdefault(len(one.images), {})
            if one.shape not in shapes and (len(shapes) < SHAPES or _is_another(one, shapes)):
                shapes[one.shape], fresh = one, True
        if fresh or self.result is None:
            known = [one for shapes in self._seen.values() for one in shapes.values()] if self.result else []
            found = verify(self.engine, _some([*known, *encoded]))
            told = self.result.why if self.result else ()
            self.result = self.result.joined(found) if self.result else found
            for reason in self.result.why[len(told) :]:
                warnings.warn(f"model {self.engine.checkpoint.name!r}: {reason}", stacklevel=3)
        return self.result


def _is_another(one: Encoded, shapes: Mapping[Shape, Encoded]) -> bool:
    """Whether image tensors have a shape that none has so far, among few that there are."""
    known = {shape.tensors for shape in shapes}
    return one.shape.tensors not in known and len(known) < SHAPES


def _some(encoded: Sequence[Encoded]) -> list[Encoded]:
    """Return answers that show most: several about one image, the longest, the shortest, and one of each shape."""
    first = max(rows(encoded, 3), key=lambda row: (bool(row.images), len(row.blocks)))
    chosen = dict.fromkeys(first.index[:3])
    like = sorted(
        (i for i, one in enumerate(encoded) if len(one.images) == len(first.images)),
        key=lambda i: len(encoded[i].prompt),
    )
    chosen |= dict.fromkeys([like[-1], like[0]])
    for n in sorted({len(one.images) for one in encoded}):
        by_tensors: dict[Hashable, int] = {}
        by_sizes: dict[Hashable, int] = {}
        for i, one in enumerate(encoded):
            if len(one.images) == n:
                by_tensors.setdefault(one.shape.tensors, i)
                by_sizes.setdefault(one.shape, i)
        chosen |= dict.fromkeys([*by_tensors.values()][:SHAPES] + [*by_sizes.values()][:SHAPES])
    return [encoded[i] for i in chosen]
