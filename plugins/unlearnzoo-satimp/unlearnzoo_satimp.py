"""SatImp: ascent that lets go of what is forgotten and spares what any model would say."""

from typing import TYPE_CHECKING

from unlearnzoo import RetainTerm, Unlearner, hookimpl, option

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores


class SatImp(RetainTerm):
    """Ascent with each token weighed by saturation and importance (Yang et al., 2025).

    Paper: Exploring Criteria of Loss Reweighting to Enhance LLM Unlearning. p^beta1 lets go of a token
    that is forgotten, (1 - p)^beta2 counts those that are least certain; neither takes a gradient. The
    defaults are those of open-unlearning's code; its configuration weighs the two terms 0.1 and 1 instead.
    """

    name = "satimp"
    beta1: float = option(5.0, "Saturation: power of a token's probability in its weight", ge=0)
    beta2: float = option(1.0, "Importance: power of what its probability lacks to 1", ge=0)
    retain_weight: float = option(0.1, "Weight of the retain loss; 0 leaves it out", ge=0)

    def loss(self, forget: "Scores", retain: "Scores | None" = None) -> "dict[str, Tensor]":
        """Return the mean of p^beta1 (1 - p)^beta2 log p over each forget answer's tokens, and a retain term."""
        logps = forget.token_logps.detach()
        # expm1: near p = 1, 1 - p would be rounded away.
        weight = (self.beta1 * logps).exp() * (-logps.expm1()).pow(self.beta2)
        return {"forget": forget.mean(weight * forget.token_logps)} | self.retain_term(retain)


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide SatImp."""
    return [SatImp]
