"""Activation checkpointing: keep each decoder layer's input alone, and compute the rest again in the backward.

Chen et al., *Training Deep Nets with Sublinear Memory Cost* (2016).
"""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from ..errors import ModelError
from .lora import core

if TYPE_CHECKING:
    from peft import PeftModel
    from torch import nn
    from transformers import PreTrainedModel


def decoder_layers(model: "PreTrainedModel | PeftModel") -> "list[nn.Module]":
    """Return the layers of the language model, below which nothing is kept.

    Raises:
        ModelError: this architecture does not mark them.
    """
    from transformers.modeling_layers import GradientCheckpointingLayer

    layers = [m for m in core(model).get_decoder().modules() if isinstance(m, GradientCheckpointingLayer)]
    if not layers:
        raise ModelError(f"{type(core(model)).__name__} has no layers that can be recomputed; leave out recompute")
    return layers


@contextlib.contextmanager
def recomputed(
    model: "PreTrainedModel | PeftModel", again: Callable[[], contextlib.AbstractContextManager[None]]
) -> Iterator[None]:
    """Have the forwards inside keep little for their backward.

    Args:
        model: transformers model, with adapters or without.
        again: gives the context that a layer is computed again in. The backward comes when the
            adapters' scales are no longer those of the forward, and a layer reads them anew.
    """
    from torch.utils.checkpoint import checkpoint

    layers = decoder_layers(model)
    for layer in layers:
        layer.forward = partial(
            checkpoint,
            layer.forward,
            use_reentrant=False,
            preserve_rng_state=False,
            context_fn=lambda: (contextlib.nullcontext(), again()),
        )
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward
