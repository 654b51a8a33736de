"""Save the adapters ``target`` and ``unlearn`` as one that loads on the named base alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .lora import pattern

if TYPE_CHECKING:
    from peft import LoraConfig


def joined(parts: Sequence[tuple[Mapping[str, Tensor], float]]) -> dict[str, Tensor]:
    """Concatenate adapters along the rank; exact, with scale 1.

    Args:
        parts: (tensors as peft names them, scale) of each adapter.

    Returns:
        Tensors of rank ``sum of ranks`` on every layer; a layer that only some adapt is filled
        with zeros, since a saved adapter has one rank.
    """
    total = sum(_rank(tensors) for tensors, _ in parts)
    names = sorted({n for tensors, _ in parts for n in tensors})
    whole_adapter = {}
    for name in names:
        down = ".lora_A." in name
        pieces = [t[name] * (1.0 if down else scale) for t, scale in parts if name in t]
        whole = torch.cat(pieces, dim=0 if down else 1)
        missing = total - whole.shape[0 if down else 1]
        pad = (0, 0, 0, missing) if down else (0, missing)
        whole_adapter[name] = torch.nn.functional.pad(whole, pad).contiguous()
    return whole_adapter


def save(folder: Path, tensors: Mapping[str, Tensor], base: str, config: "LoraConfig") -> None:
    """Write ``adapter_model.safetensors`` and ``adapter_config.json``."""
    from peft import LoraConfig
    from safetensors.torch import save_file

    rank = _rank(tensors)
    layers = [n.removeprefix("base_model.model.").rpartition(".lora_")[0] for n in tensors]
    folder.mkdir(parents=True, exist_ok=True)
    LoraConfig(
        r=rank,
        lora_alpha=rank,
        lora_dropout=0.0,
        target_modules=pattern(sorted(set(layers))),
        base_model_name_or_path=base,
        task_type=config.task_type,
        inference_mode=True,
    ).save_pretrained(folder)
    save_file(dict(tensors), folder / "adapter_model.safetensors")


def _rank(tensors: Mapping[str, Tensor]) -> int:
    return next(int(t.shape[0]) for n, t in tensors.items() if ".lora_A." in n)
