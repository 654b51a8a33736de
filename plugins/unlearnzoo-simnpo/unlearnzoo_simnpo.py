"""SimNPO: NPO without a reference, on length-normalised answers."""

from typing import TYPE_CHECKING

from unlearnzoo import Unlearner, hookimpl, option

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores


class SimNPO(Unlearner):
    """NPO without a reference: the mean log-probability a token takes its place (Fan et al., 2024).

    Paper: Simplicity Prevails: Rethinking Negative Preference Optimization for LLM Unlearning.
    """

    name = "simnpo"
    beta: float = option(4.5, "Inverse temperature: how soon a forgotten answer is let go", gt=0)
    delta: float = option(0.0, "Loss a token above which an answer counts as forgotten", ge=0)
    retain_weight: float = option(0.0, "Weight of a retain term; 0 is the plain method", ge=0)

    @property
    def needs(self) -> frozenset[str]:
        """Retain answers only where they count."""
        return frozenset({"forget"} | ({"retain"} if self.retain_weight else set()))

    def loss(self, forget: "Scores", retain: "Scores | None" = None) -> "dict[str, Tensor]":
        """Return -(2 / beta) log sigmoid(beta (nll - delta)) an answer, and a retain term."""
        from torch.nn.functional import logsigmoid

        terms = {"forget": -2 / self.beta * logsigmoid(self.beta * (forget.nll - self.delta))}
        if retain is not None:
            terms["retain"] = self.retain_weight * retain.nll
        return terms


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide SimNPO."""
    return [SimNPO]
