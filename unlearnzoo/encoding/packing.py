"""Lay all questions on one image behind one image prefix.

Each question sees the prefix and itself alone; its positions go on from the prefix. Loss and gradients equal those of
separate rows, while the hundreds of image tokens are computed once.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

from ..image import LazyImage
from .encode import Encoded


@dataclass(frozen=True)
class Row:
    """One image prefix with the questions behind it; ``index`` says which example each is."""

    prefix: tuple[int, ...]
    images: tuple[LazyImage, ...]
    blocks: tuple[Encoded, ...]
    index: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prefix) + sum(len(b.context) + len(b.answer) for b in self.blocks)


#: What rows of one forward have in common.
Kind = Callable[[Row], Hashable]


def rows(encoded: Sequence[Encoded], per_row: int, bundle: Sequence[int] | None = None) -> list[Row]:
    """Group examples by image, at most ``per_row`` bundles per row, in order of first appearance (see `bundled`)."""
    return [row for unit in bundled(encoded, per_row, bundle) for row in unit]


def bundled(encoded: Sequence[Encoded], per_row: int, bundle: Sequence[int] | None = None) -> list[list[Row]]:
    """Return rows, those together whose examples belong together: one, or one for each image of its bundles.

    Args:
        encoded: the examples.
        per_row: how many bundles may share a prefix.
        bundle: examples with equal numbers stay together (a forget answer and its refusal).
    """
    numbers = range(len(encoded)) if bundle is None else bundle
    # A home is what a row is for: the prefix that its examples share. Without an image there is nothing to share, and
    # the bundle has a home of its own.
    homes = [(e.image_key, e.prefix) if e.images else (n,) for e, n in zip(encoded, numbers, strict=True)]
    bundles: dict[int, list[int]] = {}
    for i, number in enumerate(numbers):
        bundles.setdefault(number, []).append(i)
    groups: dict[tuple[object, ...], list[list[int]]] = {}
    for number, members in bundles.items():
        # Bundles on the same images share all their rows, so that no row ties other bundles together.
        key = tuple(dict.fromkeys(homes[i] for i in members if encoded[i].images)) or (number,)
        groups.setdefault(key, []).append(members)
    # A group may hold more bundles than a row may: it is cut into units, and a unit has a row per home.
    return [
        _unit(encoded, homes, [i for members in group[start : start + per_row] for i in members])
        for group in groups.values()
        for start in range(0, len(group), per_row)
    ]


def _unit(encoded: Sequence[Encoded], homes: Sequence[tuple[object, ...]], members: Sequence[int]) -> list[Row]:
    at_home: dict[tuple[object, ...], list[int]] = {}
    for i in members:
        at_home.setdefault(homes[i], []).append(i)
    return [
        Row(encoded[index[0]].prefix, encoded[index[0]].images, tuple(encoded[i] for i in index), tuple(index))
        for index in at_home.values()
    ]


def alike(row: Row) -> Hashable:
    """Return what rows of one forward have in common: the number of their images.

    Some models fail on others, or compute them otherwise than alone.
    """
    return len(row.images)


def same_shape(row: Row) -> Hashable:
    """Return what rows have in common whose images have the same sizes."""
    return row.blocks[0].shape


def by_kind(units: Sequence[Sequence[Row]], kind: Kind) -> list[list[Sequence[Row]]]:
    """Part units by the kinds of their rows, in order of first appearance."""
    parts: dict[Hashable, list[Sequence[Row]]] = {}
    for unit in units:
        parts.setdefault(frozenset(kind(row) for row in unit), []).append(unit)
    return list(parts.values())


def chunks(units: Sequence[Sequence[Row]], max_tokens: int) -> Iterator[list[Row]]:
    """Cut units of rows, sorted by length, into batches of at most ``max_tokens`` padded tokens."""
    batch: list[Row] = []
    for unit in sorted(units, key=lambda rows: (max(map(len, rows)), rows[0].index)):
        if batch and max(map(len, unit)) * (len(batch) + len(unit)) > max_tokens:
            yield batch
            batch = []
        batch += unit
    if batch:
        yield batch


def singles(encoded: Sequence[Encoded], bundle: Sequence[int] | None = None) -> list[list[Row]]:
    """Give each example a row of its own, for models that cannot be packed; bundles stay together."""
    bundles: dict[int, list[Row]] = {}
    for i, example in enumerate(encoded):
        bundles.setdefault(i if bundle is None else bundle[i], []).append(single(example, i))
    return list(bundles.values())


def single(encoded: Encoded, index: int) -> Row:
    """Return a row with one example."""
    return Row(encoded.prefix, encoded.images, (encoded,), (index,))


def single_chunks(bundles: Sequence[Sequence[Row]], per_batch: int) -> Iterator[list[Row]]:
    """Cut bundles of single rows, in order, into batches of at most ``per_batch`` rows."""
    batch: list[Row] = []
    for bundle in bundles:
        if batch and len(batch) + len(bundle) > per_batch:
            yield batch
            batch = []
        batch += bundle
    if batch:
        yield batch
