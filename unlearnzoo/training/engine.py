"""The engine: encode, forward, generate and score, over one model with its adapters.

Losses never see it; training loops, evaluation and commands do.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch

from ..data.partition import balance
from ..encoding.collate import Batch, collate
from ..encoding.encode import Encoded
from ..encoding.images import ImageTensors, prefetch
from ..encoding.layout import Layout
from ..encoding.packing import Row, alike, bundled, by_kind, chunks, single, single_chunks, singles
from ..example import Example
from ..models import lora, precision, vision_features
from ..models.activation_checkpointing import recomputed
from ..models.checkpoint import Checkpoint, load
from ..models.generation import GENERATE_TOKENS, Sampling, generate, groups
from ..models.packed_forward import Forwarded, PackedForward
from ..models.scores import Scores
from .distributed.deepspeed import Sharding
from .distributed.start import start
from .optimizers import DeepSpeedStepper, Stepper, check_types
from .recipe import Stage
from .verifier import Verifier
from .verify import Verified

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

T = TypeVar("T")
#: Padded tokens in one forward without gradients; what fits a processor's caches is fastest there.
SCORE_TOKENS = {"cpu": 4096, "cuda": 16384}


@dataclass(frozen=True)
class TeacherForced:
    """Teacher-forced result of one answer."""

    logps: list[float]
    correct: bool


class Engine:
    """One model, in this process and in the others that work on the same run.

    Args:
        checkpoint: what ``models.checkpoint.inspect`` found.

    Attributes:
        model: the transformers model, behind peft as soon as it has an adapter.
        verifier: finds out how rows may be computed together.
        target_replaced: see ``replace_target``.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.accelerator, self.ranks = start()
        self.device = self.accelerator.device
        self.sharding = Sharding(self.accelerator)
        precision.check(checkpoint.precision, self.sharding.weights)
        self.precision = precision.resolve(checkpoint.precision, self.device.type == "cuda")
        # Adapters stay fp32; their products run in bf16 beside a bf16 base.
        self.dtype = precision.dtype(self.precision)
        self.checkpoint = checkpoint
        with self.sharding.loading_dtype(self.dtype == torch.bfloat16):
            self.model: PreTrainedModel | PeftModel = load(checkpoint, self.dtype)
        if not self.sharding.weights:
            self.model = self.model.to(self.device)
        precision.verify(self.model, checkpoint.name)
        self.linears = lora.linear_parts(self.model)
        self.encoder = checkpoint.encoder
        # Sharded weights are there in forwards of the whole model alone, not in those of its vision tower.
        inputs, keeps = self.encoder.inputs, not self.sharding.weights
        self.pixels = vision_features.inputs(self.model, inputs, self._autocast) if keeps else ImageTensors(inputs)
        self.layout = Layout(self.model)
        self.wrapped: torch.nn.Module = PackedForward(self.model)
        self.verifier = Verifier(self)
        self._recompute = False
        self.target_replaced = False

    def adapt(self, name: str, rank: int, alpha: float, parts: Sequence[str], seed: int) -> list[torch.nn.Parameter]:
        """Add a fresh adapter and return its parameters, the only ones that train."""
        names = lora.target_names(self.linears, parts)
        self.sharding.release()
        self.model = lora.add(self.model, name, rank, alpha, names, seed)
        self.wrapped = PackedForward(self.model)
        return lora.train_only(self.model, name)

    def drop(self, name: str) -> None:
        """Take an adapter off the model."""
        self.sharding.release()
        self.model.delete_adapter(name)
        self.wrapped = PackedForward(self.model)

    def prepare(self, parameters: list[torch.nn.Parameter], recipe: Stage) -> Stepper | DeepSpeedStepper:
        """Return what does the steps of a training."""
        self._recompute = recipe.recompute
        stepper: Stepper | DeepSpeedStepper
        if self.sharding.on:
            self.wrapped = PackedForward(self.model)
            self.wrapped, stepper = self.sharding.stepper(self.wrapped, parameters, recipe, self.ranks)
        else:
            stepper = Stepper(parameters, recipe, self.ranks)
        check_types(parameters, "adapters")
        return stepper

    def active(self, which: lora.State) -> frozenset[str]:
        """Return the adapters that count in a state."""
        return frozenset({"unlearn"}) if which == "unlearned" and self.target_replaced else lora.ACTIVE[which]

    def replace_target(self, replaced: bool) -> None:
        """Let the ``unlearn`` adapter stand in place of the target in state ``unlearned``, or on top of it (again)."""
        self.target_replaced = replaced

    @property
    def precision_key(self) -> str:
        """What decides how results are rounded, for keys of caches; see ``models.precision.arithmetic``."""
        return precision.arithmetic(self.precision, self.device.type == "cuda", self.accelerator.mixed_precision)

    def describe(self) -> dict[str, object]:
        """Return what a record says of processes and device."""
        device = {"type": self.device.type, "precision": self.precision, "arithmetic": self.precision_key}
        rows = {"rows": self.verified.as_data()} if self.verified else {}
        return {"processes": self.sharding.describe(self.ranks.n), "device": device | rows}

    @property
    def base(self) -> "PreTrainedModel":
        """The transformers model (LoRA layers keep their place in it)."""
        return lora.core(self.model)

    def encode(self, example: Example, answer: str | None = None) -> Encoded:
        """Encode an example, or its question with another answer; kept."""
        return self.encoder.cached(example, answer)

    def batches(
        self,
        encoded: Sequence[Encoded],
        per_image: int,
        max_tokens: int,
        bundle: Sequence[int] | None = None,
        shared: bool = False,
    ) -> Iterator[tuple[list[int], Batch]]:
        """Yield micro-batches: which examples, in order, and their padded rows on the device.

        Args:
            encoded: the examples, the same on each process.
            per_image: how many questions may share one image prefix.
            max_tokens: padded tokens of a micro-batch.
            bundle: examples with equal numbers stay in one micro-batch.
            shared: this process's share alone. Where weights are sharded every process needs as many micro-batches;
                what is missing comes without examples and is not to count.
        """
        if not encoded:
            return
        found = self.verifier(encoded)
        units = bundled(encoded, per_image, bundle) if found.packs else singles(encoded, bundle)
        per_batch = max(1, max_tokens // max(len(e.prompt) + len(e.answer) for e in encoded))
        if shared and self.sharding.on:
            self.sharding.check_alike(encoded)
        # One kind after another: where weights are sharded the processes go through the same modules together.
        for some in by_kind(units, found.kind):
            costs = [sum(map(len, unit)) for unit in some]
            deal = balance(some, costs, self.ranks.n) if shared else [some] * self.ranks.n
            every = [list(chunks(mine, max_tokens) if found.packs else single_chunks(mine, per_batch)) for mine in deal]
            own = every[self.ranks.rank]
            padded = own
            if shared and self.sharding.on:
                spare = some[costs.index(min(costs))]
                padded = own + [list(spare)] * (max(map(len, every)) - len(own))
            parts = prefetch(padded, lambda part: [row.blocks[0] for row in part], self.pixels)
            for number, part in enumerate(parts):
                members, batch = self.collate(part, plain=not found.packs)
                yield (members if number < len(own) else []), batch

    @property
    def verified(self) -> Verified | None:
        """How rows may be computed together, as far as any were compared."""
        return self.verifier.result

    def forward(
        self, batch: Batch, which: lora.State, kept_hidden: torch.Tensor | None = None, layers: Sequence[int] = ()
    ) -> tuple[Scores, Forwarded]:
        """Run the wrapped forward in a state; return scores of the batch and the raw output."""
        self._rewrap_if_changed()
        with self.activated(which), self._recomputed(which):
            out: Forwarded = self.wrapped(batch, kept_hidden=kept_hidden, layers=layers)
        check_types([out["logits"], *([out["hidden"]] if self.dtype == torch.float32 else [])], "logits")
        scores = Scores(batch.targets, batch.row, batch.n, raw_logits=out["logits"], raw_hidden=out["layers"] or None)
        return scores, out

    @contextlib.contextmanager
    def activated(self, which: lora.State) -> Iterator[None]:
        """Ask the model itself in a state, its products in the engine's type."""
        with lora.activated(self.model, self.active(which)), self._autocast():
            yield

    @torch.no_grad()
    def score(
        self,
        encoded: Sequence[Encoded],
        which: lora.State,
        per_image: int = 16,
        on_done: Callable[[int], None] | None = None,
    ) -> list[TeacherForced]:
        """Score each given answer, teacher-forced."""
        own: dict[int, TeacherForced] = {}
        max_tokens = SCORE_TOKENS.get(self.device.type, SCORE_TOKENS["cuda"])
        with self._fastest(which):
            for members, batch in self.batches(encoded, per_image, max_tokens, shared=True):
                scores, _ = self.forward(batch, which)
                if not members:
                    continue
                logps = scores.token_logps.cpu().split(scores.n_tokens.tolist())
                for i, answer_logps, right in zip(members, logps, scores.correct.tolist(), strict=True):
                    own[i] = TeacherForced(answer_logps.tolist(), right)
                if on_done:
                    on_done(len(members))
        return list(self._joined(own, len(encoded), on_done).values())

    def generate(
        self,
        prompts: Sequence[Encoded],
        which: lora.State,
        max_new_tokens: int,
        on_done: Callable[[int], None] | None = None,
        sampling: Sampling | None = None,
    ) -> list[str]:
        """Answer prompts in a state, greedily where no sampling is asked for."""
        if not prompts:
            return []
        # Sharded weights are collected by all processes together: as many calls, of as many tokens, on each.
        together = self.sharding.weights
        if together:
            self.sharding.check_alike(prompts)
        said = self.verifier(prompts).said
        self._rewrap_if_changed()
        with self._fastest(which), self.activated(which):
            own: dict[int, str] = {}
            for some in by_kind([[single(prompt, i)] for i, prompt in enumerate(prompts)], said):
                numbers = [row.index[0] for unit in some for row in unit]
                deal = balance(numbers, [len(prompts[i].prompt) for i in numbers], self.ranks.n)
                every = [groups([prompts[i] for i in share], max_new_tokens, GENERATE_TOKENS) for share in deal]
                mine, batches = deal[self.ranks.rank], every[self.ranks.rank]
                spare = max(map(len, every)) - len(batches) if together else 0
                todo = [prompts[i] for i in mine] + [prompts[numbers[0]]] * spare
                batches = batches + [[len(mine) + k] for k in range(spare)]
                how = (max_new_tokens, on_done, together, sampling)
                texts = generate(self.model, self.encoder.tokenizer, self.pixels, todo, batches, *how)
                own |= dict(zip(mine, texts, strict=False))
        return list(self._joined(own, len(prompts), on_done).values())

    def _joined(self, own: dict[int, T], total: int, on_done: Callable[[int], None] | None) -> dict[int, T]:
        """Return what all processes have, this one's own part among it; the others' counts as done as well."""
        merged = self.ranks.gather_dict(own)
        if on_done and total > len(own):
            on_done(total - len(own))
        return merged

    def _rewrap_if_changed(self) -> None:
        """Wrap a model that has changed: sharded weights are there in its forwards alone."""
        if self.sharding.weights and not self.sharding.ready:
            self.wrapped = self.sharding.wrap(PackedForward(self.model))

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def _recomputed(self, which: lora.State) -> contextlib.AbstractContextManager[None]:
        if not self._recompute or not torch.is_grad_enabled():
            return contextlib.nullcontext()
        active = self.active(which)
        return recomputed(self.model, lambda: lora.activated(self.model, active))

    def _fastest(self, which: lora.State) -> contextlib.AbstractContextManager[None]:
        """Fold the adapters of a state into fp32 weights; bf16 weights would round them away."""
        if self.dtype != torch.float32 or self.sharding.weights:
            return contextlib.nullcontext()
        return lora.merged(self.model, self.active(which))

    def collate(self, packed: list[Row], plain: bool = False) -> tuple[list[int], Batch]:
        """Return which examples some rows hold, in order, and the rows as one batch on the device."""
        pad = self.encoder.tokenizer.pad_token_id
        kind = self.verified.kind if self.verified else alike
        batch = collate(packed, 0 if pad is None else pad, self.pixels, None if plain else self.layout, kind)
        members = sorted(i for row in packed for i in row.index)
        return members, batch.to(self.device)
