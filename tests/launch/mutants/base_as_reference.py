"""Mutant: the reference is the model without adapters, as `disable_adapter` would give it."""

from unlearnzoo import hookimpl
from unlearnzoo.training.engine import Engine

_forward = Engine.forward


def _wrong(self, batch, which, *rest, **named):
    learning = "unlearn" in self.model.peft_config if hasattr(self.model, "peft_config") else False
    import torch

    asked = "base" if which == "target" and learning and not torch.is_grad_enabled() else which
    return _forward(self, batch, asked, *rest, **named)


Engine.forward = _wrong


@hookimpl
def unlearnzoo_metrics():
    return []
