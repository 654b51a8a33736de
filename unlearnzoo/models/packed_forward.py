"""The one forward that training and scoring share: packed rows in, answer tokens out.

Only this module is wrapped by Accelerate or DeepSpeed, and nothing touches a parameter outside
its ``forward``.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NotRequired, TypedDict

import torch
from torch import Tensor, nn

from ..data.packing import Batch
from .lora import ACTIVE, activated, core

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel


class Forwarded(TypedDict):
    """What a forward gives; ``T`` answer tokens, hidden size ``H``, vocabulary ``V``.

    Attributes:
        hidden: ``(T, H)`` last hidden state.
        logits: ``(T, V)`` in fp32.
        layers: layer → ``(T, H)`` in fp32.
        kept_logits: ``(R, V)`` of cached reference hidden states, where there were any.
    """

    hidden: Tensor
    logits: Tensor
    layers: dict[int, Tensor]
    kept_logits: NotRequired[Tensor]


class PackedForward(nn.Module):
    """Wraps a (peft) model; returns hidden states and logits of answer tokens alone."""

    def __init__(self, model: "PreTrainedModel | PeftModel") -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch, kept_hidden: Tensor | None = None, layers: Sequence[int] = ()) -> Forwarded:
        """Run the model once.

        Args:
            batch: packed rows.
            kept_hidden: ``(R, H)`` cached reference hidden states; the output head is applied to
                them as well, under the target state.
            layers: decoder layers, from 1, whose output is asked for.
        """
        model = core(self.model)
        out = model.base_model(**batch.inputs, use_cache=False, output_hidden_states=bool(layers))
        row, place = batch.at[:, 0], batch.at[:, 1]
        hidden = out.last_hidden_state[row, place]
        head = model.get_output_embeddings()
        forwarded: Forwarded = {
            "hidden": hidden,
            "logits": head(hidden).float(),
            "layers": {layer: out.hidden_states[layer][row, place].float() for layer in layers},
        }
        if kept_hidden is not None:
            with torch.no_grad(), activated(self.model, ACTIVE["target"]):
                forwarded["kept_logits"] = head(kept_hidden.to(hidden)).float()
        return forwarded
