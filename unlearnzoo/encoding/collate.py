"""Rows → one padded batch of tensors, and where in it the answer tokens are predicted from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .encode import Encoded
from .layout import Layout, causal, laid, seen
from .packing import Kind, Row, alike, by_kind
from .prompts import joined

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    #: By name a tensor, or one for each kind of layer.
    Input = Tensor | dict[str, Tensor]
    Inputs = dict[str, Input]

#: Example, part, row, predicting position, target.
_Token = tuple[int, int, int, int, int]
#: Prompts with images → the image tensors of a batch of them.
Pixels = Callable[[Sequence[Encoded]], "dict[str, Tensor]"]


@dataclass(frozen=True)
class Batch:
    """Padded rows as tensors, and where the answer tokens are predicted from.

    Attributes:
        parts: keyword arguments of the model (ids, positions, masks, image tensors), of one forward each: rows that
            belong together, but are not of one kind, do not share it.
        at: ``(T, 3)`` part, row and position whose hidden state predicts each answer token.
        targets: ``(T,)`` the answer tokens, example after example.
        row: ``(T,)`` example of each token, 0-based in the order given.
        n: number of examples.
    """

    parts: "tuple[Inputs, ...]"
    at: "Tensor"
    targets: "Tensor"
    row: "Tensor"
    n: int

    def to(self, device: "torch.device | str") -> "Batch":
        """Return the batch on another device."""

        def moved(one: "Input") -> "Input":
            return {kind: mask.to(device) for kind, mask in one.items()} if isinstance(one, dict) else one.to(device)

        parts = tuple({name: moved(one) for name, one in part.items()} for part in self.parts)
        at, targets, row = (x.to(device) for x in (self.at, self.targets, self.row))
        return replace(self, parts=parts, at=at, targets=targets, row=row)


def collate(packed: Sequence[Row], pad: int, pixels: Pixels, layout: Layout | None, kind: Kind = alike) -> Batch:
    """Pad rows into one batch; examples are renumbered 0.. in ascending order of their index.

    Args:
        packed: the rows.
        pad: padding token id.
        pixels: gives the image tensors.
        layout: the model's positions and masks; None for an ordinary 2-D mask and no positions, for models that
            cannot be packed (each row must then hold one example).
        kind: what rows of one forward have in common.

    Raises:
        CannotPackError: see ``Layout``.
    """
    import torch

    tokens: list[_Token] = []
    parts = []
    for number, rows in enumerate(by_kind([[row] for row in packed], kind)):
        inputs, scored = _part([row for unit in rows for row in unit], number, pad, pixels, layout)
        parts.append(inputs)
        tokens += scored
    # By example: the sort is stable, so the tokens of an answer keep their order.
    tokens.sort(key=lambda t: t[0])
    order = {example: i for i, example in enumerate(sorted({i for r in packed for i in r.index}))}
    flat = torch.tensor([(order[e], *at, target) for e, *at, target in tokens], dtype=torch.long).reshape(-1, 5)
    return Batch(tuple(parts), flat[:, 1:4], flat[:, 4], flat[:, 0], len(order))


def _part(
    packed: Sequence[Row], number: int, pad: int, pixels: Pixels, layout: Layout | None
) -> "tuple[Inputs, list[_Token]]":
    """Pad rows that share a forward; return its inputs and the tokens that are scored."""
    import torch

    width = max(len(row) for row in packed)
    ids = torch.full((len(packed), width), pad)
    position = torch.zeros((len(packed), width), dtype=torch.long)
    segment = torch.full((len(packed), width), -1)
    tokens: list[_Token] = []
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
                tokens.append((example, number, r, before, target))
            start = end
    inputs: Inputs = {"input_ids": ids, "attention_mask": (segment >= 0).long(), **_beside(packed)}
    if layout is not None:
        inputs |= _masks(packed, segment, layout)
        own = _positions(packed, width, pixels, layout) if layout.has_axes and packed[0].images else None
        inputs["position_ids"] = position if own is None else own
    if packed[0].images:
        inputs |= pixels([row.blocks[0] for row in packed])
    return inputs, tokens


def _beside(packed: Sequence[Row]) -> "Mapping[str, Tensor]":
    """Lay out what the model is told of each token besides, ``(B, S, ...)``."""
    import torch

    return {
        name: joined(
            [
                torch.cat(
                    [
                        row.blocks[0].beside[name][:, : len(row.prefix)],
                        *(block.beside[name][:, len(row.prefix) :] for block in row.blocks),
                    ],
                    1,
                )
                for row in packed
            ]
        )
        for name in packed[0].blocks[0].beside
    }


def _masks(packed: Sequence[Row], segment: "Tensor", layout: Layout) -> "Inputs":
    """Return the mask of a packed batch, of each kind of layer."""
    import torch

    alone = [[layout.masks(block) for block in row.blocks] for row in packed]
    prefix = [len(row.prefix) for row in packed]

    def whole(kind: str) -> "Tensor":
        if all(masks[kind] is None for row in alone for masks in row):
            return causal(segment)
        squares: list[list[Tensor]] = []
        for row, of_row in zip(packed, alone, strict=True):
            squares.append([])
            for block, masks in zip(row.blocks, of_row, strict=True):
                length, mask = len(block.prompt) + len(block.answer), masks[kind]
                squares[-1].append(torch.ones(length, length, dtype=torch.bool).tril() if mask is None else mask)
        return seen(squares, prefix, segment.shape[1])

    return {"attention_mask": layout.as_taken({kind: whole(kind) for kind in alone[0][0]})}


def _positions(packed: Sequence[Row], width: int, pixels: Pixels, layout: Layout) -> "Tensor | None":
    """Return positions on the model's own axes, ``(axes, B, S)``; None where it just counts."""
    rows: list[list[Tensor]] = []
    for row in packed:
        images = pixels(row.blocks[:1])
        rows.append([found for block in row.blocks if (found := layout.positions(block, images)) is not None])
    return laid(rows, [len(row.prefix) for row in packed], width) if rows[0] else None
