"""Refusal training: teach "I do not know" where a private answer stood."""

from typing import TYPE_CHECKING

from unlearnzoo import Unlearner, hookimpl, option

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores


class IDK(Unlearner):
    """Refusal training: learn a refusal as the answer to each forget question (Maini et al., 2024).

    Paper: TOFU: A Task of Fictitious Unlearning for LLMs, where it is "I don't know" fine-tuning.
    It changes what is said first; what the model could still say is for Exposure to tell.
    """

    name = "idk"
    retain_weight: float = option(1.0, "Weight of the retain loss; 0 leaves it out", ge=0)

    @property
    def needs(self) -> frozenset[str]:
        """Retain answers only where they count."""
        return frozenset({"refusal"} | ({"retain"} if self.retain_weight else set()))

    def loss(self, refusal: "Scores", retain: "Scores | None" = None) -> "dict[str, Tensor]":
        """Return the negative log-likelihood of refusals, a token, and of retain answers."""
        terms = {"refusal": refusal.nll}
        if retain is not None:
            terms["retain"] = self.retain_weight * retain.nll
        return terms


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide IDK."""
    return [IDK]
