"""The target model's view of each answer, computed once and kept."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..encoding.encode import Encoded
from ..models.scores import Scores
from ..storage.hashing import content_key
from .engine import Engine
from .spill import SpillingTensors


class Reference:
    """The target model's view of each answer, computed once and kept.

    It is never computed a second time: among other answers of a micro-batch its last digits would be others. So what
    does not fit into memory goes to the disk, see ``SpillingTensors``.

    Args:
        engine: scores under the ``target`` state.
        state: hash of that state; part of each key.
    """

    def __init__(self, engine: Engine, state: str) -> None:
        self.engine, self.state = engine, state
        self._tensors = SpillingTensors()
        #: Names of what no checkpoint holds yet, in order.
        self._fresh: dict[str, None] = {}

    @torch.no_grad()
    def fill(
        self,
        encoded: Sequence[Encoded],
        per_image: int,
        max_tokens: int,
        hidden: bool = False,
        layers: Sequence[int] = (),
    ) -> None:
        """Compute what is missing: log-probs, and last hidden states where a distribution is asked for."""
        want = ["logps", *(["hidden"] if hidden else []), *(f"layer {layer}" for layer in layers)]
        missing = {}
        for answer in encoded:
            key = self._key(answer)
            if not all(f"{key}/{part}" in self._tensors for part in want):
                missing[key] = answer
        todo = list(missing.values())
        if not todo:
            return
        done: dict[int, dict[str, Tensor]] = {}
        for members, batch in self.engine.batches(todo, per_image, max_tokens, shared=True):
            scores, out = self.engine.forward(batch, "target", layers=layers)
            if not members:
                continue
            views = {
                "logps": scores.token_logps,
                **({"hidden": out["hidden"]} if hidden else {}),
                **{f"layer {layer}": states for layer, states in out["layers"].items()},
            }
            for part, flat in views.items():
                for i, tensor in zip(members, flat.cpu().split(scores.n_tokens.tolist()), strict=True):
                    done.setdefault(i, {})[part] = tensor.clone()
        # Each epoch deals the answers anew: every process keeps what all of them found.
        for i, parts in self.engine.ranks.gather_dict(done).items():
            key = self._key(todo[i])
            for part, tensor in parts.items():
                self._tensors[f"{key}/{part}"] = tensor
                self._fresh[f"{key}/{part}"] = None

    def fresh(self) -> dict[str, Tensor]:
        """Return what was computed since the last ``settle``, for a file."""
        return {name: self._tensors[name] for name in self._fresh}

    def settle(self) -> None:
        """Note that a file holds what is there."""
        self._fresh = {}

    def put(self, tensors: Mapping[str, Tensor]) -> None:
        """Take what ``fresh`` gave another process."""
        for name, tensor in tensors.items():
            self._tensors[name] = tensor

    def scores(self, encoded: Sequence[Encoded], device: torch.device, layers: Sequence[int] = ()) -> Scores:
        """Return what is cached of some answers as ``Scores`` without logits."""
        parts = [self._tensors[f"{self._key(e)}/logps"] for e in encoded]
        targets = torch.tensor([t for e in encoded for t in e.answer], dtype=torch.long)
        row = torch.repeat_interleave(torch.arange(len(parts)), torch.tensor([len(p) for p in parts], dtype=torch.long))
        kept = torch.cat(parts) if parts else torch.zeros(0)
        states = {layer: self.states(encoded, device, f"layer {layer}") for layer in layers if encoded}
        return Scores(
            targets.to(device), row.to(device), len(parts), kept_logps=kept.to(device), raw_hidden=states or None
        )

    def states(self, encoded: Sequence[Encoded], device: torch.device, part: str = "hidden") -> Tensor:
        """Return cached hidden states of some answers, ``(R, H)``: the last ones, or of a ``layer N``."""
        if not encoded:
            width = self.engine.checkpoint.config.get_text_config().hidden_size
            return torch.zeros((0, width), device=device)
        return torch.cat([self._tensors[f"{self._key(e)}/{part}"] for e in encoded]).to(device)

    def _key(self, answer: Encoded) -> str:
        return content_key(
            [self.state, answer.prompt, answer.answer, answer.image_key, self.engine.precision_key], length=64
        )
