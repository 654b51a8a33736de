"""Task arithmetic: learn the forget set once more, and go the other way."""

from typing import TYPE_CHECKING

from unlearnzoo import Phase, Unlearner, hookimpl, option

if TYPE_CHECKING:
    from unlearnzoo import Trainer


class TaskVector(Unlearner):
    """Task arithmetic (Ilharco et al., 2023): subtract what training on the forget set adds.

    Paper: Editing Models with Task Arithmetic. Two phases: the forget set is trained on, then what
    that added to the weights is subtracted, a part at a time, so that there is a curve to read.
    """

    name = "taskvector"
    strength: float = option(6.0, "How much of the vector is subtracted at the end", gt=0)
    parts: int = option(12, "Points on the way there", ge=1)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """Learn, then subtract; nothing is looked at while the model still learns."""
        return Phase("learn", lambda forget: forget.nll, probe=False), Phase("subtract", steps=self.parts)

    def unlearn(self, trainer: "Trainer") -> None:
        """Train, then put what was learned on with a negative sign, more of it at each step."""
        learn, _ = self.phases
        trainer.train(learn.loss, probe=learn.probe)
        vector = trainer.adapter()
        for part in range(1, self.parts + 1):
            strength = self.strength * part / self.parts
            trainer.set_adapter(vector.times(-strength))
            if trainer.probe(strength=strength):
                break


@hookimpl
def unlearnzoo_unlearners() -> list[type[Unlearner]]:
    """Provide task arithmetic."""
    return [TaskVector]
