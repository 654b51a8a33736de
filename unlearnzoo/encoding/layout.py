"""Where the tokens of a packed row lie and what they see: cut from what the model itself does with unpacked rows.

Positions and masks of each question are computed as if it stood alone, by the model's own code, and cut behind the
shared prefix. So sliding windows, positions on three axes, pictures that see themselves in both directions need no
rule of their own; a prefix that sees what follows it cannot be shared.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..data.bounded import BoundedCache

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from .encode import Encoded

#: Bytes of masks that are kept: they are the same for all rows of a length.
_MASKS = 64 << 20
#: What masks depend on besides.
_TOLD = ("token_type_ids", "mm_token_type_ids")
#: Kind of layer → ``(S, S)`` bool, or None where each token sees all before it; "" where all layers are of one kind.
Masks = Mapping[str, "Tensor | None"]


class CannotPackError(Exception):
    """A prefix that is not independent of what follows it, or layers that take no mask."""


class Layout:
    """Asks a transformers model.

    Args:
        model: below peft.
    """

    def __init__(self, model: "PreTrainedModel") -> None:
        self.model = model
        self._recurrent = _is_recurrent(model)
        self._rope = next((m for m in model.modules() if hasattr(m, "get_rope_index")), None)
        #: Positions may be on several axes.
        self.has_axes = self._rope is not None
        self._masks: BoundedCache[tuple[object, ...], Masks] = BoundedCache(_MASKS, _nbytes)

    def positions(self, encoded: "Encoded", images: "Mapping[str, Tensor]") -> "Tensor | None":
        """Return the positions of a row, ``(3, S)`` where the model has three axes; None where it just counts."""
        import torch

        if self._rope is None or "image_grid_thw" not in images:
            return None
        given = {"input_ids": torch.tensor([encoded.prompt + encoded.answer]), **images, **encoded.beside}
        names = inspect.signature(self._rope.get_rope_index).parameters
        found: Tensor = self._rope.get_rope_index(**{k: v for k, v in given.items() if k in names})[0]
        return found[:, 0]

    def masks(self, encoded: "Encoded") -> Masks:
        """Return the masks of a row by kind of layer.

        Raises:
            CannotPackError: some layers take no mask.
        """
        if self._recurrent:
            raise CannotPackError("recurrent layers carry one question into the next")
        length = len(encoded.prompt) + len(encoded.answer)
        told = {name: encoded.beside[name] for name in _TOLD if name in encoded.beside}
        key = (length, *(tensor.numpy().tobytes() for tensor in told.values()))
        kept = self._masks.get(key)
        if kept is None:
            kept = self._made(length, told)
            self._masks.put(key, kept)
        return kept

    def _made(self, length: int, told: "Mapping[str, Tensor]") -> Masks:
        import torch
        from transformers.masking_utils import create_masks_for_generate

        make = getattr(self.model, "create_masks_for_generate", create_masks_for_generate)
        embedded = torch.empty(1, length, 0, dtype=self.model.dtype)
        given = {
            "config": self.model.config,
            "inputs_embeds": embedded,
            "attention_mask": torch.ones(1, length, dtype=torch.long),
            "past_key_values": None,
            "position_ids": None,
            "is_first_iteration": True,
            **told,
        }
        if "input_embeds" in inspect.signature(make).parameters:  # transformers 5.0
            given |= {"input_embeds": given.pop("inputs_embeds"), "cache_position": torch.arange(length)}
        made = make(**given)
        return {kind: _square(mask) for kind, mask in (made if isinstance(made, dict) else {"": made}).items()}

    def as_taken(self, masks: "Mapping[str, Tensor]") -> "Tensor | dict[str, Tensor]":
        """Return masks ``(B, 1, S, S)`` in the form that the model's attention takes."""
        import torch

        if self.model.config.get_text_config()._attn_implementation != "sdpa":  # eager adds the mask
            low, numbers = torch.finfo(self.model.dtype).min, self.model.dtype
            masks = {kind: torch.zeros(m.shape, dtype=numbers).masked_fill(~m, low) for kind, m in masks.items()}
        return masks[""] if "" in masks else dict(masks)


def _is_recurrent(model: "PreTrainedModel") -> bool:
    """Whether some layers keep a state: by how transformers marks the model, or by the kinds of its layers."""
    kinds = getattr(model.config.get_text_config(), "layer_types", None) or []
    states = any(kind in ("conv", "mamba", "linear_attention", "recurrent") for kind in kinds)
    return states or any(getattr(module, "_is_stateful", False) for module in model.modules())


def causal(segment: "Tensor") -> "Tensor":
    """Return masks of rows in which each token sees all before it, ``(B, 1, S, S)`` bool.

    Args:
        segment: ``(B, S)``: 0 the shared prefix, 1, 2, … the questions, which see the prefix and themselves alone; -1
            padding.
    """
    import torch

    width = segment.shape[1]
    before = torch.ones(width, width, dtype=torch.bool).tril()
    same = (segment[:, :, None] == segment[:, None, :]) | (segment[:, None, :] == 0)
    # Padding attends to itself: a row that may attend to nothing gives NaN.
    return ((before & same) | torch.eye(width, dtype=torch.bool))[:, None]


def seen(rows: "Sequence[Sequence[Tensor]]", prefix: Sequence[int], width: int) -> "Tensor":
    """Lay out masks ``(S, S)`` of questions that stand alone: ``(B, 1, width, width)`` bool; padding sees itself.

    Args:
        rows: of each row, the masks of its questions.
        prefix: of each row, the tokens that its questions share.
        width: of the padded batch.

    Raises:
        CannotPackError: a prefix sees what follows it.
    """
    import torch

    masks = torch.eye(width, dtype=torch.bool).repeat(len(rows), 1, 1)
    for mask, row, shared in zip(masks, rows, prefix, strict=True):
        if any(alone[:shared, shared:].any() for alone in row):
            raise CannotPackError("the shared prefix sees what follows it")
        mask[:shared, :shared] = row[0][:shared, :shared]
        start = shared
        for alone in row:
            end = start + len(alone) - shared
            mask[start:end, :shared], mask[start:end, start:end] = alone[shared:, :shared], alone[shared:, shared:]
            start = end
    return masks[:, None]


def laid(rows: "Sequence[Sequence[Tensor]]", prefix: Sequence[int], width: int) -> "Tensor":
    """Lay out what has a value for each token on its last axis, ``(..., S)``: ``(..., B, width)``, padded with 0."""
    import torch

    whole = [
        torch.cat([row[0][..., :shared], *(alone[..., shared:] for alone in row)], -1)
        for row, shared in zip(rows, prefix, strict=True)
    ]
    return torch.stack([torch.nn.functional.pad(one, (0, width - one.shape[-1])) for one in whole], -2)


def _square(mask: "Tensor | None") -> "Tensor | None":
    import torch

    if mask is None:
        return None
    if mask.ndim != 4:
        raise CannotPackError("some layers take no mask")
    square = mask[0, 0] if mask.dtype == torch.bool else mask[0, 0] == 0
    return None if torch.equal(square, torch.ones_like(square).tril()) else square


def _nbytes(masks: Masks) -> int:
    return 64 + sum(0 if mask is None else mask.nbytes for mask in masks.values())
