"""The one forward that training and scoring share: packed rows in, answer tokens out.

Only this module is wrapped by Accelerate or DeepSpeed, and nothing touches a parameter outside
its ``forward``.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..data.packing import Batch
from .lora import ACTIVE, activated, core


class PackedForward(nn.Module):
    """Wraps a (peft) model; returns hidden states and logits of answer tokens alone."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch, kept_hidden: Tensor | None = None, layers: Sequence[int] = ()) -> dict[str, Any]:
        """Run the model once.

        Args:
            batch: packed rows.
            kept_hidden: ``(R, H)`` cached reference hidden states; the output head is applied to
                them as well, under the target state.
            layers: decoder layers, from 1, whose output is asked for.

        Returns:
            ``hidden`` ``(T, H)``, ``logits`` ``(T, V)`` in fp32, ``layers`` (layer → ``(T, H)`` in
            fp32) and, where asked for, ``kept_logits`` ``(R, V)``.
        """
        model = core(self.model)
        out = model.base_model(**batch.inputs, use_cache=False, output_hidden_states=bool(layers))
        row, place = batch.at[:, 0], batch.at[:, 1]
        hidden = out.last_hidden_state[row, place]
        head = model.get_output_embeddings()
        found = {
            "hidden": hidden,
            "logits": head(hidden).float(),
            "layers": {layer: out.hidden_states[layer][row, place].float() for layer in layers},
        }
        if kept_hidden is not None:
            with torch.no_grad(), activated(self.model, ACTIVE["target"]):
                found["kept_logits"] = head(kept_hidden.to(hidden)).float()
        return found
