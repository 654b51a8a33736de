"""An unlearning algorithm in one file.

Try it: ``unlearnzoo run --algo wga --bench remem --plugin examples/one_off_plugin.py``
"""

from unlearnzoo import Unlearner, hookimpl, option


class WGA(Unlearner):
    """Weighted gradient ascent (Wang et al., 2025): ascend most where the model is still sure."""

    name = "wga"
    power: float = option(1.0, "Exponent of the confidence that weighs each answer", ge=0)

    def loss(self, forget):
        """Return one value per answer."""
        confidence = (-forget.nll).exp().detach()
        return -(confidence**self.power) * forget.nll


@hookimpl
def unlearnzoo_unlearners():
    """Offer the algorithm."""
    return [WGA]
