"""CE-U: learn what the model itself would say if the true token did not exist."""

from typing import TYPE_CHECKING

from unlearnzoo import RetainTerm, Unlearner, hookimpl, option

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores


class CEU(RetainTerm):
    """Cross-entropy towards the model's own distribution without the true token (Yang, 2025).

    Paper: CE-U: Cross Entropy Unlearning. The target distribution is the trained model's own at that
    step, the true token's logit at minus infinity, and takes no gradient. As in the paper the answer's
    first token is left out and no retain term is there.
    """

    name = "ceu"
    first: bool = option(False, "Whether the first token of an answer counts as well")

    def loss(self, forget: "Scores", retain: "Scores | None" = None) -> "dict[str, Tensor]":
        """Return the cross-entropy, the mean over each forget answer's tokens behind the first, and a retain term."""
        logits = forget.logits.float()
        others = logits.detach().scatter(1, forget.targets[:, None], float("-inf")).softmax(-1)
        cross = -(others * logits.log_softmax(-1)).sum(-1)
        if self.first:
            return {"forget": forget.mean(cross)} | self.retain_term(retain)
        # Rows ascend: a token opens its answer where its row differs from that of the token before.
        behind = forget.row.diff(prepend=forget.row.new_tensor([-1])) == 0
        left = (forget.n_tokens - 1).clamp(min=1) / forget.n_tokens
        return {"forget": forget.mean(cross * behind) / left} | self.retain_term(retain)


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide CE-U."""
    return [CEU]
