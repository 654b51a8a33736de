"""The engine: encode, forward, generate and score, over one model with its adapters.

Losses never see it; training loops, evaluation and commands do.
"""

import contextlib
import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..data.encode import Encoded, Encoder
from ..data.packing import Batch, Row, chunks, collate, rows
from ..data.pixels import foreseen
from ..errors import RunError
from ..example import Example
from ..models import adapters, vision
from ..models.forward import PackedForward
from ..models.generate import generate
from ..models.load import Checkpoint, load
from ..models.scores import Scores

#: Padded tokens in one forward without gradients; what fits a processor's caches is fastest there.
SCORE_TOKENS = {"cpu": 4096, "cuda": 16384}
#: Padded tokens of one generated batch, new ones included; only one of them a row is computed at a time.
GENERATE_TOKENS = 32768


@dataclass(frozen=True)
class Judged:
    """Teacher-forced result of one answer."""

    logps: list[float]
    correct: bool


class Engine:
    """One model on one accelerator.

    Args:
        checkpoint: what ``models.load.inspect`` found.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        from accelerate import Accelerator

        on_gpu = torch.cuda.is_available()
        # Adapters stay fp32; their products run in bf16 beside a bf16 base.
        self.accelerator = Accelerator(mixed_precision="bf16" if on_gpu else "no")
        if self.accelerator.num_processes > 1:
            raise RunError("several processes are not supported yet; start one")
        self.dtype = torch.bfloat16 if on_gpu else torch.float32
        self.checkpoint = checkpoint
        self.model = load(checkpoint, self.dtype).to(self.accelerator.device)
        self.linears = adapters.linear_parts(self.model)
        self.encoder = Encoder(checkpoint.processor)
        self.pixels = vision.inputs(self.model, checkpoint.processor.image_processor, self.accelerator.autocast)
        self.wrapped: Any = PackedForward(self.model)
        self.packs: bool | None = None
        #: Which adapters count in each state; a method may take the target out of ``policy``.
        self.states = dict(adapters.ACTIVE)
        self._encoded: dict[tuple[object, ...], Encoded] = {}

    def adapt(self, name: str, rank: int, alpha: float, parts: Sequence[str], seed: int) -> list[Any]:
        """Add a fresh adapter and return its parameters, the only ones that train."""
        names = adapters.target_names(self.linears, parts)
        self.model = adapters.add(self.model, name, rank, alpha, names, seed)
        self.wrapped = PackedForward(self.model)
        return adapters.train_only(self.model, name)

    def drop(self, name: str) -> None:
        """Take an adapter off the model."""
        self.model.delete_adapter(name)
        self.wrapped = PackedForward(self.model)

    def prepare(self, parameters: list[Any], **adamw: Any) -> Any:
        """Wrap model and a new AdamW for training; return the optimiser."""
        optimizer = torch.optim.AdamW(parameters, **adamw)
        self.wrapped, optimizer = self.accelerator.prepare(PackedForward(self.model), optimizer)
        return optimizer

    @property
    def base(self) -> Any:
        """The transformers model without adapters (as names go: LoRA layers keep their place)."""
        return adapters.core(self.model)

    def encode(self, example: Example, answer: str | None = None) -> Encoded:
        """Encode an example, or its question with another answer; kept for the next epoch."""
        key = (example.id, example.question, example.answer if answer is None else answer, len(example.images))
        if key not in self._encoded:
            self._encoded[key] = self.encoder.encode(example, answer)
        return self._encoded[key]

    def batches(self, encoded: Sequence[Encoded], per_image: int, max_tokens: int,
                bundle: Sequence[int] | None = None) -> Iterator[tuple[list[int], Batch]]:
        """Yield micro-batches: which examples, in order, and their padded rows on the device."""
        if not encoded:
            return
        if self.packs is None:
            self.packs = self._verify(encoded)
        if not self.packs:
            yield from self._plain_batches(encoded, max_tokens, bundle)
            return
        for packed in foreseen(chunks(rows(encoded, per_image, bundle), max_tokens),
                               lambda some: [image for row in some for image in row.images], self.pixels):
            yield self._collate(packed)

    def forward(self, batch: Batch, which: adapters.State, kept_hidden: Any = None,
                layers: Sequence[int] = ()) -> tuple[Scores, Any]:
        """Run the wrapped forward in a state; return scores of the batch and the raw output."""
        with adapters.state(self.model, self.states[which]), self.accelerator.autocast():
            out = self.wrapped(batch, kept_hidden=kept_hidden, layers=layers)
        found = Scores(batch.targets, batch.row, batch.n, raw_logits=out["logits"], raw_hidden=out["layers"] or None)
        return found, out

    @torch.no_grad()
    def score(self, encoded: Sequence[Encoded], which: adapters.State, per_image: int = 16,
              on_done: Callable[[int], None] | None = None) -> list[Judged]:
        """Score each given answer, teacher-forced."""
        found: list[Judged | None] = [None] * len(encoded)
        max_tokens = SCORE_TOKENS.get(self.accelerator.device.type, SCORE_TOKENS["cuda"])
        with self._quick(which):
            for members, batch in self.batches(encoded, per_image, max_tokens):
                scores, _ = self.forward(batch, which)
                logps = scores.token_logps.cpu().split(scores.n_tokens.tolist())
                for i, one, right in zip(members, logps, scores.correct.tolist(), strict=True):
                    found[i] = Judged(one.tolist(), right)
                if on_done:
                    on_done(len(members))
        return [f for f in found if f is not None]

    def generate(self, prompts: Sequence[Encoded], which: adapters.State, max_new_tokens: int,
                 on_done: Callable[[int], None] | None = None) -> list[str]:
        """Answer prompts greedily in a state."""
        with self._quick(which), self.accelerator.autocast():
            return generate(self.model, self.encoder.tokenizer, self.pixels, prompts, self.states[which],
                            max_new_tokens, GENERATE_TOKENS, on_done)

    def _quick(self, which: adapters.State) -> contextlib.AbstractContextManager[None]:
        """Fold the adapters of a state into fp32 weights; bf16 weights would round them away."""
        if self.dtype != torch.float32:
            return contextlib.nullcontext()
        return adapters.folded(self.model, self.states[which])

    def _collate(self, packed: list[Row], plain: bool = False) -> tuple[list[int], Batch]:
        pad = self.encoder.tokenizer.pad_token_id
        batch = collate(packed, 0 if pad is None else pad, self.pixels, plain)
        members = sorted(i for row in packed for i in row.index)
        return members, batch.to(self.accelerator.device)

    def _plain_batches(self, encoded: Sequence[Encoded], max_tokens: int,
                       bundle: Sequence[int] | None = None) -> Iterator[tuple[list[int], Batch]]:
        """Yield unpacked micro-batches; bundles stay together."""
        numbers = list(range(len(encoded))) if bundle is None else list(bundle)
        per_batch = max(1, max_tokens // max(len(e.prompt) + len(e.answer) for e in encoded))
        members: dict[int, list[int]] = {}
        for i, number in enumerate(numbers):
            members.setdefault(number, []).append(i)
        batch: list[int] = []
        for one in [*members.values(), None]:
            if batch and (one is None or len(batch) + len(one) > per_batch):
                yield self._collate([_single(encoded[i], i) for i in batch], plain=True)
                batch = []
            batch += one or []

    @torch.no_grad()
    def _verify(self, encoded: Sequence[Encoded]) -> bool:
        """Compare packed with the stock model, unpacked, on some first rows of this run."""
        first = max(rows(encoded, 4), key=lambda row: len(row.blocks))
        some = [encoded[i] for i in first.index]
        _, packed = self._collate(rows(some, 4))
        ours = self.forward(packed, "policy")[0]
        tolerance = 1e-3 if self.dtype == torch.float32 else 0.15
        for i, one in enumerate(some):
            _, plain = self._collate([_single(one, 0)], plain=True)
            stock = self.base(**plain.inputs).logits[0, plain.at[:, 1]].float()
            ref = -torch.nn.functional.cross_entropy(stock, plain.targets, reduction="none")
            mine = ours.token_logps[ours.row == i]
            if not torch.allclose(mine, ref, atol=tolerance, rtol=tolerance):
                warnings.warn("this model's answers change when questions share an image prefix; "
                              "going on without packing (slower)", stacklevel=2)
                return False
        return True


def _single(one: Encoded, index: int) -> Row:
    return Row(one.prefix, one.images, (one,), (index,))


def state_hash(model: Any, name: str) -> str:
    """Hash of an adapter's weights."""
    digest = hashlib.sha256()
    for path, parameter in sorted(model.named_parameters()):
        if f".{name}." in path:
            digest.update(path.encode())
            digest.update(parameter.detach().cpu().float().numpy().tobytes())
    return digest.hexdigest()[:16]
