"""Two LoRA adapters on one frozen base, and the three states that a model can be asked in.

``target`` holds stage 1 and is frozen in stage 2; ``unlearn`` is trained on top. Each state is a
choice of scales: nothing is reloaded, no second copy of the model exists, and the reference is the
model that learned, not the base that never did.
"""

import contextlib
import hashlib
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from ..errors import ModelError

if TYPE_CHECKING:
    from peft import PeftModel
    from peft.tuners.lora import LoraLayer
    from torch import nn
    from transformers import PreTrainedModel

State = Literal["base", "target", "unlearned"]
#: Which adapters count in each state. The reference of stage 2 is the target.
ACTIVE: dict[State, frozenset[str]] = {
    "base": frozenset(),
    "target": frozenset({"target"}),
    "unlearned": frozenset({"target", "unlearn"}),
}


#: Modules between vision and language, by the names that families have for them.
_PROJECTOR = re.compile(
    r"(^|\.)(multi_modal_projector|mm_projector|connector|merger|aligner|language_projection|embed_vision)(\.|$)"
)
#: Inside some decoders: towers and their adapters, Mamba's output (peft refuses it), experts that peft takes for fused,
#: what chooses between experts or streams.
_NOT_ADAPTED = re.compile(
    r"(^|\.)(embed_tokens_extend\.|mamba\.out_proj$|shared_expert\.|shared_expert_gate$|modality_router$)"
)


def linear_parts(model: "PreTrainedModel") -> dict[str, list[str]]:
    """Return the linear layers of each part that LoRA can adapt, by full name.

    ``language`` is all linears of the language model's layers, ``projector`` those between vision
    and language, ``head`` the output head; the vision tower is in none. Call it before any
    adapter is added: LoRA layers hold linears of their own. Experts that are one parameter have no linear.
    """
    decoder = _name_of(model, model.get_decoder())
    head = _name_of(model, model.get_output_embeddings())
    linears = [n for n, m in model.named_modules() if _is_linear(m) and not _NOT_ADAPTED.search(n)]
    return {
        "language": [n for n in linears if n.startswith(f"{decoder}.") and n != head],
        "projector": [n for n in linears if _PROJECTOR.search(n)],
        "head": [n for n in linears if n == head],
    }


def _is_linear(module: "nn.Module") -> bool:
    """Whether LoRA can stand beside a module: not beside a router, a Linear that returns several tensors."""
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D

    return type(module) in (Linear, Conv1D) or (isinstance(module, Linear) and hasattr(module.weight, "quant_state"))


def target_names(linears: Mapping[str, Sequence[str]], parts: Sequence[str]) -> list[str]:
    """Return the layers of these parts, ``linears`` being those of all.

    Raises:
        ModelError: a part is unknown or has no linear layer in this model.
    """
    names: list[str] = []
    for part in parts:
        if part not in linears:
            raise ModelError(f"LoRA target {part!r} is unknown; choose from {', '.join(linears)}")
        if not linears[part]:
            raise ModelError(f"this model has no linear layer that is its {part}")
        names += linears[part]
    return names


def pattern(names: Sequence[str]) -> str:
    """Return a regex that matches exactly these modules (peft matches the full name)."""
    shapes = sorted({re.sub(r"\\\.\d+\\\.", r"\\.\\d+\\.", re.escape(name)) for name in names})
    return f"({'|'.join(shapes)})"


def add(
    model: "PreTrainedModel | PeftModel", name: str, rank: int, alpha: float, names: Sequence[str], seed: int
) -> "PeftModel":
    """Add a LoRA adapter (zero at the start) and return the peft model with it active."""
    import torch
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=0.0, target_modules=pattern(names))
    # A seed reaches the GPU's generator as well; this process's own is put back, too.
    own = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=own), warnings.catch_warnings():
        # peft sets it by the kind of each layer, and says so for each.
        warnings.filterwarnings("ignore", "fan_in_fan_out is set to", UserWarning)
        torch.manual_seed(seed)
        if hasattr(model, "peft_config"):
            if name in model.peft_config:
                model.delete_adapter(name)
            model.add_adapter(name, config)
        else:
            model = get_peft_model(model, config, adapter_name=name)
    check_targets(model, name, names)
    return model


def check_targets(model: "PeftModel", name: str, names: Sequence[str]) -> None:
    """Refuse an adapter that sits on other layers than planned (the vision tower, say)."""
    adapted = {n.removeprefix("base_model.model.") for n, m in layers(model) if name in m.lora_A}
    if adapted != set(names):
        odd = sorted(adapted ^ set(names))[:3]
        raise ModelError(f"LoRA sits on other layers than planned, for example {', '.join(odd)}")


def train_only(model: "PeftModel", name: str) -> "list[nn.Parameter]":
    """Activate all adapters, let only ``name`` learn; return its parameters (fp32).

    ``set_adapter`` makes every active adapter trainable again, hence the explicit pass.
    """
    import torch

    model.base_model.set_adapter(list(model.peft_config))
    chosen = []
    for path, parameter in model.named_parameters():
        parameter.requires_grad_(f".{name}." in path)
        parameter.grad = None  # of an earlier stage
        if parameter.requires_grad:
            if parameter.dtype != torch.float32:
                raise ModelError(f"{path} trains in {parameter.dtype}; adapters train in float32")
            chosen.append(parameter)
    return chosen


@contextlib.contextmanager
def activated(model: "PreTrainedModel | PeftModel", active: frozenset[str]) -> Iterator[None]:
    """Ask the model with some adapters: the scale of every other one is 0.

    A scale of exactly 0 touches no parameter, so it works under sharded parameters too.
    """
    saved = []
    for layer in _lora(model):
        for name, scale in layer.scaling.items():
            if name not in active:
                saved.append((layer, name, scale))
                layer.scaling[name] = 0.0
    try:
        yield
    finally:
        for layer, name, scale in saved:
            layer.scaling[name] = scale


@contextlib.contextmanager
def merged(model: "PreTrainedModel | PeftModel", active: frozenset[str]) -> Iterator[None]:
    """Ask with some adapters added to the weights: one product per layer, not five.

    For full-precision, unsharded weights without gradients. Each layer gets a weight of its own
    meanwhile (a head may share the input embedding's) and its old one back; peft's own unmerging
    would subtract and drift.
    """
    from torch.nn import Parameter

    saved = []
    with activated(model, active):
        try:
            for layer in _lora(model):
                names = [name for name in layer.lora_A if name in active]
                if names:
                    base = layer.get_base_layer()
                    saved.append((layer, base, base.weight))
                    base.weight = Parameter(base.weight.detach().clone(), requires_grad=False)
                    layer.merge(adapter_names=names)
            yield
        finally:
            for layer, base, weight in saved:
                base.weight = weight
                layer.merged_adapters.clear()


def layers(model: "nn.Module") -> "list[tuple[str, LoraLayer]]":
    """Return the LoRA layers with their names."""
    from peft.tuners.lora import LoraLayer

    return [(n, m) for n, m in model.named_modules() if isinstance(m, LoraLayer)]


def _lora(model: "nn.Module") -> "list[LoraLayer]":
    from peft.tuners.lora import LoraLayer

    return [m for m in model.modules() if isinstance(m, LoraLayer)]


def state_hash(model: "PeftModel", name: str) -> str:
    """Return a hash of an adapter's names and weights."""
    digest = hashlib.sha256()
    for path, parameter in sorted(model.named_parameters()):
        if f".{name}." in path:
            digest.update(path.encode())
            digest.update(parameter.detach().cpu().float().numpy().tobytes())
    return digest.hexdigest()[:16]


def core(model: "PreTrainedModel | PeftModel") -> "PreTrainedModel":
    """Return the transformers model below peft."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _name_of(model: "nn.Module", module: "nn.Module") -> str:
    return next((name for name, m in model.named_modules() if m is module), "")
