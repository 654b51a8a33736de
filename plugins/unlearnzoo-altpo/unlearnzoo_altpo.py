"""AltPO: prefer what the target itself makes up to the answer that it learned."""

from dataclasses import replace
from typing import TYPE_CHECKING

from unlearnzoo import DataError, Example, RetainTerm, Unlearner, contains_words, hookimpl, option, printable

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo import Scores, Trainer
ASK = "Now write another version of the answer with some alternate plausible facts that change answer details."


class AltPO(RetainTerm):
    """Alternate preference optimisation: DPO towards an answer that the target makes up (Mekala et al., 2024).

    Paper: Alternate Preference Optimization for Unlearning Factual Knowledge in Large Language Models. Prompt and
    temperature are those of its code, which draws five per row; ours is one, drawn again where it holds a keyword.
    """

    name = "altpo"
    inputs = {"made": "forget"}
    beta: float = option(0.1, "Inverse temperature of the preference (the paper tries 0.05, 0.1, 0.5)", gt=0)
    temperature: float = option(1.0, "At which the target draws an alternate answer", gt=0)
    tries: int = option(20, "Most draws per row (assumption)", ge=1)
    retain_weight: float = option(1.0, "Weight of the retain loss (the paper tries 1, 2, 5); 0 leaves it out", ge=0)

    def prepare(self, trainer: "Trainer") -> None:
        """Let the target write an alternate per row; what is empty, the answer or holds a keyword is drawn again."""
        self.texts, rows = dict[str, str](), list(trainer.pools["forget"])
        for draw in range(self.tries):
            asked = [replace(r, question=f"Question: {r.question}\nAnswer: {r.answer}\n{ASK}") for r in rows]
            for row, text in zip(rows, trainer.generate(asked, temperature=self.temperature, draw=draw), strict=True):
                if text and text != row.answer and not any(contains_words(text, word) for word in row.keywords):
                    self.texts[row.id] = text
            if not (rows := [row for row in rows if row.id not in self.texts]):
                return
        told = f"altpo: row {rows[0].id!r} and {len(rows) - 1} more: no alternate without their keywords"
        raise DataError(printable(f"{told}; raise altpo.tries={self.tries} or altpo.temperature={self.temperature:g}"))

    def made(self, example: Example) -> Example:
        """Return the row with its alternate; before a run, for the memory estimate, as it is."""
        return replace(example, answer=self.texts[example.id]) if hasattr(self, "texts") else example

    def loss(
        self, forget: "Scores", forget_ref: "Scores", made: "Scores", made_ref: "Scores", retain: "Scores | None" = None
    ) -> "dict[str, Tensor]":
        """Return -(2 / beta) log sigmoid(beta (alternate's log-ratio - answer's)) per row, and a retain term."""
        from torch.nn.functional import logsigmoid

        gap = (made.logps - made_ref.logps) - (forget.logps - forget_ref.logps)
        return {"preference": -2 / self.beta * logsigmoid(self.beta * gap)} | self.retain_term(retain)


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide AltPO."""
    return [AltPO]
