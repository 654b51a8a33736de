"""Random answers to try a loss on, and the same numbers in numpy for a second opinion."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ..models.scores import Scores

#: Unequal on purpose: a mean over the batch's tokens and one over each answer differ here.
LENGTHS = {"forget": (1, 6, 3), "retain": (4, 2, 5, 1), "refusal": (2, 2, 7)}
VOCABULARY, WIDTH = 11, 6


@dataclass(frozen=True)
class Answer:
    """One answer as float64 arrays.

    Attributes:
        distribution: ``(t, V)`` log-probabilities; None for a reference without logits.
        logps: ``(t,)`` log-probabilities of its tokens.
    """

    distribution: npt.NDArray[np.float64] | None
    logps: npt.NDArray[np.float64]


def random_inputs(
    needs: Iterable[str],
    distributions: Iterable[str] = (),
    seed: int = 0,
    lengths: dict[str, Sequence[int]] | None = None,
    layers: Sequence[int] = (),
) -> dict[str, Scores]:
    """Make inputs of a loss out of random logits.

    Args:
        needs: names of inputs.
        distributions: references that carry logits; the others carry log-probabilities alone,
            as the engine keeps them.
        seed: other logits; ``X`` and ``X_ref`` share their targets.
        lengths: tokens of each answer by role, instead of ``LENGTHS``.
        layers: of which there are hidden states.
    """
    found = {}
    for name in sorted(needs):
        role = name.removesuffix("_ref")
        sizes = torch.tensor((lengths or LENGTHS)[role])
        total = int(sizes.sum())
        draw = torch.Generator().manual_seed(100 * seed + number(role))
        targets = torch.randint(VOCABULARY, (total,), generator=draw)
        draw.manual_seed(1000 * (seed + 1) + number(name))
        logits = 3 * torch.randn(total, VOCABULARY, generator=draw)
        row = torch.repeat_interleave(torch.arange(len(sizes)), sizes)
        states = {layer: torch.randn(total, WIDTH, generator=draw) for layer in layers} or None
        scores = Scores(targets, row, len(sizes), raw_logits=logits, raw_hidden=states)
        if name.endswith("_ref"):
            found[name] = kept(scores, name in distributions)
        else:
            for leaf in (logits, *(states or {}).values()):
                leaf.requires_grad_()
            found[name] = scores
    return found


def number(name: str) -> int:
    """Return a number for a name, the same in each process; inputs can have names of their own."""
    return zlib.crc32(name.encode())


def kept(scores: Scores, with_logits: bool) -> Scores:
    """Return scores as the engine keeps a reference: detached, log-probabilities or logits, and hidden states."""
    states = scores.raw_hidden and {layer: state.detach() for layer, state in scores.raw_hidden.items()}
    if with_logits and scores.raw_logits is not None:
        return Scores(scores.targets, scores.row, scores.n, raw_logits=scores.raw_logits.detach(), raw_hidden=states)
    return Scores(scores.targets, scores.row, scores.n, kept_logps=scores.token_logps.detach(), raw_hidden=states)


def plain(scores: Scores) -> list[Answer]:
    """Return each answer as float64 arrays, without using ``Scores`` to compute anything."""
    rows, targets = scores.row.numpy(), scores.targets.numpy()
    found = []
    for i in range(scores.n):
        mine = rows == i
        if scores.raw_logits is None:
            assert scores.kept_logps is not None
            found.append(Answer(None, scores.kept_logps.numpy()[mine].astype(np.float64)))
            continue
        logits = scores.raw_logits.detach().numpy()[mine].astype(np.float64)
        logps = logits - np.log(np.exp(logits - logits.max()).sum(-1, keepdims=True)) - logits.max()
        found.append(Answer(logps, logps[np.arange(len(logps)), targets[mine]]))
    return found
