"""Gradient ascent, held near the target model's distribution on what to keep."""

from typing import TYPE_CHECKING

from unlearnzoo import Unlearner, hookimpl, option

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores


class KL(Unlearner):
    """Gradient ascent with KL(reference || model) on retain answers (Kurmanji et al., 2023).

    Papers: Towards Unbounded Machine Unlearning; with ascent, TOFU (Maini et al., 2024), whose code
    takes all positions. Here the divergence is over answer tokens alone, the mean of each answer.
    """

    name = "kl"
    reference = {"retain_ref": "logits"}
    retain_weight: float = option(1.0, "Weight of the divergence on retain answers", ge=0)

    def loss(self, forget: "Scores", retain: "Scores", retain_ref: "Scores") -> "dict[str, Tensor]":
        """Return both terms, each with one value per answer."""
        return {"forget": -forget.nll, "retain": self.retain_weight * retain.kl(retain_ref)}


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide KL."""
    return [KL]
