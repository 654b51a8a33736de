"""How long a conversation a checkpoint takes."""

from .checkpoint import Checkpoint

#: A tokenizer without a limit says so by a number beyond any context.
_NO_LIMIT = 1 << 24


def context_length(checkpoint: Checkpoint) -> tuple[int, str] | None:
    """Return how many tokens a prompt and its answer may have, and what says so; None where nothing does.

    The language model's positions, or the tokenizer's ``model_max_length`` where that is less.
    """
    found = []
    text = checkpoint.config.get_text_config()
    if positions := getattr(text, "max_position_embeddings", None):
        found.append((int(positions * _stretched(text)), "max_position_embeddings"))
    most = getattr(checkpoint.processor.tokenizer, "model_max_length", None)
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
