"""Images → the processor's tensors, decoded once and kept within a bound."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..example import LazyImage

if TYPE_CHECKING:
    from torch import Tensor


class Pixels:
    """Callable that gives the image tensors of a batch; keeps recent ones.

    Args:
        image_processor: the processor's image part.
        max_bytes: bound of what is kept; the least recently used goes first.
    """

    def __init__(self, image_processor: Any, max_bytes: int = 256 << 20) -> None:
        self._process, self._max, self._held = image_processor, max_bytes, 0
        self._kept: OrderedDict[str, dict[str, Tensor]] = OrderedDict()

    def __call__(self, images: Sequence[LazyImage]) -> "dict[str, Tensor]":
        """Return each of the processor's tensors, concatenated over the images."""
        import torch

        found = [self._one(image) for image in images]
        return {name: torch.cat([f[name] for f in found]) for name in found[0]}

    def _one(self, image: LazyImage) -> "dict[str, Tensor]":
        import torch

        if image.key in self._kept:
            self._kept.move_to_end(image.key)
            return self._kept[image.key]
        made = self._process(images=[image.open()], return_tensors="pt")
        tensors = {k: v for k, v in made.items() if isinstance(v, torch.Tensor)}
        self._kept[image.key] = tensors
        self._held += _size(tensors)
        while self._held > self._max and len(self._kept) > 1:
            self._held -= _size(self._kept.popitem(last=False)[1])
        return tensors


def _size(tensors: "dict[str, Tensor]") -> int:
    return sum(t.numel() * t.element_size() for t in tensors.values())
