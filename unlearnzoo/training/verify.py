"""Whether a model computes what the engine takes it to compute: found out on the first rows of each run.

Three things are compared, and each gives way to a slower one that is right: one answer alone with what the model's own
``generate`` says when it is made to say it; rows of a padded batch with rows alone; packed rows with rows alone.
"""

import contextlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import torch

from ..encoding.collate import Batch
from ..encoding.encode import Encoded
from ..encoding.layout import CannotPackError
from ..encoding.packing import Kind, Row, alike, rows, same_shape, single
from ..errors import ModelError, first_line
from ..models.generation import forced
from ..models.lora import State
from ..models.packed_forward import Forwarded
from ..models.scores import Scores
from .distributed.ranks import Ranks

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

    from ..encoding.encode import Encoder
    from ..encoding.images import ImageTensors
    from ..models.checkpoint import Checkpoint
    from ..models.vision_features import Features

#: Largest difference of a log-probability, absolute and relative, of an fp32 model and of any other.
TOLERANCE, TOLERANCE_HALF = 1e-3, 0.15
#: What a model's own code raises where it does not take a batch, or a mask.
_REFUSED = (RuntimeError, TypeError, ValueError, IndexError, KeyError, AttributeError)


class Asked(Protocol):
    """What the check needs of an engine."""

    checkpoint: "Checkpoint"
    dtype: torch.dtype
    ranks: Ranks
    model: "PreTrainedModel | PeftModel"
    encoder: "Encoder"
    pixels: "ImageTensors | Features"

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


@dataclass(frozen=True)
class Verified:
    """How rows may be computed together.

    Attributes:
        packs: questions may share an image prefix.
        one_shape: only rows whose images have one size share a forward.
        one_length: only prompts of one length are answered together.
        why: what was found to differ, in words.
    """

    packs: bool
    one_shape: bool = False
    one_length: bool = False
    why: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """What rows of one forward have in common."""
        return same_shape if self.one_shape else alike

    @property
    def said(self) -> Kind:
        """What prompts of one generated batch have in common."""
        return (lambda row: (self.kind(row), len(row.blocks[0].prompt))) if self.one_length else self.kind

    def joined(self, other: "Verified") -> "Verified":
        """Return what holds by both."""
        return Verified(
            self.packs and other.packs,
            self.one_shape or other.one_shape,
            self.one_length or other.one_length,
            tuple(dict.fromkeys((*self.why, *other.why))),
        )

    def as_data(self) -> dict[str, object]:
        """Return it as a record has it."""
        return {
            "packed": self.packs,
            "padded": "images of one size" if self.one_shape else "any",
            "generated": "prompts of one length" if self.one_length else "as padded",
            "why": list(self.why),
        }


@torch.no_grad()
def verify(engine: Asked, some: Sequence[Encoded]) -> Verified:
    """Compare on some rows of this run.

    Args:
        engine: of this process.
        some: answers that show most; the first of them have as many images each.

    Raises:
        ModelError: an answer alone differs from what the model would say, or rows of one shape from rows alone.
    """
    return _Verification(engine, some).result()


class _Verification:
    """Asks an engine about some answers, of which the first have as many images each."""

    def __init__(self, engine: Asked, some: Sequence[Encoded]) -> None:
        self.engine, self.some = engine, some
        self.why: list[str] = []
        self.tolerance = TOLERANCE if engine.dtype == torch.float32 else TOLERANCE_HALF
        try:
            self.alone = [self._plain([one])[0] for one in some]
        except torch.OutOfMemoryError:
            raise
        except _REFUSED as error:
            raise ModelError(
                f"{type(engine.base).__name__} does not take what its processor gives ({first_line(error)}): do "
                "processor_config.json and config.json belong together?"
            ) from None

    def result(self) -> Verified:
        """Go through the three comparisons."""
        one_shape = self._padded()
        kind = same_shape if one_shape else alike
        one_length = self._said(kind)
        return Verified(self._packs(kind), one_shape, one_length, tuple(self.why))

    def _padded(self) -> bool:
        """Return whether only rows of one shape are computed as alone."""
        if not (reason := self._first(alike, self._plain)):
            return False
        if still := self._first(same_shape, self._plain):
            raise ModelError(
                f"{type(self.engine.base).__name__} computes a row of a batch otherwise than alone ({still}); "
                "that is not supported yet"
            )
        self.why.append(f"rows of a padded batch differ from rows alone ({reason}): images of one size share a forward")
        return True

    def _said(self, kind: Kind) -> bool:
        """Return whether only prompts of one length are answered as alone."""
        if not (reason := self._first(kind, self._forced)):
            return False
        if single_reason := next(filter(None, (self._differ([i], self._forced) for i in range(len(self.some)))), ""):
            raise ModelError(
                f"{type(self.engine.base).__name__} scores an answer otherwise than it would say it "
                f"({single_reason}); that is not supported yet"
            )
        self.why.append(
            f"answers of a batch are not generated as alone ({reason}): only prompts of one length are together"
        )
        return True

    def _first(self, kind: Kind, ask: Callable[[Sequence[Encoded]], list[torch.Tensor]]) -> str:
        """Return how answers of one kind, asked together, first differ from those alone; "" if they do not."""
        return next(filter(None, [self._differ(part, ask) for part in self._parts(kind)]), "")

    def _packs(self, kind: Kind) -> bool:
        many = [part for part in self._parts(kind) if len(part) > 1]
        first = many[0] if many else [0]

        def packed(some: Sequence[Encoded]) -> list[torch.Tensor]:
            # Asked twice in a row, the second time behind all others: one question shows nothing of packing.
            n = len(some)
            whole = [
                replace(row, blocks=row.blocks * 2, index=(*row.index, *(i + n for i in row.index)))
                for row in rows(some, n)
            ]
            _, batch = self.engine.collate(whole)
            scores, _ = self.engine.forward(batch, "unlearned")
            return [scores.token_logps[scores.row == n + i] for i in range(n)]

        if reason := self._differ(first, packed):
            self.why.append(
                f"questions of one row differ from questions alone ({reason}): each has its own row (slower)"
            )
            return False
        return True

    def _parts(self, kind: Kind) -> list[list[int]]:
        """Return which answers are of one kind."""
        parts: dict[Hashable, list[int]] = {}
        for i, one in enumerate(self.some):
            parts.setdefault(kind(single(one, 0)), []).append(i)
        return list(parts.values())

    def _plain(self, some: Sequence[Encoded]) -> list[torch.Tensor]:
        _, batch = self.engine.collate([single(one, i) for i, one in enumerate(some)], plain=True)
        scores, _ = self.engine.forward(batch, "unlearned")
        return list(scores.token_logps.split(scores.n_tokens.tolist()))

    def _forced(self, some: Sequence[Encoded]) -> list[torch.Tensor]:
        engine = self.engine
        with engine.activated("unlearned"):
            return forced(engine.model, engine.encoder.tokenizer, engine.pixels, some)

    def _differ(self, which: Sequence[int], ask: Callable[[Sequence[Encoded]], list[torch.Tensor]]) -> str:
        """Return how far some answers, asked in another way, are from those alone; "" if they are the same.

        The same on every process.
        """
        try:
            found = ask([self.some[i] for i in which])
            wanted = [self.alone[i] for i in which]
            close = all(
                torch.allclose(a, b, atol=self.tolerance, rtol=self.tolerance)
                for a, b in zip(found, wanted, strict=True)
            )
            off = max(float((a - b).abs().max()) for a, b in zip(found, wanted, strict=True))
            told = "" if close else f"a log-probability by {off:.2g}"
        except torch.OutOfMemoryError:
            raise
        except CannotPackError as error:
            told = str(error)
        except _REFUSED as error:
            told = f"the model takes no such rows: {first_line(error)}"
        return next(filter(None, self.engine.ranks.gather(told)), "")
