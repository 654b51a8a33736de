"""Direct preference optimisation towards a refusal of the same question."""

from typing import TYPE_CHECKING

from unlearnzoo import Unlearner, hookimpl, option

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores


class DPO(Unlearner):
    """Direct preference optimisation: prefer a refusal to the forget answer (Rafailov et al., 2023).

    Paper: Direct Preference Optimization: Your Language Model is Secretly a Reward Model.
    """

    name = "dpo"
    beta: float = option(0.1, "Inverse temperature: how far it may move from the target model", gt=0)
    retain_weight: float = option(0.0, "Weight of a retain term; 0 is the plain method", ge=0)

    @property
    def needs(self) -> frozenset[str]:
        """Retain answers only where they count."""
        always = {"forget", "forget_ref", "refusal", "refusal_ref"}
        return frozenset(always | ({"retain"} if self.retain_weight else set()))

    def loss(
        self,
        forget: "Scores",
        forget_ref: "Scores",
        refusal: "Scores",
        refusal_ref: "Scores",
        retain: "Scores | None" = None,
    ) -> "dict[str, Tensor]":
        """Return -log sigmoid(beta (refusal's log-ratio - answer's)) a pair, and a retain term."""
        from torch.nn.functional import logsigmoid

        won, lost = refusal.logps - refusal_ref.logps, forget.logps - forget_ref.logps
        terms = {"preference": -logsigmoid(self.beta * (won - lost))}
        if retain is not None:
            terms["retain"] = self.retain_weight * retain.nll
        return terms


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide DPO."""
    return [DPO]
