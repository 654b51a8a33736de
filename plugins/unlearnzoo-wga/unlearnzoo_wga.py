"""Weighted gradient ascent: a token that is forgotten already is pushed less."""

from typing import TYPE_CHECKING

from unlearnzoo import RetainTerm, Unlearner, hookimpl, option

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores


class WGA(RetainTerm):
    """Ascent with each token weighed by its own probability (Wang et al., 2025).

    Paper: Rethinking LLM Unlearning Objectives: A Gradient Perspective and Go Beyond. The weight takes
    no gradient; beta 0 is gradient ascent. The defaults are those of open-unlearning.
    """

    name = "wga"
    beta: float = option(1.0, "Power of a token's probability in its weight; 0 weighs all alike", ge=0)
    retain_weight: float = option(1.0, "Weight of the retain loss; 0 leaves it out", ge=0)

    def loss(self, forget: "Scores", retain: "Scores | None" = None) -> "dict[str, Tensor]":
        """Return the mean of p^beta log p over each forget answer's tokens, p^beta a constant, and a retain term."""
        weight = (self.beta * forget.token_logps.detach()).exp()
        return {"forget": forget.mean(weight * forget.token_logps)} | self.retain_term(retain)


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide WGA."""
    return [WGA]
