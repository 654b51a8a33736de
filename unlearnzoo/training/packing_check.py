"""Whether a model answers packed rows as it answers single ones: found out on the first rows of a run."""

import contextlib
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import torch

from ..data.encode import Encoded
from ..data.packing import Batch, Row, rows, single
from ..errors import ModelError
from ..models.lora import State
from ..models.packed_forward import Forwarded
from ..models.scores import Scores
from .distributed.ranks import Ranks

if TYPE_CHECKING:
    from transformers import PreTrainedModel

#: Largest difference of a log-probability, absolute and relative, of an fp32 model and of any other.
TOLERANCE, TOLERANCE_HALF = 1e-3, 0.15


class Asked(Protocol):
    """What the check needs of an engine."""

    dtype: torch.dtype
    ranks: Ranks

    @property
    def base(self) -> "PreTrainedModel":
        """The transformers model."""
        ...

    def collate(self, packed: list[Row], plain: bool = False) -> tuple[list[int], Batch]:
        """Make a batch of some rows."""
        ...

    def forward(self, batch: Batch, which: State) -> tuple[Scores, Forwarded]:
        """Run the packed forward."""
        ...

    def activated(self, which: State) -> contextlib.AbstractContextManager[None]:
        """Ask the transformers model in a state."""
        ...


@torch.no_grad()
def packs(engine: Asked, encoded: Sequence[Encoded]) -> bool:
    """Compare packed with the stock model, unpacked, on some first rows of this run; warn where they differ.

    Args:
        engine: every process asks its own; all get the same answer.
        encoded: at least one answer.

    Raises:
        ModelError: unpacked they differ as well.
    """
    first = max(rows(encoded, 4), key=lambda row: (len(row.blocks), bool(row.images)))
    # A row with one question shows nothing of packing: it is asked twice then.
    answers = first.blocks if len(first.blocks) > 1 else first.blocks * 2
    _, packed = engine.collate([replace(first, blocks=answers, index=tuple(range(len(answers))))])
    scores, _ = engine.forward(packed, "unlearned")
    plain = [engine.collate([single(answer, 0)], plain=True)[1] for answer in answers]
    stock = [_stock(engine, batch) for batch in plain]
    if _agree(engine, [scores.token_logps[scores.row == i] for i in range(len(answers))], stock):
        return True
    if not _agree(engine, [engine.forward(batch, "unlearned")[0].token_logps for batch in plain], stock):
        raise ModelError(
            f"{type(engine.base).__name__} makes its logits otherwise than by its output head from the "
            "last hidden states (it scales or caps them, say); that is not supported yet"
        )
    warnings.warn(
        "this model's answers change when questions share an image prefix; going on without packing (slower)",
        stacklevel=2,
    )
    return False


def _stock(engine: Asked, plain: Batch) -> torch.Tensor:
    """Return log-probabilities of one unpacked answer by the transformers model itself, ``(T,)``."""
    with engine.activated("unlearned"):
        logits = engine.base(**plain.inputs).logits[0, plain.at[:, 1]].float()
    return -torch.nn.functional.cross_entropy(logits, plain.targets, reduction="none")


def _agree(engine: Asked, ours: Sequence[torch.Tensor], stock: Sequence[torch.Tensor]) -> bool:
    """Return whether log-probabilities are the stock model's; the same on every process."""
    tolerance = TOLERANCE if engine.dtype == torch.float32 else TOLERANCE_HALF
    close = [torch.allclose(a, b, atol=tolerance, rtol=tolerance) for a, b in zip(ours, stock, strict=True)]
    return all(engine.ranks.gather(all(close)))
