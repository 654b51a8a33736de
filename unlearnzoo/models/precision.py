"""The numbers that the frozen base is held in. Adapters are fp32 beside any of them."""

import importlib.metadata
import importlib.util
import warnings
from typing import TYPE_CHECKING, Any

from ..errors import ModelError, OptionError
from .lora import linear_parts

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import BitsAndBytesConfig, PreTrainedModel

#: A ``bitsandbytes.nn.Linear4bit``, whose annotations say nothing of what it packs.
Linear4bit = Any
#: 4bit: NF4 with bf16 products, as in Dettmers et al., *QLoRA* (2023); vision tower, projector and head stay bf16.
PRECISIONS = ("fp32", "bf16", "4bit")
#: How far a 4-bit layer may be from the product with its dequantised weights, by norm: bf16 rounds at about 0.003.
TOLERANCE = 0.05


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


def dtype(precision: str) -> "torch.dtype":
    """Return the type of the base's numbers; of a 4-bit base's products."""
    import torch

    return torch.float32 if precision == "fp32" else torch.bfloat16


def arithmetic(precision: str, on_gpu: bool, mixed: str) -> str:
    """Return what decides how results are rounded, for keys of caches and the record.

    What was learned by ``4bit`` alone may have had wrong gradients, by the processor.

    Args:
        precision: as resolved.
        on_gpu: there TF32 may stand in for fp32.
        mixed: what accelerate was told of mixed precision, in a launch file perhaps: ``no`` but for a fault.
    """
    import torch

    products = dtype(precision)
    facts = {
        "base": "4bit dequantised" if precision == "4bit" else _short(products),
        "adapters": _short(torch.float32),
        "logits": _short(torch.float32),
        "autocast": "no" if products == torch.float32 else _short(products),
        "mixed": mixed,
        "fp32 products": torch.get_float32_matmul_precision(),
        "fp32 convolutions": "tf32" if on_gpu and torch.backends.cudnn.allow_tf32 else "ieee",
    }
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def _short(numbers: "torch.dtype") -> str:
    return str(numbers).removeprefix("torch.")


def quantised(model: "PreTrainedModel") -> "BitsAndBytesConfig":
    """Return how a model is loaded in 4 bits: the linear layers of its language model, and nothing else.

    Args:
        model: an empty one, as ``checkpoint.empty`` makes it.
    """
    import torch
    from transformers import BitsAndBytesConfig

    language = set(linear_parts(model)["language"])
    others = [name for name, m in model.named_modules() if isinstance(m, torch.nn.Linear) and name not in language]
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=torch.bfloat16,
        llm_int8_skip_modules=others,
    )


def settle(model: "nn.Module") -> None:
    """Let each 4-bit layer multiply with its dequantised weights, whatever the processor.

    In evaluation mode, where the processor has AVX512-BF16, bitsandbytes would pack the weights anew and for good, for
    a product that has no gradient. Training is in evaluation mode, too.
    """
    packed = _packed(model)
    if packed:
        # That a width is no multiple of 64 and has a slower product: nothing that a user could change.
        warnings.filterwarnings("ignore", category=UserWarning, module="bitsandbytes")
    for _, layer in packed:
        layer.support_avx512bf16_for_cpu = False


def verify(model: "nn.Module", name: str) -> None:
    """Compare the first 4-bit layer of each shape with its dequantised weights: product and gradient of its input.

    Args:
        model: on its device, in evaluation mode.
        name: what the user typed.

    Raises:
        ModelError: they differ: training would go wrong without a word.
    """
    first: dict[tuple[int, ...], tuple[str, Linear4bit]] = {}
    for path, layer in _packed(model):
        first.setdefault(tuple(layer.weight.quant_state.shape), (path, layer))
    for path, layer in first.values():
        error = _error(layer)
        if not error < TOLERANCE:
            raise ModelError(
                f"model {name!r}: its 4-bit layer {path} is off by {error:.0%} from the weights that it holds, in "
                f"product or gradient (bitsandbytes {importlib.metadata.version('bitsandbytes')}, "
                f"{layer.weight.device.type}): choose --precision bf16, or install another version of bitsandbytes"
            )


def _packed(model: "nn.Module") -> list[tuple[str, Linear4bit]]:
    import torch

    return [
        (path, layer)
        for path, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear) and hasattr(layer.weight, "quant_state")
    ]


def _error(layer: Linear4bit) -> float:
    """Return the largest relative error: one row without gradients as in generating, some with, and backwards."""
    import torch
    from bitsandbytes.functional import dequantize_4bit

    weight, bias = layer.weight, layer.bias
    # Before any call: one without gradients may pack the weights anew.
    values = dequantize_4bit(weight.data, weight.quant_state).float()
    generator = torch.Generator().manual_seed(0)
    x, back = (torch.randn(64, n, generator=generator).to(weight.device, torch.bfloat16) for n in values.shape[::-1])
    wanted = torch.nn.functional.linear(x.float(), values, None if bias is None else bias.float())
    with torch.no_grad():
        alone = layer(x[:1])
    # Where a product has no gradient torch warns, and gives None or no graph at all.
    with torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        several = layer(x.requires_grad_())
        gradient = torch.autograd.grad(several, x, back, allow_unused=True)[0] if several.requires_grad else None
    pairs = [
        (alone, wanted[:1]),
        (several.detach(), wanted),
        (torch.zeros_like(values[0]) if gradient is None else gradient, back.float() @ values),
    ]
    return max(
        (float((ours.float() - right).norm() / right.norm()) for ours, right in pairs),
        key=lambda error: (error != error, error),
    )  # not a number is the worst


def sizes(model: "PreTrainedModel") -> dict[str, int]:
    """Return the bytes of an empty model in each precision; in 4 bits with an fp32 scale for each 64 numbers."""
    every = sum(p.numel() for p in model.parameters())
    language = [model.get_submodule(name).weight.numel() for name in linear_parts(model)["language"]]
    return {
        "fp32": 4 * every,
        "bf16": 2 * every,
        "4bit": 2 * (every - sum(language)) + sum(n // 2 + 4 * -(-n // 64) for n in language),
    }
