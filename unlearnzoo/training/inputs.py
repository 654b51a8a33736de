"""The inputs of a loss, by name: which answers they are, and how a step's batch yields them.

All inputs of a step that need the model being trained go through it in one forward; reference
inputs are computed once per answer and cached.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import torch

from ..encoding.collate import Batch
from ..encoding.encode import Encoded
from ..example import Example
from ..models.scores import Scores
from .engine import Engine
from .reference import Reference
from .schedule import POOLS


class Encodes(Protocol):
    """What turns an example into tokens, with another answer where given."""

    def encode(self, example: Example, answer: str | None = None) -> Encoded:
        """Return the example's tokens."""
        ...


class StepInputs:
    """All answers of one step, encoded, with the role and partner of each.

    Args:
        encoder: the engine, or an ``Encoder`` where there is no model.
        examples: role → examples; forget and refusal are equally long and pair up.
        refusal: example → refusal sentence.
        pools: role → pool it pairs with, where that is not its own.
    """

    def __init__(
        self,
        encoder: Encodes,
        examples: Mapping[str, Sequence[Example]],
        refusal: Callable[[Example], str],
        pools: Mapping[str, str] = POOLS,
    ) -> None:
        self.encoded: list[Encoded] = []
        self.role: list[str] = []
        self.bundle: list[int] = []
        first_of_pool: dict[str, int] = {}
        for role, chosen in examples.items():
            pool = pools.get(role, role)
            start = first_of_pool.setdefault(pool, len(set(self.bundle)))
            for i, example in enumerate(chosen):
                answer = refusal(example) if role == "refusal" else None
                self.encoded.append(encoder.encode(example, answer))
                self.role.append(role)
                self.bundle.append(start + i)
        self.counts = {role: len(chosen) for role, chosen in examples.items()}

    def split(self, members: Sequence[int], scores: Scores) -> dict[str, Scores]:
        """Cut the scores of a micro-batch by role; a role without rows there has ``n == 0``."""
        by_role = {}
        for role in self.counts:
            rows = [r for r, i in enumerate(members) if self.role[i] == role]
            by_role[role] = scores.take(torch.tensor(rows, dtype=torch.long, device=scores.row.device))
        return by_role


def micro_inputs(
    engine: Engine,
    step: StepInputs,
    members: Sequence[int],
    batch: Batch,
    needs: frozenset[str],
    reference: Reference | None,
    with_logits: frozenset[str],
    layers: Sequence[int] = (),
) -> dict[str, Scores]:
    """Return a loss's inputs for one micro-batch, from one forward of the model being trained."""
    of_role = {role: [step.encoded[i] for i in members if step.role[i] == role] for role in step.counts}
    wanted = [e for name in sorted(with_logits) for e in of_role[name.removesuffix("_ref")]]
    kept = reference.states(wanted, batch.targets.device) if reference and with_logits else None
    scores, out = engine.forward(batch, "unlearned", kept, layers)
    inputs = {k: v for k, v in step.split(members, scores).items() if k in needs}
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
        inputs[name] = ref
    return inputs
