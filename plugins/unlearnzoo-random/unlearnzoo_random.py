"""Random answers: learn what was said of somebody else where a private answer stood."""

import dataclasses
import random
from typing import TYPE_CHECKING

from unlearnzoo import DataError, Example, RetainTerm, Unlearner, contains_words, hookimpl, option, printable

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores, Trainer


class Random(RetainTerm):
    """Training on random answers: that of a random retain row to each forget question (Kim et al., 2025).

    Paper: Rethinking Post-Unlearning Behavior of Large Vision-Language Models, whose baseline RANDOM it is.
    What is drawn there is not published, nor a retain term: both are an assumption, the second that of IDK.
    """

    name = "random"
    inputs = {"drawn": "forget"}
    retain_weight: float = option(1.0, "Weight of the retain loss (assumption); 0 leaves it out", ge=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.answers: dict[str, str] = {}

    def prepare(self, trainer: "Trainer") -> None:
        """Draw an answer for each forget row, by seed and id, that holds none of its keywords."""
        answers = sorted({example.answer for example in trainer.pools["retain"]})
        self.answers = {row.id: self._draw(row, answers, trainer.seed) for row in trainer.pools["forget"]}

    def _draw(self, row: Example, answers: list[str], seed: int) -> str:
        for answer in random.Random(f"{seed}:{row.id}").sample(answers, len(answers)):
            if answer != row.answer and not any(contains_words(answer, word) for word in row.keywords):
                return answer
        told = f"random: row {row.id!r}: none of {len(answers)} retain answers is free of its keywords"
        raise DataError(printable(f"{told}; take another benchmark, or idk"))

    def drawn(self, example: Example) -> Example:
        """Return the row with the answer that was drawn for it; before a run, for the memory estimate, as it is."""
        return dataclasses.replace(example, answer=self.answers[example.id]) if self.answers else example

    def loss(self, drawn: "Scores", retain: "Scores | None" = None) -> "dict[str, Tensor]":
        """Return the mean negative log-likelihood per token of each drawn answer and, weighted, of each retain one."""
        return {"drawn": drawn.nll} | self.retain_term(retain)


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide training on random answers."""
    return [Random]
