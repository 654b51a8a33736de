"""Lay all questions on one image behind one image prefix, and pad such rows to a batch.

Each question sees the prefix and itself alone; its positions restart after the prefix. Loss and
gradients equal those of separate rows, while the hundreds of image tokens are computed once.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..image import LazyImage
from .encode import Encoded

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Row:
    """One image prefix with the questions behind it; ``index`` says which example each is."""

    prefix: tuple[int, ...]
    images: tuple[LazyImage, ...]
    blocks: tuple[Encoded, ...]
    index: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prefix) + sum(len(b.context) + len(b.answer) for b in self.blocks)


@dataclass(frozen=True)
class Batch:
    """Padded rows as tensors, and where the answer tokens are predicted from.

    Attributes:
        inputs: keyword arguments of the model (ids, positions, mask, image tensors).
        at: ``(T, 2)`` row and position whose hidden state predicts each answer token.
        targets: ``(T,)`` the answer tokens, example after example.
        row: ``(T,)`` example of each token, 0-based in the order given.
        n: number of examples.
    """

    inputs: dict[str, "Tensor"]
    at: "Tensor"
    targets: "Tensor"
    row: "Tensor"
    n: int

    def to(self, device: object) -> "Batch":
        """Return the batch on another device."""
        moved = {k: v.to(device) for k, v in self.inputs.items()}  # type: ignore[call-overload]
        at, targets, row = (x.to(device) for x in (self.at, self.targets, self.row))  # type: ignore[call-overload]
        return replace(self, inputs=moved, at=at, targets=targets, row=row)


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


def collate(
    packed: Sequence[Row], pad: int, pixels: Callable[[Sequence[LazyImage]], dict[str, "Tensor"]], plain: bool = False
) -> Batch:
    """Pad rows into one batch; examples are renumbered 0.. in ascending order of their index.

    Args:
        packed: the rows.
        pad: padding token id.
        pixels: images → the processor's image tensors.
        plain: an ordinary 2-D mask and no positions, for models that cannot be packed
            (each row must then hold one example).
    """
    import torch

    width = max(len(row) for row in packed)
    ids = torch.full((len(packed), width), pad)
    position = torch.zeros((len(packed), width), dtype=torch.long)
    segment = torch.full((len(packed), width), -1)
    tokens: list[tuple[int, int, int, int]] = []  # example, row, predicting position, target
    for r, row in enumerate(packed):
        # The prefix is segment 0, the questions are 1, 2, ...; padding stays -1.
        start = len(row.prefix)
        ids[r, :start] = torch.tensor(row.prefix, dtype=torch.long)
        position[r, :start] = torch.arange(start)
        segment[r, :start] = 0
        for k, (block, example) in enumerate(zip(row.blocks, row.index, strict=True), 1):
            text = block.context + block.answer
            end = start + len(text)
            ids[r, start:end] = torch.tensor(text)
            # Each question goes on from the prefix, as if it stood there alone.
            position[r, start:end] = torch.arange(len(row.prefix), len(row.prefix) + len(text))
            segment[r, start:end] = k
            first = start + len(block.context)
            for j, target in enumerate(block.answer):
                # A block without context is predicted from the end of the shared prefix.
                before = first + j - 1 if first + j > start else len(row.prefix) - 1
                tokens.append((example, r, before, target))
            start = end
    # By example: the sort is stable, so the tokens of an answer keep their order.
    tokens.sort(key=lambda t: t[0])
    order = {example: i for i, example in enumerate(sorted({i for r in packed for i in r.index}))}
    images = [image for row in packed for image in row.images]
    inputs = {"input_ids": ids, "attention_mask": (segment >= 0).long()}
    if not plain:
        inputs |= {"attention_mask": _mask(segment), "position_ids": position}
    if images:
        inputs |= pixels(images)
    flat = torch.tensor([(order[e], r, p, t) for e, r, p, t in tokens], dtype=torch.long).reshape(-1, 4)
    return Batch(inputs, flat[:, 1:3], flat[:, 3], flat[:, 0], len(order))


def _mask(segment: "Tensor") -> "Tensor":
    """``(B, 1, S, S)`` bool: causal, within the same question or towards the shared prefix."""
    import torch

    width = segment.shape[1]
    causal = torch.ones(width, width, dtype=torch.bool).tril()
    same = (segment[:, :, None] == segment[:, None, :]) | (segment[:, None, :] == 0)
    # Padding attends to itself: a row that may attend to nothing gives NaN.
    return ((causal & same) | torch.eye(width, dtype=torch.bool))[:, None]
