"""The target model's view of each answer, computed once and kept."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..data.encode import Encoded
from ..models.scores import Scores
from .engine import Engine


class Reference:
    """The target model's view of each answer, computed once and kept.

    Args:
        engine: scores under the ``target`` state.
        state: hash of that state; part of each key.
    """

    def __init__(self, engine: Engine, state: str) -> None:
        self.engine, self.state = engine, state
        self._kept: dict[str, dict[str, Tensor]] = {}
        self._fresh: dict[str, Tensor] = {}

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
        want = {"logps", *(["hidden"] if hidden else []), *(f"layer {layer}" for layer in layers)}
        missing = {self._key(e): e for e in encoded if want - self._kept.get(self._key(e), {}).keys()}
        todo = list(missing.values())
        if not todo:
            return
        done: dict[int, dict[str, Tensor]] = {}
        for members, batch in self.engine.batches(todo, per_image, max_tokens, shared=True):
            scores, out = self.engine.forward(batch, "target", layers=layers)
            if not members:
                continue
            found = {
                "logps": scores.token_logps,
                **({"hidden": out["hidden"]} if hidden else {}),
                **{f"layer {layer}": states for layer, states in out["layers"].items()},
            }
            for what, flat in found.items():
                for i, one in zip(members, flat.cpu().split(scores.n_tokens.tolist()), strict=True):
                    done.setdefault(i, {})[what] = one.clone()
        # Each epoch deals the answers anew: every process keeps what all of them found.
        for i, parts in self.engine.ranks.gather_dict(done).items():
            key = self._key(todo[i])
            self._kept.setdefault(key, {}).update(parts)
            self._fresh |= {f"{key}/{what}": one for what, one in parts.items()}

    def fresh(self) -> dict[str, Tensor]:
        """Return what was computed since the last ``settle``, for a file."""
        return dict(self._fresh)

    def settle(self) -> None:
        """Note that a file holds what is there."""
        self._fresh = {}

    def put(self, tensors: Mapping[str, Tensor]) -> None:
        """Take what ``fresh`` gave another process."""
        for name, one in tensors.items():
            key, _, what = name.partition("/")
            self._kept.setdefault(key, {})[what] = one

    def scores(self, encoded: Sequence[Encoded], device: Any, layers: Sequence[int] = ()) -> Scores:
        """Return what is cached of some answers as ``Scores`` without logits."""
        parts = [self._kept[self._key(e)]["logps"] for e in encoded]
        targets = torch.tensor([t for e in encoded for t in e.answer], dtype=torch.long)
        row = torch.repeat_interleave(torch.arange(len(parts)), torch.tensor([len(p) for p in parts], dtype=torch.long))
        kept = torch.cat(parts) if parts else torch.zeros(0)
        states = {layer: self.states(encoded, device, f"layer {layer}") for layer in layers if encoded}
        return Scores(
            targets.to(device), row.to(device), len(parts), kept_logps=kept.to(device), raw_hidden=states or None
        )

    def states(self, encoded: Sequence[Encoded], device: Any, what: str = "hidden") -> Tensor:
        """Return cached hidden states of some answers, ``(R, H)``: the last ones, or of a ``layer N``."""
        if not encoded:
            width = self.engine.checkpoint.config.get_text_config().hidden_size
            return torch.zeros((0, width), device=device)
        return torch.cat([self._kept[self._key(e)][what] for e in encoded]).to(device)

    def _key(self, one: Encoded) -> str:
        what = (self.state, one.prompt, one.answer, one.image_key, self.engine.precision_key)
        return hashlib.sha256(repr(what).encode()).hexdigest()
