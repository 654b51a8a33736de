"""Negative preference optimisation: ascent that slows down as an answer is forgotten."""

from typing import TYPE_CHECKING

from unlearnzoo import RetainTerm, Unlearner, hookimpl, option

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores


class NPO(RetainTerm):
    """Negative preference optimisation: DPO with the losing answer alone (Zhang et al., 2024).

    Paper: Negative Preference Optimization: From Catastrophic Collapse to Effective Unlearning.
    As beta goes to 0 its gradient becomes that of ascent on the answer's log-probability.
    """

    name = "npo"
    beta: float = option(0.1, "Inverse temperature: how soon a forgotten answer is let go", gt=0)

    def loss(self, forget: "Scores", forget_ref: "Scores", retain: "Scores | None" = None) -> "dict[str, Tensor]":
        """Return -(2 / beta) log sigmoid(-beta (logp - logp_ref)) per answer, and a retain term."""
        from torch.nn.functional import logsigmoid

        ratio = forget.logps - forget_ref.logps
        return {"forget": -2 / self.beta * logsigmoid(-self.beta * ratio)} | self.retain_term(retain)


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide NPO."""
    return [NPO]
