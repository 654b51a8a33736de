"""An unlearning algorithm in one file.

Try it: ``unlearnzoo run --algo sure-first --bench remem --plugin examples/one_off_plugin.py``
"""

from unlearnzoo import Unlearner, hookimpl, option


class SureFirst(Unlearner):
    """Gradient ascent that weighs whole answers: most where the model is still sure."""

    name = "sure-first"
    power: float = option(1.0, "Exponent of the confidence that weighs each answer", ge=0)

    def loss(self, forget):
        """Return one value per answer."""
        confidence = (-forget.nll).exp().detach()
        return -(confidence**self.power) * forget.nll


@hookimpl
def unlearnzoo_unlearners():
    """Offer the algorithm."""
    return [SureFirst]
