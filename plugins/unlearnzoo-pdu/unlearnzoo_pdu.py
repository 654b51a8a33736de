"""PDU: flatten the logits on what is forgotten, under a bound on the retain loss."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from unlearnzoo import Unlearner, hookimpl, option

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores, Trainer


class PDU(Unlearner):
    """Primal-dual unlearning: flat logits on forget answers, retain loss at most epsilon (Entesari et al., 2025).

    Paper: Constrained Entropic Unlearning: A Primal-Dual Framework for Large Language Models. The weight of the
    retain loss is the dual variable of its bound: it grows while the loss is above epsilon, and falls below it.
    """

    name = "pdu"
    dual: float = option(50.0, "Weight of the retain loss at the start (the paper has 50 to 100)", ge=0)
    dual_step: float = option(5.0, "By how much the weight follows the retain loss over epsilon in a step", ge=0)
    epsilon: float = option(0.3, "Bound of the retain loss; choose it a little above the target's own", ge=0)
    warmup: int = option(0, "Steps before the weight moves (assumption; the paper's is 5 epochs)", ge=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.weight, self.seen = self.dual, 0

    def prepare(self, trainer: "Trainer") -> None:
        """Start from the weight that the option says: one object may be asked to unlearn twice."""
        self.weight, self.seen = self.dual, 0

    def loss(self, forget: "Scores", retain: "Scores") -> "dict[str, Tensor]":
        """Return the mean of (max logit - mean logit)^2 over each forget answer's tokens, and each retain answer's nll.

        The gradient of the second counts `weight` times; its value does not, so that a step tells the loss that
        epsilon bounds.
        """
        logits = forget.logits.float()
        margin = logits.max(-1).values - logits.mean(-1)
        nll = retain.nll
        return {"forget": forget.mean(margin.square()), "retain": nll.detach() + self.weight * (nll - nll.detach())}

    def after_step(self, terms: Mapping[str, float]) -> dict[str, float]:
        """Move the weight by how far the step's retain loss, of all processes, is from epsilon."""
        used, self.seen = self.weight, self.seen + 1
        if self.seen > self.warmup:
            self.weight = max(0.0, self.weight + self.dual_step * (terms["retain"] - self.epsilon))
        return {"weight": used}


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide PDU."""
    return [PDU]
