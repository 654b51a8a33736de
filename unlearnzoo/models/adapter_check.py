"""Look at a peft adapter before any weights load: an edited configuration or header is refused in the plan."""

from collections.abc import Mapping
from pathlib import Path

from ..data.problems import quoted
from ..errors import ModelError, first_line
from ..storage.documents import read_json

#: A rank that costs little, whatever its tensors have: `rank_pattern` may leave `r` without a layer.
_ANY = 4096


def check(folder: Path) -> None:
    """Refuse what is no adapter in safetensors, whole.

    Raises:
        ModelError: naming the file.
    """
    from safetensors import SafetensorError, safe_open

    what, config, weights = f"adapter {str(folder)!r}", "adapter_config.json", "adapter_model.safetensors"
    if not (folder / config).is_file():
        raise ModelError(f"{what}: there is no {config}; give a folder that peft saved")
    if not (folder / weights).is_file():
        raise ModelError(f"{what}: there is no {weights}; other formats can run code on loading and are not read")
    try:
        about = read_json(folder / config)
        if not isinstance(about, dict):
            raise ValueError("damaged; it is no object")
    except (OSError, ValueError) as error:
        raise ModelError(f"{what}: {config} is {first_line(error)}") from None
    try:
        # Opening it reads the header, and looks whether it fits the file.
        with safe_open(folder / weights, "numpy") as tensors:
            names = [name for name in tensors.keys() if ".lora_A." in name]  # noqa: SIM118 - no mapping
            ranks = [tensors.get_slice(name).get_shape()[0] for name in names]
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{what}: {weights} is damaged: {first_line(error)[:300]}") from None
    _refuse_ranks(f"{what}: {config}", about, max(ranks, default=0))


def _refuse_ranks(where: str, about: Mapping[str, object], most: int) -> None:
    """Refuse ranks that no tensor has: peft would make room for them first."""
    patterns = about.get("rank_pattern") or {}
    if not isinstance(patterns, Mapping):
        raise ModelError(f"{where}: rank_pattern {quoted(patterns)} is no object")
    for name, rank in [("r", about.get("r", 0)), *(("rank_pattern", rank) for rank in patterns.values())]:
        if not isinstance(rank, int):
            raise ModelError(f"{where}: {name} {quoted(rank)} is no rank")
        if rank > max(most, _ANY):
            raise ModelError(f"{where}: {name} {rank}, but its tensors have rank {most} at most")
