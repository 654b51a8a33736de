"""An algorithm whose loss is not a number on one process alone."""

import os

from unlearnzoo import Unlearner, hookimpl


class Odd(Unlearner):
    """Gradient ascent, and NaN on the second process."""

    name = "odd"

    def loss(self, forget):
        return -forget.nll + (float("nan") if os.environ.get("RANK") == "1" else 0.0)


@hookimpl
def unlearnzoo_unlearners():
    return [Odd]
