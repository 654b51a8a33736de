"""Gradient ascent, the baseline that every other method is compared with."""

from typing import TYPE_CHECKING

from unlearnzoo import Unlearner, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores


class GA(Unlearner):
    """Gradient ascent: raise the loss of the forget answers (Thudi et al., 2022).

    Paper: Unrolling SGD: Understanding Factors Influencing Machine Unlearning. It has no end:
    with enough steps the model is destroyed, so read its result along the curve. Answers weigh alike;
    public code takes one mean over all tokens, where long ones weigh more.
    """

    name = "ga"

    def loss(self, forget: "Scores") -> "Tensor":
        """Return minus the mean negative log-likelihood per token of each answer, ``(n,)``."""
        return -forget.nll


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide GA."""
    return [GA]
