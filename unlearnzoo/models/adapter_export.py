"""Save the adapters ``target`` and ``unlearn`` as one that loads on the named base alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..errors import ModelError, first_line
from ..storage.atomic import atomic_write, private_folder
from .lora import pattern

if TYPE_CHECKING:
    from peft import LoraConfig

WEIGHTS = "adapter_model.safetensors"


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


def mixed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return an adapter of the same effect whose ranks are not its parts: singular directions of their sum.

    ``joined`` leaves the target readable as its first ranks. Of the sum alone no split is told from any other
    (``B A = (B M)(M^-1 A)`` for every M), so this gives away what weights with the adapter merged in give away.
    """
    found: dict[str, Tensor] = {}
    for name in (n for n in tensors if ".lora_A." in n):
        other = name.replace(".lora_A.", ".lora_B.")
        down, up = tensors[name].double(), tensors[other].double()
        rank = down.shape[0]
        # By two small factors: the sum itself may be as large as a layer.
        q_up, r_up = torch.linalg.qr(up)
        q_down, r_down = torch.linalg.qr(down.T)
        u, s, v = torch.linalg.svd(r_up @ r_down.T, full_matrices=False)
        pad = rank - s.numel()
        half = s.sqrt()
        for key, whole, amount in (
            (name, half[:, None] * (v @ q_down.T), (0, 0, 0, pad)),
            (other, (q_up @ u) * half, (0, pad)),
        ):
            found[key] = torch.nn.functional.pad(whole, amount).to(tensors[key].dtype).contiguous()
    return found


def mix(folder: Path) -> None:
    """Put ``mixed`` in the place of an adapter's weights.

    Raises:
        ModelError: it holds no adapter that a run saved.
        RunError: it cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load
    from safetensors.torch import save as saved

    file = folder / WEIGHTS
    try:
        tensors = load(file.read_bytes())
        fresh = mixed(tensors)
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise ModelError(f"{folder}: holds no adapter that a run saved: {first_line(error)}") from None
    if not fresh or set(fresh) != set(tensors):
        raise ModelError(f"{folder}: holds no adapter that a run saved: there are other tensors than LoRA's")
    atomic_write(file, saved(fresh))


def save(folder: Path, tensors: Mapping[str, Tensor], base: str, config: "LoraConfig") -> None:
    """Write ``adapter_model.safetensors`` and ``adapter_config.json``."""
    from peft import LoraConfig
    from safetensors.torch import save_file

    rank = _rank(tensors)
    layers = [n.removeprefix("base_model.model.").rpartition(".lora_")[0] for n in tensors]
    private_folder(folder)
    LoraConfig(
        r=rank,
        lora_alpha=rank,
        lora_dropout=0.0,
        target_modules=pattern(sorted(set(layers))),
        base_model_name_or_path=base,
        task_type=config.task_type,
        inference_mode=True,
    ).save_pretrained(folder)
    save_file(dict(tensors), folder / WEIGHTS)
    for path in folder.iterdir():  # the libraries leave that to the umask
        path.chmod(0o600)


def _rank(tensors: Mapping[str, Tensor]) -> int:
    return next(int(t.shape[0]) for n, t in tensors.items() if ".lora_A." in n)
