"""The one forward that training and scoring share: packed rows in, answer tokens out.

Only this module is wrapped by Accelerate or DeepSpeed, and nothing touches a parameter outside
its ``forward``.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NotRequired, TypedDict

import torch
from torch import Tensor, nn

from ..encoding.collate import Batch
from ..errors import ModelError
from .lora import ACTIVE, activated, core

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel
    from transformers.utils import ModelOutput

    from ..encoding.collate import Inputs


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
        found, places = [], []
        for number, inputs in enumerate(batch.parts):
            mine = (batch.at[:, 0] == number).nonzero()[:, 0]
            kept = None if number else kept_hidden
            found.append(self._part(model, inputs, batch.at[mine, 1:], kept, layers))
            places.append(mine)
        if len(found) == 1:
            return found[0]
        back = torch.argsort(torch.cat(places))
        whole: Forwarded = {
            "hidden": torch.cat([part["hidden"] for part in found])[back],
            "logits": torch.cat([part["logits"] for part in found])[back],
            "layers": {layer: torch.cat([part["layers"][layer] for part in found])[back] for layer in layers},
        }
        if kept_hidden is not None:
            whole["kept_logits"] = found[0]["kept_logits"]
        return whole

    def _part(
        self, model: "PreTrainedModel", inputs: "Inputs", at: Tensor, kept: Tensor | None, layers: Sequence[int]
    ) -> Forwarded:
        """Run the model on rows that share a forward; ``at`` is ``(T, 2)``, row and position."""
        # Some models fail, for good, on the mere question for hidden states.
        asked = {"output_hidden_states": True} if layers else {}
        with _answers(model, at, kept, lambda: activated(self.model, ACTIVE["target"])) as hidden:
            out = model(**inputs, use_cache=False, **asked)
        row, place = at[:, 0], at[:, 1]
        logits = out.logits[0].float()
        forwarded: Forwarded = {
            "hidden": hidden[0],
            "logits": logits[: len(row)],
            "layers": {layer: _states(out, layer, model)[row, place].float() for layer in layers},
        }
        if kept is not None:
            forwarded["kept_logits"] = logits[len(row) :].detach()
        return forwarded


@contextlib.contextmanager
def _answers(
    model: "PreTrainedModel",
    at: Tensor,
    kept: Tensor | None,
    reference: Callable[[], contextlib.AbstractContextManager[None]],
) -> Iterator[list[Tensor]]:
    """Let the output head see the answer tokens alone; what the model makes of its output (caps, scales) is its own.

    Args:
        model: below peft.
        at: ``(T, 2)`` row and position of what is asked for.
        kept: ``(R, H)`` more hidden states, whose logits follow those, without a gradient.
        reference: the state in which the head is applied to them.

    Yields:
        A list that will hold the head's input, ``(T, H)``.
    """
    head, hidden = model.get_output_embeddings(), []
    again = False

    def before(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        if again:
            return None
        hidden.append(args[0][at[:, 0], at[:, 1]])
        return (hidden[-1][None],)

    def after(_: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
        nonlocal again
        if again or kept is None:
            return None
        again = True
        with torch.no_grad(), reference():
            more = head(kept.to(args[0])[None])
        again = False
        return torch.cat([output, more.to(output)], 1)

    handles = [head.register_forward_pre_hook(before), head.register_forward_hook(after)]
    try:
        yield hidden
    finally:
        for handle in handles:
            handle.remove()


def _states(out: "ModelOutput", layer: int, model: "PreTrainedModel") -> Tensor:
    states = getattr(out, "hidden_states", None)
    if states is None or layer >= len(states) or not isinstance(states[layer], Tensor) or states[layer].ndim != 3:
        raise ModelError(f"{type(model).__name__} does not give the hidden states of layer {layer}")
    return states[layer]
