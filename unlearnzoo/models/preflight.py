"""What a checkpoint is found to be before its weights load: its parts for LoRA, and whether its files fit together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ModelError, first_line
from .checkpoint import Checkpoint, empty
from .lora import linear_parts
from .processor import wants

if TYPE_CHECKING:
    from transformers import PreTrainedModel

#: Width and height of the pictures that are tried; some models cut a picture by its shape.
SIZES = ((64, 64), (48, 96))
#: Keys of LLaVA's processor that must fit the model's configuration, where both have them.
_KEYS = ("patch_size", "vision_feature_select_strategy", "num_additional_image_tokens")
_EXPERTS = re.compile(r"(^|\.)experts\.[a-z_]+$")


@dataclass(frozen=True)
class Looked:
    """What was seen of a model without weights.

    Attributes:
        linears: part → how many layers LoRA can adapt; empty where the model's code does not run without weights.
        experts: experts are one parameter for all, which LoRA on layers leaves alone.
    """

    linears: Mapping[str, int]
    experts: bool = False


def look(checkpoint: Checkpoint) -> Looked:
    """Build the model without weights; compare what the processor returns for a picture with what it makes of it.

    A model whose code does not run without weights is let pass.

    Raises:
        ModelError: they differ, or the model needs a package that is not there.
    """
    model = _without_weights(checkpoint)
    if checkpoint.encoder.image_id is not None:
        _check_images(checkpoint, checkpoint.encoder.image_id, model)
    return Looked({}) if model is None else parts(model)


def parts(model: "PreTrainedModel") -> Looked:
    """Count what LoRA can adapt of a model without weights."""
    linears = {part: len(names) for part, names in linear_parts(model).items()}
    return Looked(linears, any(p.ndim == 3 and _EXPERTS.search(name) for name, p in model.named_parameters()))


def _check_images(checkpoint: Checkpoint, image: int, model: "PreTrainedModel | None") -> None:
    what, config = f"model {checkpoint.name!r}", checkpoint.config
    expected = getattr(config, "image_token_id", getattr(config, "image_token_index", None))
    if expected is not None and expected != image:
        raise ModelError(
            f"{what}: its processor writes token {image} for an image, and its config.json says {expected}"
        )
    # Llama 3.2's table has rows beyond the vocabulary, for this token alone.
    table = int(config.get_text_config().vocab_size) if model is None else model.get_input_embeddings().num_embeddings
    if image >= table:
        raise ModelError(f"{what}: the token of an image is {image}, and the embedding table has {table:,} rows")
    for size in SIZES:
        features = None if model is None else _features(model, checkpoint, size)
        tokens = checkpoint.encoder.image_tokens(size)
        if features is not None and features != tokens:
            raise ModelError(
                f"{what}: its processor gives a picture {tokens} tokens, and the model makes {features} features of "
                f"it; {_keys(checkpoint)}"
            )


def _without_weights(checkpoint: Checkpoint) -> "PreTrainedModel | None":
    import torch

    try:
        return empty(checkpoint, torch.float32)
    except Exception as error:  # noqa: BLE001 - the model's own code, on tensors without content; loading will tell
        if told := wants(error):
            raise ModelError(f"model {checkpoint.name!r} {told}") from None
        return None


def _features(model: "PreTrainedModel", checkpoint: Checkpoint, size: tuple[int, int]) -> int | None:
    """Return how many features the model makes of a picture; None where that is not known without weights."""
    import torch
    from PIL import Image

    encoder = checkpoint.encoder
    given = encoder.inputs.tensors(encoder.chat.prompt(1, ""), [Image.new("RGB", size)])
    if not all(torch.isfinite(pixels).all() for pixels in given.values()):
        raise ModelError(
            f"model {checkpoint.name!r}: its image processor gives pixels that are no numbers; look at image_std "
            f"{getattr(checkpoint.processor.image_processor, 'image_std', None)} and rescale_factor in "
            "processor_config.json"
        )
    inputs = {name: t.to("meta") if t.is_floating_point() else t for name, t in given.items()}
    try:
        with torch.no_grad():
            return _count(model.get_image_features(**inputs))
    except (ValueError, IndexError) as error:  # a size that the tower does not take, a layer that it does not have
        raise ModelError(
            f"model {checkpoint.name!r}: it does not take what its image processor gives: {first_line(error)}"
        ) from None
    except Exception:  # noqa: BLE001 - as above
        return None


def _count(features: Any) -> int:
    """Count vectors: of a tensor (…, width), a list of them, or an output that holds either."""
    features = getattr(features, "pooler_output", features)
    if isinstance(features, list | tuple):
        return sum(map(_count, features))
    return int(features.numel() // features.shape[-1])


def _keys(checkpoint: Checkpoint) -> str:
    """Name the keys that decide it, as the processor and the model's configuration have them."""
    config = checkpoint.config
    vision = getattr(config, "vision_config", None)
    own = {
        "patch_size": getattr(vision, "patch_size", None),
        "vision_feature_select_strategy": getattr(config, "vision_feature_select_strategy", None),
        # One class token, where the tower has one.
        "num_additional_image_tokens": 1 if "clip" in getattr(vision, "model_type", "") else 0,
    }
    named = [
        f"{key} {getattr(checkpoint.processor, key)} against {own[key]}"
        for key in _KEYS
        if hasattr(checkpoint.processor, key) and own[key] is not None
    ]
    if not named:
        return "processor_config.json and config.json do not belong together"
    return f"compare in processor_config.json against config.json: {', '.join(named)}"
