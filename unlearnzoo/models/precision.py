"""The numbers that the frozen base is held in. Adapters are fp32 beside any of them."""

import importlib.util
from typing import Any

from ..errors import OptionError
from .adapters import linear_parts

#: 4bit: NF4 with bf16 products, as in Dettmers et al., *QLoRA* (2023); vision tower, projector and head stay bf16.
PRECISIONS = ("fp32", "bf16", "4bit")


def check(precision: str | None, sharded: bool) -> None:
    """Refuse what is unknown or cannot be loaded here.

    Args:
        precision: None: what suits the device.
        sharded: the weights are shared out over processes.

    Raises:
        OptionError: with what would be right.
    """
    if precision is None:
        return
    if precision not in PRECISIONS:
        raise OptionError(f"--precision {precision!r}: choose {', '.join(PRECISIONS)}")
    if precision == "4bit" and sharded:
        raise OptionError("--precision 4bit: sharded weights (zero3) cannot be in 4 bits; use zero2")
    if precision == "4bit" and importlib.util.find_spec("bitsandbytes") is None:
        raise OptionError("--precision 4bit: bitsandbytes is not installed: pip install 'unlearnzoo[4bit]'")


def resolve(precision: str | None, on_gpu: bool) -> str:
    """Return what suits the device where nothing was chosen."""
    return precision or ("bf16" if on_gpu else "fp32")


def dtype(precision: str) -> Any:
    """Return the type of the base's numbers; of a 4-bit base's products."""
    import torch

    return torch.float32 if precision == "fp32" else torch.bfloat16


def quantised(model: Any) -> Any:
    """Return how a model is loaded in 4 bits: the linear layers of its language model, and nothing else.

    Args:
        model: an empty one, as ``load.empty`` makes it.
    """
    import torch
    from transformers import BitsAndBytesConfig

    language = set(linear_parts(model)["language"])
    others = [name for name, m in model.named_modules() if isinstance(m, torch.nn.Linear) and name not in language]
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16,
                              llm_int8_skip_modules=others)


def sizes(model: Any) -> dict[str, int]:
    """Return the bytes of an empty model in each precision; in 4 bits with an fp32 scale for each 64 numbers."""
    every = sum(p.numel() for p in model.parameters())
    language = [model.get_submodule(name).weight.numel() for name in linear_parts(model)["language"]]
    return {"fp32": 4 * every, "bf16": 2 * every,
            "4bit": 2 * (every - sum(language)) + sum(n // 2 + 4 * -(-n // 64) for n in language)}
