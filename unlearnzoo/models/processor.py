"""Load a checkpoint's processor, or the tokenizer of a model for text alone."""

from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..errors import ModelError, first_line

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, ProcessorMixin
    from transformers.image_processing_utils import BaseImageProcessor

#: What processors and models of some families need, by name in the error of transformers.
_VISION_EXTRA = ("torchvision", "num2words", "timm")


def refuse_odd_torchvision() -> None:
    """Refuse a torchvision that does not import: beside it transformers has no processor for any model.

    Raises:
        ModelError: names both versions.
    """
    if find_spec("torchvision") is None:
        return
    try:
        import_module("torchvision")
    except Exception as error:  # noqa: BLE001 - operators that are not there, libraries that do not load
        both = f"torchvision {version('torchvision')} does not work beside torch {version('torch')}"
        raise ModelError(
            f"{both} ({first_line(error)}): install the two that belong together, or take torchvision out"
        ) from None


def load_processor(name: str, source: str, trust_remote_code: bool) -> "ProcessorMixin | PreTrainedTokenizerBase":
    """Load the processor, or the tokenizer of a model for text alone.

    Raises:
        ModelError: it does not load.
    """
    from transformers import AutoProcessor

    try:
        processor = AutoProcessor.from_pretrained(source, trust_remote_code=trust_remote_code)
    except Exception as error:  # noqa: BLE001 - a damaged tokenizer.json raises just that
        told = wants(error)
        told = f"its processor {told}" if told else f"its processor does not load: {first_line(error)}"
        raise ModelError(f"model {name!r}: {told}") from None
    if hasattr(processor, "image_processor"):
        processor.image_processor = _same_pixels(source, processor.image_processor, trust_remote_code)
    elif not hasattr(processor, "added_tokens_decoder"):
        raise ModelError(f"model {name!r}: the folder holds no processor for images and text, and no tokenizer")
    return processor


def _same_pixels(source: str, own: "BaseImageProcessor", trust_remote_code: bool) -> "BaseImageProcessor":
    """Return the image processor that computes with Pillow, where there is one.

    Beside torchvision transformers would take one that gives other pixels, by up to a grey level.
    """
    from transformers import AutoImageProcessor

    try:
        found: BaseImageProcessor = AutoImageProcessor.from_pretrained(
            source, backend="pil", trust_remote_code=trust_remote_code
        )
    except Exception:  # noqa: BLE001 - older transformers, or a family without one
        return own
    return found


def wants(error: Exception) -> str:
    """Return what an error of transformers asks a user for, in our words: code to trust, a package; or ""."""
    if "trust_remote_code" in str(error):
        return "comes with code of its own: read it, then give --trust-remote-code"
    missing = [extra for extra in _VISION_EXTRA if extra in str(error).lower() and find_spec(extra) is None]
    return f"needs {missing[0]}: pip install 'unlearnzoo[vision]'" if missing else ""
