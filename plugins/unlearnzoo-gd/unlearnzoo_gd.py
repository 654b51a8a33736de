"""Gradient difference: gradient ascent on what to forget, descent on what to keep."""

from typing import TYPE_CHECKING

from unlearnzoo import Unlearner, hookimpl, option

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores


class GD(Unlearner):
    """Gradient difference: ascent on forget answers, descent on retain answers (Liu et al., 2022).

    Paper: Continual Learning and Private Unlearning.
    """

    name = "gd"
    retain_weight: float = option(1.0, "Weight of the retain term", ge=0)

    def loss(self, forget: "Scores", retain: "Scores") -> "dict[str, Tensor]":
        """Return both terms, each with one value per answer."""
        return {"forget": -forget.nll, "retain": self.retain_weight * retain.nll}


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide GD."""
    return [GD]
