"""UNDIAL: distil from the target itself, with the answer's own token turned down."""

from typing import TYPE_CHECKING

from unlearnzoo import RetainTerm, Unlearner, hookimpl, option

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores


class UNDIAL(RetainTerm):
    """Self-distillation on adjusted logits (Dong et al., 2024): soft targets with an end.

    Paper: UNDIAL: Self-Distillation with Adjusted Logits for Robust Unlearning in Large Language
    Models. The student learns softmax(reference logits - beta at the true token), on answer tokens alone.
    """

    name = "undial"
    reference = {"forget_ref": "logits"}
    beta: float = option(10.0, "How far the true token's logit is lowered", gt=0)

    def loss(self, forget: "Scores", forget_ref: "Scores", retain: "Scores | None" = None) -> "dict[str, Tensor]":
        """Return the cross-entropy to the adjusted reference, the mean per token, and a retain term."""
        from torch.nn.functional import one_hot

        logits = forget_ref.logits.float()
        lowered = logits - self.beta * one_hot(forget.targets, logits.shape[-1])
        cross = -(lowered.softmax(-1) * forget.logits.float().log_softmax(-1)).sum(-1)
        return {"forget": forget.mean(cross)} | self.retain_term(retain)


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide UNDIAL."""
    return [UNDIAL]
