"""What a checkpoint's configuration says: the class of the model, what its forward takes, its ends, its context."""

import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import (
        AutoModelForCausalLM,
        AutoModelForImageTextToText,
        PretrainedConfig,
        PreTrainedModel,
        PreTrainedTokenizerBase,
    )

    AutoClass = type[AutoModelForCausalLM | AutoModelForImageTextToText]

#: A tokenizer without a limit says so by a number beyond any context.
_NO_LIMIT = 1 << 24


def auto_class(config: "PretrainedConfig") -> "AutoClass":
    """Return the auto class of a configuration: pictures and text, else text alone."""
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    own = getattr(config, "auto_map", None) or {}
    pictures = type(config) in AutoModelForImageTextToText._model_mapping or AutoModelForImageTextToText.__name__ in own
    return AutoModelForImageTextToText if pictures else AutoModelForCausalLM


def model_class(config: "PretrainedConfig") -> "type[PreTrainedModel] | None":
    """Return the class that the auto class would make; None where transformers has none of its own."""
    mapping = auto_class(config)._model_mapping
    if type(config) not in mapping:
        return None
    found = mapping[type(config)]
    return found[0] if isinstance(found, tuple | list) else found


def forward_names(config: "PretrainedConfig") -> frozenset[str] | None:
    """Return what the forward of a configuration's model takes by name; None where that is not known."""
    kind = model_class(config)
    return None if kind is None else frozenset(inspect.signature(kind.forward).parameters)


def end_tokens(source: str, config: "PretrainedConfig") -> list[int]:
    """Return the tokens that end an answer, as the checkpoint has them: one, a list, or none."""
    from transformers import GenerationConfig

    try:
        own = GenerationConfig.from_pretrained(source).eos_token_id
    except OSError:
        own = getattr(config.get_text_config(), "eos_token_id", None)
    return own if isinstance(own, list) else [] if own is None else [own]


def context_length(config: "PretrainedConfig", tokenizer: "PreTrainedTokenizerBase") -> tuple[int, str] | None:
    """Return how many tokens a prompt and its answer may have, and what says so; None where nothing does.

    The language model's positions, or the tokenizer's ``model_max_length`` where that is less.
    """
    found = []
    text = config.get_text_config()
    if positions := getattr(text, "max_position_embeddings", None):
        found.append((int(positions * _stretched(text)), "max_position_embeddings"))
    most = getattr(tokenizer, "model_max_length", None)
    if most and most < _NO_LIMIT:
        found.append((int(most), "the tokenizer's model_max_length"))
    return min(found, key=lambda one: one[0], default=None)


def _stretched(text: object) -> float:
    """Return by what factor positions reach beyond those that the configuration names.

    Other kinds than these (Llama 3's, YaRN) name the longer number.
    """
    rope = getattr(text, "rope_parameters", None) or getattr(text, "rope_scaling", None) or {}
    kind = rope.get("rope_type", rope.get("type"))
    factor = rope.get("factor")
    return float(factor) if kind in ("linear", "dynamic") and isinstance(factor, int | float) else 1.0
