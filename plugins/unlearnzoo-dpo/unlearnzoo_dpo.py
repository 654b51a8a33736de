"""Direct preference optimisation towards a refusal of the same question."""

from typing import TYPE_CHECKING

from unlearnzoo import RetainTerm, Unlearner, hookimpl, option

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores


class DPO(RetainTerm):
    """Direct preference optimisation: prefer a refusal to the forget answer (Rafailov et al., 2023).

    Paper: Direct Preference Optimization: Your Language Model is Secretly a Reward Model. Unlearning
    code often has 2 / beta before it: then a weight alpha of the retain loss is alpha beta / 2 here.
    """

    name = "dpo"
    beta: float = option(0.1, "Inverse temperature: how far it may move from the target model", gt=0)

    def loss(
        self,
        forget: "Scores",
        forget_ref: "Scores",
        refusal: "Scores",
        refusal_ref: "Scores",
        retain: "Scores | None" = None,
    ) -> "dict[str, Tensor]":
        """Return -log sigmoid(beta (refusal's log-ratio - answer's)) per pair, and a retain term."""
        from torch.nn.functional import logsigmoid

        won, lost = refusal.logps - refusal_ref.logps, forget.logps - forget_ref.logps
        return {"preference": -logsigmoid(self.beta * (won - lost))} | self.retain_term(retain)


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide DPO."""
    return [DPO]
