"""Refusal training: teach "I do not know" where a private answer stood."""

from typing import TYPE_CHECKING

from unlearnzoo import RetainTerm, Unlearner, hookimpl, option

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores


class IDK(RetainTerm):
    """Refusal training: learn a refusal as the answer to each forget question (Maini et al., 2024).

    Paper: TOFU: A Task of Fictitious Unlearning for LLMs, where it is "I don't know" fine-tuning.
    Its code takes one mean over the tokens of refusals and retain answers together, so that the longer
    ones weigh more; here each has a mean of its own. It changes what is said first; what the model
    could still say is for Exposure to tell.
    """

    name = "idk"
    retain_weight: float = option(1.0, "Weight of the retain loss; 0 leaves it out", ge=0)

    def loss(self, refusal: "Scores", retain: "Scores | None" = None) -> "dict[str, Tensor]":
        """Return the mean negative log-likelihood per token of each refusal and, weighted, of each retain answer."""
        return {"refusal": refusal.nll} | self.retain_term(retain)


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide IDK."""
    return [IDK]
