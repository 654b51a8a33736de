"""What a loss sees: the answer tokens of some examples, and nothing else.

Prompt, image and padding positions do not exist here, so no algorithm can mask them wrongly.
Row i is example i however the batch was packed.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Scores:
    """Answer tokens of ``n`` examples laid end to end, ``T`` in all; fp32.

    Attributes:
        targets: ``(T,)`` token ids.
        row: ``(T,)`` example index of each token, ascending.
        n: number of examples (answers); 0 is legal.
        raw_logits: ``(T, V)``, or None for a reference that was kept as log-probabilities.
        kept_logps: ``(T,)`` log-probabilities, where there are no logits.
        raw_hidden: layer → ``(T, H)``, where the algorithm declares layers.
    """

    targets: Tensor
    row: Tensor
    n: int
    raw_logits: Tensor | None = None
    kept_logps: Tensor | None = None
    raw_hidden: Mapping[int, Tensor] | None = None

    @property
    def hidden(self) -> Mapping[int, Tensor]:
        """Layer → ``(T, H)``: that decoder layer's output where each answer token is predicted.

        The last layer's is taken behind the final normalisation, as transformers gives it.

        Raises:
            RuntimeError: the algorithm declares no layers.
        """
        if self.raw_hidden is None:
            raise RuntimeError("no hidden states were asked for; declare `layers` on the algorithm to have them")
        return self.raw_hidden

    @property
    def logits(self) -> Tensor:
        """``(T, V)`` next-token logits.

        Raises:
            RuntimeError: this reference input carries log-probabilities alone.
        """
        if self.raw_logits is None:
            raise RuntimeError(
                "this reference input carries log-probabilities only; declare "
                'reference = {"<name>_ref": "logits"} on the algorithm to have its distribution'
            )
        return self.raw_logits

    @functools.cached_property
    def token_logps(self) -> Tensor:
        """``(T,)`` log-probability of each answer token."""
        if self.kept_logps is not None:
            return self.kept_logps
        return -F.cross_entropy(self.logits.float(), self.targets, reduction="none")

    @property
    def logps(self) -> Tensor:
        """``(n,)`` log-probability of each answer, the sum over its tokens."""
        return self._per_answer(self.token_logps)

    @property
    def nll(self) -> Tensor:
        """``(n,)`` mean negative log-likelihood a token of each answer."""
        return -self.logps / self.n_tokens

    @property
    def n_tokens(self) -> Tensor:
        """``(n,)`` answer tokens of each example, end token included."""
        return torch.bincount(self.row, minlength=self.n)

    @property
    def correct(self) -> Tensor:
        """``(n,)`` bool; each token of the answer, the end too, is the greedy choice."""
        wrong = (self.logits.argmax(-1) != self.targets).float()
        return self._per_answer(wrong) == 0

    def kl(self, ref: "Scores") -> Tensor:
        """``(n,)`` KL(ref || self), mean over the answer's tokens; ``ref`` carries logits."""
        ours, theirs = self.logits.float().log_softmax(-1), ref.logits.float().log_softmax(-1)
        per_token = F.kl_div(ours, theirs, log_target=True, reduction="none").sum(-1)
        return self.mean(per_token)

    def mean(self, per_token: Tensor) -> Tensor:
        """``(n,)`` mean of a value per token, ``(T,)``, over each answer's tokens."""
        return self._per_answer(per_token) / self.n_tokens

    def take(self, rows: Tensor) -> "Scores":
        """Return the given examples alone, in the given order; ``rows`` is ``(m,)`` of indices."""
        place = torch.full((self.n,), -1, dtype=torch.long, device=self.row.device)
        place[rows] = torch.arange(len(rows), device=self.row.device)
        chosen = place[self.row]
        tokens = torch.argsort(chosen, stable=True)[(chosen < 0).sum() :]

        def pick(x: Tensor | None) -> Tensor | None:
            return None if x is None else x[tokens]

        hidden = self.raw_hidden and {layer: states[tokens] for layer, states in self.raw_hidden.items()}
        return Scores(
            self.targets[tokens], chosen[tokens], len(rows), pick(self.raw_logits), pick(self.kept_logps), hidden
        )

    def _per_answer(self, per_token: Tensor) -> Tensor:
        empty = torch.zeros(self.n, dtype=per_token.dtype, device=per_token.device)
        return empty.index_add(0, self.row, per_token)
