"""Find and load a checkpoint: an installed model plugin, a local folder or a hub id, one path."""

import contextlib
import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..encoding.encode import Encoder
from ..errors import ModelError, first_line
from ..storage import lfs
from . import adapter_check, bounds
from .architecture import auto_class, end_tokens, forward_names, model_class
from .precision import quantised, settle
from .processor import load_processor, refuse_odd_torchvision, wants

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase, ProcessorMixin


@dataclass(frozen=True)
class Checkpoint:
    """A model that was looked at but not loaded.

    Attributes:
        name: what the user typed.
        source: folder or hub id.
        config: the model's configuration.
        processor: the loaded processor; the tokenizer of a model for text alone.
        encoder: turns examples into the tokens that the processor gives.
        weights: hash of weights, configuration and processor files (None for a hub id that is
            not in the local cache yet).
        adapter: folder of a peft adapter: merged into fp32 weights, left beside any others.
        precision: of ``precision.PRECISIONS``; None: what suits the device.
    """

    name: str
    source: str
    config: "PretrainedConfig"
    processor: "ProcessorMixin | PreTrainedTokenizerBase"
    encoder: Encoder
    weights: str | None
    trust_remote_code: bool
    adapter: Path | None = None
    precision: str | None = None


def inspect(
    name: str,
    source: "Path | str",
    trust_remote_code: bool = False,
    weights: bool = True,
    precision: str | None = None,
    special_tokens: str = "refuse",
) -> Checkpoint:
    """Read configuration and processor, no weights; try the chat template.

    Args:
        name: what the user typed.
        source: folder or hub id.
        trust_remote_code: let the model's repository run its own code.
        weights: whether a folder must hold them; without, only weights of another format are refused.
        precision: in which to load them later.
        special_tokens: see ``Encoder``.

    Raises:
        ModelError: not there, no model that answers in text, one with an encoder of its own, not in safetensors, or one
            whose processor or chat template does not work (see ``Encoder``).
    """
    source = str(source)
    config = configuration(name, source, trust_remote_code)
    processor = load_processor(name, source, trust_remote_code)
    try:
        encoder = Encoder(
            processor, special_tokens, end_tokens(source, config), forward_names(config), config.model_type
        )
    except ModelError as error:
        raise ModelError(f"model {name!r}: {error}") from None
    if os.path.isdir(source):
        _require_safetensors(name, Path(source), weights)
    return Checkpoint(name, source, config, processor, encoder, _hash(source), trust_remote_code, precision=precision)


def configuration(name: str, source: str, trust_remote_code: bool = False) -> "PretrainedConfig":
    """Read the configuration of a model that answers in text.

    Raises:
        ModelError: not there, no model that answers in text, or one with an encoder of its own.
    """
    from transformers import AutoConfig

    refuse_odd_torchvision()
    _refuse_missing_folder(name, source)
    _refuse_pointers(f"model {name!r}", Path(source))
    _refuse_large(f"model {name!r}", source)
    options = {"trust_remote_code": trust_remote_code}
    try:
        config = AutoConfig.from_pretrained(source, **options)
    except Exception as error:  # noqa: BLE001 - numbers that fit no model raise anything
        if told := wants(error):
            raise ModelError(f"model {name!r} {told}") from None
        # A field's name and what is wrong with it are on lines of their own.
        reason = " ".join(str(error).split())[:300] if type(error).__name__.startswith("Strict") else first_line(error)
        raise ModelError(f"model {name!r}: {reason}") from None
    if model_class(config) is None and not (trust_remote_code and getattr(config, "auto_map", None)):
        raise ModelError(f"model {name!r} is a {config.model_type!r}, which transformers knows no answering model of")
    if config.is_encoder_decoder:
        raise ModelError(
            f"model {name!r}: a {config.model_type!r} has an encoder of its own; only decoders are supported"
        )
    return config


def with_adapter(checkpoint: Checkpoint, folder: Path) -> Checkpoint:
    """Return the checkpoint with a peft adapter on it, looked at but not loaded.

    Raises:
        ModelError: the folder holds no adapter, a damaged one, or one that is not in safetensors.
    """
    _refuse_pointers(f"adapter {str(folder)!r}", folder)
    adapter_check.check(folder)
    both = None if checkpoint.weights is None else f"{checkpoint.weights}+{_hash(str(folder))}"
    return replace(checkpoint, adapter=folder, weights=both)


def load(checkpoint: Checkpoint, dtype: "torch.dtype") -> "PreTrainedModel":
    """Load the weights, in evaluation mode (dropout off in both stages).

    Raises:
        ModelError: the weights are missing, damaged or not safetensors.
    """
    import torch
    from safetensors import SafetensorError

    how = {"quantization_config": quantised(empty(checkpoint, dtype))} if checkpoint.precision == "4bit" else {}
    try:
        model, info = auto_class(checkpoint.config).from_pretrained(
            checkpoint.source,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=checkpoint.trust_remote_code,
            output_loading_info=True,
            **how,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"model {checkpoint.name!r}: its weights do not load: {first_line(error)}") from None
    if info["missing_keys"]:
        missing = ", ".join(sorted(info["missing_keys"])[:3])
        raise ModelError(f"model {checkpoint.name!r}: weights are missing: {missing} …")
    settle(model)
    if checkpoint.adapter is not None:
        model = _adapted(model, checkpoint.adapter, merge=dtype == torch.float32)
    return model.eval().requires_grad_(False)


def empty(checkpoint: Checkpoint, dtype: "torch.dtype") -> "PreTrainedModel":
    """Return the model from its configuration alone, on the meta device."""
    return without_weights(checkpoint.config, dtype, checkpoint.trust_remote_code)


def without_weights(config: "PretrainedConfig", dtype: "torch.dtype", trust_remote_code: bool) -> "PreTrainedModel":
    """Return the model of a configuration on the meta device."""
    from accelerate import init_empty_weights

    with init_empty_weights():
        model = auto_class(config).from_config(config, dtype=dtype, trust_remote_code=trust_remote_code)
    model.tie_weights()  # parameters that are one were made one by one
    return model.eval().requires_grad_(False)


def _adapted(model: "PreTrainedModel", folder: Path, merge: bool) -> "PreTrainedModel":
    """Put a peft adapter on the model, as a run has its own.

    Args:
        model: the base.
        folder: that peft saved.
        merge: add it to the weights. Those in bf16 or 4 bits would round away what it adds.

    Raises:
        ModelError: it was made for another model, in whole or in part, or changes no weights.
    """
    from peft import PeftConfig, PeftModel

    name = "unlearn"  # `lora.activated` switches off the layers of any other name
    try:
        config = PeftConfig.from_pretrained(str(folder))
        if config.is_prompt_learning:
            raise ValueError(f"it adds to prompts ({config.peft_type}), not to weights as LoRA does")
        config.inference_mode = True
        adapted = PeftModel(model, config, name)
        # As `PeftModel.from_pretrained`, which does not return what did not fit.
        keys = adapted.load_adapter(
            str(folder), name, torch_device="cpu", key_mapping=getattr(model, "_checkpoint_conversion_mapping", None)
        )
        if odd := [*keys.unexpected_keys, *keys.missing_keys]:
            # Where nothing is loaded LoRA is zero, and the base would be judged.
            raise ValueError(
                f"{len(keys.unexpected_keys)} of its tensors have no place there and "
                f"{len(keys.missing_keys)} places get none, such as {odd[0]}"
            )
        return adapted.merge_and_unload() if merge else adapted.get_base_model()
    except Exception as error:  # noqa: BLE001 - a configuration that was edited makes peft raise anything
        raise ModelError(f"adapter {str(folder)!r} does not fit the model: {first_line(error)}") from None


def _refuse_missing_folder(name: str, source: str) -> None:
    looks_local = source.startswith((".", "/", "~")) or source.count("/") > 1
    if os.path.isfile(source):
        raise ModelError(f"model {name!r} is a file; give the folder that holds config.json")
    if os.path.isfile(f"{source}/adapter_config.json") and not os.path.isfile(f"{source}/config.json"):
        raise ModelError(
            f"model {name!r} is only a peft adapter: `evaluate` takes it by --adapter, beside --model with the model "
            "that it was made for; elsewhere merge it into that model first (docs/howto/model.md) and give the result"
        )
    if looks_local and not os.path.isdir(source):
        raise ModelError(f"model {name!r}: there is no such folder")
    if "/" not in source and not os.path.isdir(source):
        raise ModelError(
            f"no model {name!r}: give an installed model (`unlearnzoo list`), "
            "a folder, or a hub id such as llava-hf/llava-1.5-7b-hf"
        )


def _refuse_large(what: str, source: str) -> None:
    """Refuse files and numbers of a size that no model has; what is not there or damaged is told by who reads it."""
    from transformers import BaseImageProcessor, PretrainedConfig

    if os.path.isdir(source):
        bounds.refuse_large_files(what, Path(source))
    for file, read in (
        ("config.json", PretrainedConfig.get_config_dict),
        ("its image processor", BaseImageProcessor.get_image_processor_dict),
    ):
        found: dict[str, object] = {}
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            found = dict(read(source)[0])
        bounds.refuse_large(what, found, file)


def _refuse_pointers(what: str, folder: Path) -> None:
    """Refuse a folder with files that git did not fetch."""
    if not folder.is_dir():
        return
    if told := lfs.told(path for path in folder.iterdir() if path.is_file()):
        raise ModelError(f"{what}: {told}")


def _require_safetensors(name: str, folder: Path, weights: bool) -> None:
    others = any(path.suffix in (".bin", ".pt", ".pth", ".ckpt") for path in folder.iterdir())
    if not any(folder.glob("*.safetensors")) and (weights or others):
        raise ModelError(
            f"model {name!r}: no *.safetensors in {folder}; other formats can run code "
            "on loading and are not read: convert it with save_pretrained"
        )


def _hash(source: str) -> str | None:
    """Hash file names and bytes of a local checkpoint; of a hub id the revision that is in the local cache."""
    folder = Path(source)
    if not folder.is_dir():
        from huggingface_hub import try_to_load_from_cache

        config = try_to_load_from_cache(source, "config.json")
        return Path(config).parent.name if isinstance(config, str) else None
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.iterdir() if p.suffix in (".safetensors", ".json", ".jinja", ".model")):
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
