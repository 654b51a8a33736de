"""An adapter taken off the model: kept, scaled, and put back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import ZooError, first_line

if TYPE_CHECKING:
    from torch import Tensor

    from .engine import Engine


@dataclass(frozen=True)
class AdapterWeights:
    """One LoRA adapter on the CPU.

    Attributes:
        tensors: as peft names them.
        rank: columns of each ``lora_B``.
        alpha: the update is scaled by ``alpha / rank``.
        parts: parts of the model that it adapts (``language``, ``projector``, ``head``).
    """

    tensors: "Mapping[str, Tensor]"
    rank: int
    alpha: float
    parts: tuple[str, ...]

    @property
    def scale(self) -> float:
        """What the product of the two matrices is multiplied by."""
        return self.alpha / self.rank

    def times(self, factor: float) -> "AdapterWeights":
        """Return the adapter that adds ``factor`` times as much; negative takes away what it added."""
        return replace(self, tensors={n: t * factor if ".lora_B." in n else t for n, t in self.tensors.items()})


def take(engine: "Engine", name: str) -> AdapterWeights:
    """Copy an adapter of the engine's model."""
    from peft import get_peft_model_state_dict

    with engine.sharding.gathered(engine.model, name):
        tensors: dict[str, Tensor] = {
            n: t.detach().cpu().clone()
            for n, t in get_peft_model_state_dict(engine.model, adapter_name=name, save_embedding_layers=False).items()
        }
    layers = {n.removeprefix("base_model.model.").rpartition(".lora_")[0] for n in tensors}
    parts = tuple(part for part, names in engine.linears.items() if layers & set(names))
    config = engine.model.peft_config[name]
    return AdapterWeights(tensors, config.r, config.lora_alpha, parts)


def put(engine: "Engine", name: str, weights: AdapterWeights) -> None:
    """Put an adapter on the engine's model, in place of the one of that name.

    Raises:
        ZooError: it was made for another model.
    """
    from peft import set_peft_model_state_dict

    engine.adapt(name, weights.rank, weights.alpha, weights.parts, seed=0)
    try:
        report = set_peft_model_state_dict(engine.model, dict(weights.tensors), adapter_name=name)
    except RuntimeError as error:  # other shapes
        raise ZooError(f"the adapter {name!r} does not fit this model: {first_line(error)}") from None
    if report.unexpected_keys:
        raise ZooError(f"the adapter {name!r} does not fit this model: {report.unexpected_keys[0]}")
