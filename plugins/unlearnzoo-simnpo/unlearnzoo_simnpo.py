"""SimNPO: NPO without a reference, on length-normalised answers."""

from typing import TYPE_CHECKING

from unlearnzoo import RetainTerm, Unlearner, hookimpl, option

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores


class SimNPO(RetainTerm):
    """NPO without a reference: the mean log-probability per token takes its place (Fan et al., 2024).

    Paper: Simplicity Prevails: Rethinking Negative Preference Optimization for LLM Unlearning. Public
    code weighs this term by 0.125 and the retain loss by 1: a retain weight of 8 here.
    """

    name = "simnpo"
    beta: float = option(4.5, "Inverse temperature: how soon a forgotten answer is let go", gt=0)
    delta: float = option(0.0, "Loss per token above which an answer counts as forgotten", ge=0)

    def loss(self, forget: "Scores", retain: "Scores | None" = None) -> "dict[str, Tensor]":
        """Return -(2 / beta) log sigmoid(beta (nll - delta)) per answer, and a retain term."""
        from torch.nn.functional import logsigmoid

        return {"forget": -2 / self.beta * logsigmoid(self.beta * (forget.nll - self.delta))} | self.retain_term(retain)


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide SimNPO."""
    return [SimNPO]
