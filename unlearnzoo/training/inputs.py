"""The inputs of a loss, by name: which answers they are, and how a step's batch yields them.

All inputs of a step that need the model being trained go through it in one forward; reference
inputs are computed once per answer and cached.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..data.encode import Encoded
from ..data.packing import Batch
from ..example import Example
from ..models.scores import Scores
from .engine import Engine

#: Role → (pool it draws from, answer). ``X_ref`` is role X under the reference.
POOLS = {"forget": "forget", "retain": "retain", "refusal": "forget"}


def roles(needs: frozenset[str]) -> list[str]:
    """Return the answers that a step must hold for these inputs, references included."""
    return sorted({name.removesuffix("_ref") for name in needs})


class StepInputs:
    """All answers of one step, encoded, with the role and partner of each.

    Args:
        engine: encodes.
        examples: role → examples; forget and refusal are equally long and pair up.
        refusal: example → refusal sentence.
        pools: role → pool it pairs with, where that is not its own.
    """

    def __init__(self, engine: Engine, examples: Mapping[str, Sequence[Example]],
                 refusal: Callable[[Example], str], pools: Mapping[str, str] = POOLS) -> None:
        self.encoded: list[Encoded] = []
        self.role: list[str] = []
        self.bundle: list[int] = []
        first_of_pool: dict[str, int] = {}
        for role, chosen in examples.items():
            pool = pools.get(role, role)
            start = first_of_pool.setdefault(pool, len(set(self.bundle)))
            for i, example in enumerate(chosen):
                answer = refusal(example) if role == "refusal" else None
                self.encoded.append(engine.encode(example, answer))
                self.role.append(role)
                self.bundle.append(start + i)
        self.counts = {role: len(chosen) for role, chosen in examples.items()}

    def split(self, members: Sequence[int], scores: Scores) -> dict[str, Scores]:
        """Cut the scores of a micro-batch by role; a role without rows there has ``n == 0``."""
        found = {}
        for role in self.counts:
            rows = [r for r, i in enumerate(members) if self.role[i] == role]
            found[role] = scores.take(torch.tensor(rows, dtype=torch.long, device=scores.row.device))
        return found


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
    def fill(self, encoded: Sequence[Encoded], per_image: int, max_tokens: int, hidden: bool = False,
             layers: Sequence[int] = ()) -> None:
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
            found = {"logps": scores.token_logps, **({"hidden": out["hidden"]} if hidden else {}),
                     **{f"layer {layer}": states for layer, states in out["layers"].items()}}
            for what, flat in found.items():
                for i, one in zip(members, flat.cpu().split(scores.n_tokens.tolist()), strict=True):
                    done.setdefault(i, {})[what] = one.clone()
        # Each epoch deals the answers anew: every process keeps what all of them found.
        for i, parts in self.engine.ranks.join(done).items():
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
        return Scores(targets.to(device), row.to(device), len(parts), kept_logps=kept.to(device),
                      raw_hidden=states or None)

    def states(self, encoded: Sequence[Encoded], device: Any, what: str = "hidden") -> Tensor:
        """Return cached hidden states of some answers, ``(R, H)``: the last ones, or of a ``layer N``."""
        if not encoded:
            width = self.engine.checkpoint.config.get_text_config().hidden_size
            return torch.zeros((0, width), device=device)
        return torch.cat([self._kept[self._key(e)][what] for e in encoded]).to(device)

    def _key(self, one: Encoded) -> str:
        what = (self.state, one.prompt, one.answer, one.image_key, self.engine.numbers)
        return hashlib.sha256(repr(what).encode()).hexdigest()


def micro_inputs(
    engine: Engine, step: StepInputs, members: Sequence[int], batch: Batch, needs: frozenset[str],
    reference: Reference | None, with_logits: frozenset[str], layers: Sequence[int] = (),
) -> dict[str, Scores]:
    """Return a loss's inputs for one micro-batch, from one forward of the model being trained."""
    of_role = {role: [step.encoded[i] for i in members if step.role[i] == role] for role in step.counts}
    wanted = [e for name in sorted(with_logits) for e in of_role[name.removesuffix("_ref")]]
    kept = reference.states(wanted, batch.targets.device) if reference and with_logits else None
    scores, out = engine.forward(batch, "policy", kept, layers)
    found = {k: v for k, v in step.split(members, scores).items() if k in needs}
    start = 0
    for name in sorted(n for n in needs if n.endswith("_ref")):
        assert reference is not None
        ref = reference.scores(of_role[name.removesuffix("_ref")], batch.targets.device, layers)
        if not ref.n:  # none of its answers is in this micro-batch
            ref = dataclasses.replace(ref, raw_hidden={k: v[:0].detach() for k, v in out["layers"].items()} or None)
        if name in with_logits:
            end = start + len(ref.targets)
            ref = dataclasses.replace(ref, raw_logits=out["kept_logits"][start:end])
            start = end
        found[name] = ref
    return found
