"""What the frozen vision tower makes of an image, computed once: in memory first, on disk behind it.

No LoRA touches the tower, so its output is a constant of (image, processor, tower); the projector, which may be
trained, comes after it and is always computed. Training, scoring and generation all ask here for the model's
``pixel_values``; features stand in for pixels, and the tower, told apart by the number of dimensions, lets them pass.
"""

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..data.bounded import BoundedCache
from ..encoding.encode import Encoded
from ..encoding.images import ImageTensors
from ..encoding.prompts import PromptInputs
from ..errors import RunError
from ..image import PICTURE_RULE, LazyImage
from ..storage.cache import cache_folder
from ..storage.hashing import content_key
from .vision_cache import FeatureFiles

if TYPE_CHECKING:
    from transformers import PreTrainedModel

#: Makes the context that forwards run in.
Autocast = Callable[[], AbstractContextManager[object]]
#: Parameters of the tower x patches of an image from which on features are kept: CLIP-L at 336 px has 2e11, the
#: embedded model 2e7, where running the tower costs less than asking for what is known.
WORTH = 1e9
#: Bytes in memory, and on disk unless ``UNLEARNZOO_VISION_GB`` says otherwise (0: nothing is kept).
MEMORY, DISK_GB = 256 << 20, 8.0
#: Towers that give each image the same number of tokens, from pixels alone.
_TOWERS = ("clip_vision_model", "siglip_vision_model")


def inputs(
    model: "PreTrainedModel", asked: PromptInputs, autocast: Autocast, worth: float = WORTH, memory: int = MEMORY
) -> "ImageTensors | Features":
    """Return what gives a model its image tensors: features where they are worth keeping, else pixels.

    Args:
        model: the transformers model, before any adapter.
        asked: asks the processor.
        autocast: the context that forwards run in.
        worth: see `WORTH`.
        memory: bytes of the features that are kept in memory.

    Raises:
        RunError: ``UNLEARNZOO_VISION_GB`` is no number.
    """
    pixels, disk = ImageTensors(asked), _max_bytes()
    config = model.config
    vision = getattr(config, "vision_config", None)
    if vision is None or not disk or config.model_type != "llava" or vision.model_type not in _TOWERS:
        return pixels
    if not isinstance(config.vision_feature_layer, int):
        return pixels
    tower = model.model.vision_tower
    patches = (vision.image_size // vision.patch_size) ** 2
    if sum(p.numel() for p in tower.parameters()) * patches < worth:
        return pixels
    files = FeatureFiles(cache_folder("vision"), disk)
    return Features(tower, config.vision_feature_layer, pixels, asked, autocast, files, memory)


class Features:
    """Callable like `ImageTensors` whose ``pixel_values`` are the tower's hidden states, ``(n, tokens, width)``.

    Args:
        tower: the vision tower; it is changed to let features pass.
        layer: whose hidden state the projector is given.
        pixels: where there is no feature.
        asked: the settings of its image part are part of what a feature is known by.
        autocast: the context that forwards run in.
        files: those on disk.
        max_bytes: bound of those in memory.
    """

    def __init__(
        self,
        tower: "PreTrainedModel",
        layer: int,
        pixels: ImageTensors,
        asked: PromptInputs,
        autocast: Autocast,
        files: FeatureFiles,
        max_bytes: int = MEMORY,
    ) -> None:
        self.tower, self.layer, self.pixels, self.files = tower, layer, pixels, files
        self._autocast = autocast
        self._kept: BoundedCache[str, Tensor] = BoundedCache(max_bytes, lambda feature: feature.nbytes)
        self._settings = json.dumps(asked.processor.image_processor.to_dict(), sort_keys=True, default=str)
        self._state = _versions(tower)
        self._tower = _digest(tower)
        with autocast():
            # Training asks outside of it, generation inside; features are always made inside.
            self._mixed = torch.is_autocast_enabled(next(tower.parameters()).device.type)
        _let_features_pass(tower, layer)

    def __call__(self, prompts: Sequence[Encoded]) -> dict[str, Tensor]:
        """Return ``pixel_values`` of a batch: features, or pixels if the tower is no constant.

        Raises:
            DataError: an image cannot be read or decoded; names the row.
        """
        if _versions(self.tower) != self._state:
            return self.pixels(prompts)
        every = [self._one(prompt, number) for prompt in prompts for number in range(len(prompt.images))]
        return {"pixel_values": torch.stack(every)}

    @property
    def note(self) -> str:
        """What a run says of it."""
        return (
            f"vision features are kept in {self.files.folder}, at most {self.files.max_bytes / 1e9:g} GB "
            "(UNLEARNZOO_VISION_GB); `unlearnzoo purge --all` removes them"
        )

    def prefetch(self, prompts: Iterable[Encoded]) -> None:
        """Have images decoded in the background whose features are not known."""
        self.pixels.prefetch(prompt for prompt in prompts if not all(map(self._known, prompt.images)))

    def _known(self, image: LazyImage) -> bool:
        return image.key in self._kept or self._address(image) in self.files

    def _one(self, prompt: Encoded, number: int) -> Tensor:
        image = prompt.images[number]
        feature = self._kept.get(image.key)
        if feature is None:
            address = self._address(image)
            feature = self.files.get(address)
            if feature is None:
                feature = self._compute(prompt, number)
                self.files.put(address, feature)
            self._kept.put(image.key, feature)
        return feature

    @torch.no_grad()
    def _compute(self, prompt: Encoded, number: int) -> Tensor:
        """Run the tower on one image: in a batch its last digits would depend on the others."""
        device = next(self.tower.parameters()).device
        pixels = self.pixels([prompt])["pixel_values"][number : number + 1].to(device)
        with self._autocast():
            states = self.tower(pixels, output_hidden_states=True, return_dict=True).hidden_states
        feature: Tensor = states[self.layer][0].cpu().contiguous()
        return feature

    def _address(self, image: LazyImage) -> str:
        """Hash all that a feature depends on; the versions stand for how it is computed."""
        weight = next(self.tower.parameters())
        what = (
            self._tower,
            self.layer,
            self._settings,
            str(weight.dtype),
            weight.device.type,
            self._mixed,
            _libraries(),
            PICTURE_RULE,
            image.key,
        )
        return content_key(what, 40)


def _let_features_pass(tower: "PreTrainedModel", layer: int) -> None:
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    stock = tower.forward

    @functools.wraps(stock)
    def forward(pixel_values: Tensor, *args: object, **kwargs: object) -> BaseModelOutputWithPooling:
        if pixel_values.ndim != 3:
            return stock(pixel_values, *args, **kwargs)
        own = next(tower.parameters())
        # Autocast lets the projector take any dtype; without it the projector needs the model's.
        mixed = torch.is_autocast_enabled(own.device.type)
        return BaseModelOutputWithPooling(hidden_states={layer: pixel_values if mixed else pixel_values.to(own.dtype)})

    tower.forward = forward


def _versions(tower: "PreTrainedModel") -> "tuple[int, ...] | None":
    """Return a mark that changes with the tower's weights; None where they are trained or dealt out (ZeRO-3)."""
    parameters = list(tower.parameters())
    if any(p.requires_grad or hasattr(p, "ds_id") for p in parameters):
        return None
    return tuple(p._version for p in parameters)


def _digest(tower: "PreTrainedModel") -> str:
    total = hashlib.sha256(json.dumps(tower.config.to_dict(), sort_keys=True, default=str).encode())
    for name, parameter in sorted(tower.state_dict().items()):
        total.update(name.encode())
        total.update(parameter.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


@functools.cache
def _libraries() -> str:
    return " ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transformers", "pillow"))


def _max_bytes() -> int:
    text = os.environ.get("UNLEARNZOO_VISION_GB", str(DISK_GB))
    with contextlib.suppress(ValueError, OverflowError):
        if (max_bytes := int(float(text) * 1e9)) >= 0:
            return max_bytes
    raise RunError(f"UNLEARNZOO_VISION_GB={text}: give the gigabytes that vision features may take on disk, 0 for none")
