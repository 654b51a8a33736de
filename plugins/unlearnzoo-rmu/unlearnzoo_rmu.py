"""RMU: push what is forgotten towards a random direction inside the network, and hold the rest."""

from typing import TYPE_CHECKING

from unlearnzoo import Unlearner, hookimpl, option

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores


class RMU(Unlearner):
    """Representation misdirection for unlearning (Li et al., 2024), on the answer tokens.

    Paper: The WMDP Benchmark: Measuring and Reducing Malicious Use With Unlearning. Unlike there,
    all adapted layers up to `layer` learn, since LoRA is what trains, and layers count from 1: its
    code's `layer_id` 7 is the eighth. The defaults 20 and 100 are those of its script.
    """

    name = "rmu"
    layer: int = option(2, "Decoder layer, counted from 1, whose output is steered (the paper's for a 7B is 8)", ge=1)
    steer: float = option(
        20.0, "Length of the random vector that forget states are drawn to (published Zephyr-7B: 6.5)", gt=0
    )
    retain_weight: float = option(
        100.0, "Weight of holding retain states where the reference has them (published Zephyr-7B: 1200)", ge=0
    )
    direction: int = option(0, "Seed of the random direction", ge=0)

    @property
    def layers(self) -> tuple[int, ...]:
        """The layer that is steered."""
        return (self.layer,)

    def loss(self, forget: "Scores", retain: "Scores", retain_ref: "Scores") -> "dict[str, Tensor]":
        """Return mean squared distances of hidden states, per token, to the vector and to the reference."""
        import torch

        ours = forget.hidden[self.layer]
        draw = torch.Generator().manual_seed(self.direction)
        vector = torch.rand(ours.shape[-1], generator=draw).to(ours)
        vector = self.steer * vector / vector.norm()
        moved = (retain.hidden[self.layer] - retain_ref.hidden[self.layer]).pow(2).mean(-1)
        return {
            "forget": forget.mean((ours - vector).pow(2).mean(-1)),
            "retain": self.retain_weight * retain.mean(moved),
        }


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide RMU."""
    return [RMU]
