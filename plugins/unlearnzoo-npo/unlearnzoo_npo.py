"""Negative preference optimisation: ascent that slows down as an answer is forgotten."""

from typing import TYPE_CHECKING

from unlearnzoo import Unlearner, hookimpl, option

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores


class NPO(Unlearner):
    """Negative preference optimisation: DPO with the losing answer alone (Zhang et al., 2024).

    Paper: Negative Preference Optimization: From Catastrophic Collapse to Effective Unlearning.
    As beta goes to 0 its gradient becomes that of ascent on the answer's log-probability.
    """

    name = "npo"
    beta: float = option(0.1, "Inverse temperature: how soon a forgotten answer is let go", gt=0)
    retain_weight: float = option(0.0, "Weight of a retain term; 0 is the plain method", ge=0)

    @property
    def needs(self) -> frozenset[str]:
        """Retain answers only where they count."""
        return frozenset({"forget", "forget_ref"} | ({"retain"} if self.retain_weight else set()))

    def loss(self, forget: "Scores", forget_ref: "Scores", retain: "Scores | None" = None) -> "dict[str, Tensor]":
        """Return -(2 / beta) log sigmoid(-beta (logp - logp_ref)) an answer, and a retain term."""
        from torch.nn.functional import logsigmoid

        ratio = forget.logps - forget_ref.logps
        terms = {"forget": -2 / self.beta * logsigmoid(-self.beta * ratio)}
        if retain is not None:
            terms["retain"] = self.retain_weight * retain.nll
        return terms


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide NPO."""
    return [NPO]
