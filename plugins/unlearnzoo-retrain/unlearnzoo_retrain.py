"""Retraining: stage 1 without the forget set, the gold standard that every method is compared with."""

from typing import TYPE_CHECKING

from unlearnzoo import Unlearner, hookimpl

if TYPE_CHECKING:
    from unlearnzoo import Trainer


class Retrain(Unlearner):
    """Stage 1 again, from the base, on the retain set alone: what never having seen the people looks like.

    Exact unlearning in the words of Bourtoule et al., 2021 (Machine Unlearning). It has no curve:
    there is nothing between the target and it.
    """

    name = "retrain"
    relearns = True
    gold_standard = True

    def unlearn(self, trainer: "Trainer") -> None:
        """Put what stage 1 learns from the retain set in place of the target."""
        trainer.set_adapter(trainer.relearn(trainer.pools["retain"]), replace_target=True)


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide retraining."""
    return [Retrain]
