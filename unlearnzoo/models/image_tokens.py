"""Whether processor and model agree on images: as many tokens as the vision tower gives features, for the same id."""

from typing import TYPE_CHECKING, Any

from ..errors import ModelError, first_line
from .checkpoint import Checkpoint, empty

if TYPE_CHECKING:
    from transformers import PreTrainedModel

#: Width and height of the pictures that are tried; some models cut a picture by its shape.
SIZES = ((64, 64), (48, 96))
#: Keys of LLaVA's processor that must fit the model's configuration, where both have them.
_KEYS = ("patch_size", "vision_feature_select_strategy", "num_additional_image_tokens")


def check(checkpoint: Checkpoint) -> None:
    """Compare what the processor returns for a picture with what the model makes of it, without weights.

    A model whose code does not run without weights is let pass.

    Raises:
        ModelError: they differ.
    """
    image = checkpoint.encoder.image_id
    if image is None:
        return
    what, config = f"model {checkpoint.name!r}", checkpoint.config
    expected = getattr(config, "image_token_id", getattr(config, "image_token_index", None))
    if expected is not None and expected != image:
        raise ModelError(
            f"{what}: its processor writes token {image} for an image, and its config.json says {expected}"
        )
    if image >= (rows := int(config.get_text_config().vocab_size)):
        raise ModelError(f"{what}: the token of an image is {image}, and the embedding table has {rows:,} rows")
    model = None
    for size in SIZES:
        model = model or _without_weights(checkpoint)
        features = None if model is None else _features(model, checkpoint, size)
        tokens = checkpoint.encoder.chat.image_tokens(size)
        if features is not None and features != tokens:
            raise ModelError(
                f"{what}: its processor gives a picture {tokens} tokens, and the model makes {features} features of "
                f"it; {_keys(checkpoint)}"
            )


def _without_weights(checkpoint: Checkpoint) -> "PreTrainedModel | None":
    import torch

    try:
        return empty(checkpoint, torch.float32)
    except Exception:  # noqa: BLE001 - the model's own code, on tensors without content; loading will tell
        return None


def _features(model: "PreTrainedModel", checkpoint: Checkpoint, size: tuple[int, int]) -> int | None:
    """Return how many features the model makes of a picture; None where that is not known without weights."""
    import torch
    from PIL import Image

    given = checkpoint.processor.image_processor(images=[Image.new("RGB", size)], return_tensors="pt")
    if not all(torch.isfinite(pixels).all() for pixels in given.values() if isinstance(pixels, torch.Tensor)):
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
