"""A module that imports torch at its top."""

import torch

from unlearnzoo import Unlearner


class Heavy(Unlearner):
    """Makes every command wait for torch."""

    name = "heavy"
    fails, says = "light_import", "imports torch"

    def loss(self, forget):
        return -torch.nn.functional.softplus(forget.nll)
