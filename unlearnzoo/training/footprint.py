"""What a model and its training hold in memory, counted without weights.

The model is built from its configuration on the meta device, with its adapters; a forward of the right
shapes then runs on tensors that have a shape and no content, and what autograd would keep for the backward
is added up. So the count follows the model's own code, whatever its architecture.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..models import lora
from ..models.activation_checkpointing import decoder_layers
from ..models.checkpoint import Checkpoint, empty
from ..models.precision import dtype, sizes
from ..models.scores import Scores
from .recipe import Stage

if TYPE_CHECKING:
    from transformers.utils import ModelOutput

#: AdamW keeps two moments, fp32 as the adapters.
MOMENTS = 2


@dataclass(frozen=True)
class Shape:
    """The largest micro-batch of a stage.

    Attributes:
        rows: packed rows.
        length: padded tokens per row.
        answers: answer tokens in all.
        pixels: shapes of the processor's image tensors for all images of the batch, and their types.
    """

    rows: int
    length: int
    answers: int
    pixels: Mapping[str, tuple[tuple[int, ...], torch.dtype]]


@dataclass(frozen=True)
class Footprint:
    """Bytes that one process holds in one stage, nothing shared out.

    Attributes:
        base: of the frozen weights.
        layer: of the largest module of the base that is computed as a whole: what ZeRO-3 gathers.
        frozen: of adapters that do not train (the target's, in stage 2).
        trained: of the adapter that trains, fp32; its gradients take as much, its moments twice as much.
        activations: kept for the backward of one micro-batch, logits among them.
        merged: of the adapted weights, once more, while an fp32 model is evaluated.
        cache: keys and values of the largest batch of generated answers.
    """

    base: int
    layer: int
    frozen: int
    trained: int
    activations: int
    merged: int
    cache: int


class Blueprint:
    """A model without weights.

    Args:
        checkpoint: what ``models.checkpoint.inspect`` found.
        precision: of its base.

    Attributes:
        sizes: bytes of the base in each precision.
    """

    def __init__(self, checkpoint: Checkpoint, precision: str) -> None:
        self.dtype, self.config = dtype(precision), checkpoint.config
        self.model = empty(checkpoint, self.dtype)
        self.linears = lora.linear_parts(self.model)
        self.parameters = sum(p.numel() for p in self.model.parameters())
        self.sizes = sizes(self.model)
        self.base = self.sizes[precision]
        self.layer = max(size(m.parameters(recurse=False)) for m in self.model.modules())

    def adapt(self, name: str, recipe: Stage) -> int:
        """Add an adapter, the one that trains; return its parameters."""
        from accelerate import init_empty_weights

        with init_empty_weights():
            names = lora.target_names(self.linears, recipe.parts)
            self.model = lora.add(self.model, name, recipe.rank, recipe.alpha, names, 0)
        for path, parameter in self.model.named_parameters():
            if ".lora_" in path:
                # As peft makes them beside a bf16 base.
                parameter.data = parameter.data.float()
        return sum(p.numel() for p in lora.train_only(self.model, name))

    def footprint(self, shape: Shape, generated: int, recompute: bool) -> Footprint:
        """Count what is held with the adapters that are on.

        Args:
            shape: of the largest micro-batch.
            generated: tokens of the largest batch of generated answers.
            recompute: only each decoder layer's input is kept, and one layer's activations at a time.
        """
        adapters = {n: p for n, p in self.model.named_parameters() if ".lora_" in n}
        adapted = {id(m): m.get_base_layer().weight for _, m in lora.layers(self.model)}
        text = self.config.get_text_config()
        heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
        width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
        each = torch.empty(0, dtype=self.dtype).element_size()
        return Footprint(
            base=self.base,
            layer=self.layer,
            frozen=size(p for p in adapters.values() if not p.requires_grad),
            trained=size(p for p in adapters.values() if p.requires_grad),
            activations=self._activations(shape, recompute),
            merged=size(adapted.values()) if self.dtype == torch.float32 else 0,
            cache=2 * text.num_hidden_layers * heads * width * each * generated,
        )

    def _activations(self, shape: Shape, recompute: bool) -> int:
        """Return the bytes that a forward would keep for its backward, parameters and buffers apart."""
        from torch._subclasses.fake_tensor import FakeTensorMode

        with FakeTensorMode(allow_non_fake_inputs=True):
            kept = _Kept(_materialise(self.model))
            cast = torch.autocast("cpu", torch.bfloat16, enabled=self.dtype == torch.bfloat16)
            with (
                torch.autograd.graph.saved_tensors_hooks(kept.keep, lambda tensor: tensor),
                cast,
                kept.watching(decoder_layers(self.model) if recompute else ()),
            ):
                logits = self._forward(shape)
                row = torch.zeros(shape.answers, dtype=torch.long)
                Scores(torch.zeros_like(row), row, 1, raw_logits=logits).token_logps.sum()
            return kept.bytes()

    def _forward(self, shape: Shape) -> torch.Tensor:
        """Run embedding, image features, decoder and head; where images go is data, and shapes do not ask for it."""
        model = lora.core(self.model)
        ids = torch.zeros(shape.rows, shape.length, dtype=torch.long)
        embedded = model.get_input_embeddings()(ids)
        if shape.pixels and any(p.requires_grad for n, p in self.model.named_parameters() if "language_model" not in n):
            pixels = {name: torch.zeros(size, dtype=kind) for name, (size, kind) in shape.pixels.items()}
            features = _tensor(model.get_image_features(**pixels))
            embedded = embedded.masked_scatter(torch.ones_like(embedded, dtype=torch.bool), features.to(embedded))
        mask = torch.ones(shape.rows, 1, shape.length, shape.length, dtype=torch.bool)
        hidden = model.get_decoder()(
            inputs_embeds=embedded, attention_mask=mask, position_ids=ids, use_cache=False
        ).last_hidden_state
        place = torch.zeros(shape.answers, dtype=torch.long)
        logits: torch.Tensor = model.get_output_embeddings()(hidden[place, place]).float()
        return logits


class _Kept:
    """What autograd keeps for a backward, parameters apart: all, or of each watched layer its input alone.

    A watched layer is computed again when its turn comes, so the largest of them counts as a whole.
    """

    def __init__(self, own: set[int]) -> None:
        self._own, self._layer, self._inputs = own, -1, 0
        self._tensors: dict[int, Tensor] = {}
        self._bytes: dict[int, int] = {}

    def keep(self, tensor: Tensor) -> Tensor:
        """Count a tensor that autograd saves."""
        storage = tensor.untyped_storage()
        if storage._cdata not in self._own and storage._cdata not in self._tensors:
            self._tensors[storage._cdata] = tensor  # kept alive, or its address would come again
            self._bytes[self._layer] = self._bytes.get(self._layer, 0) + storage.nbytes()
        return tensor

    def bytes(self) -> int:
        """Return the largest sum that is held at a time."""
        layers = [n for layer, n in self._bytes.items() if layer >= 0]
        return self._bytes.get(-1, 0) + self._inputs + max(layers, default=0)

    @contextlib.contextmanager
    def watching(self, layers: Sequence[nn.Module]) -> Iterator[None]:
        """Tell which layer a forward is in."""

        def enter(number: int, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            self._layer, self._inputs = number, self._inputs + size(inputs[:1])

        def leave(module: nn.Module, inputs: object, output: object) -> None:
            self._layer = -1

        handles = [
            hook
            for number, layer in enumerate(layers)
            for hook in (layer.register_forward_pre_hook(partial(enter, number)), layer.register_forward_hook(leave))
        ]
        try:
            yield
        finally:
            for hook in handles:
                hook.remove()


def size(tensors: Iterable[Tensor]) -> int:
    """Return the bytes of these tensors; tied parameters count once."""
    return sum(p.numel() * p.element_size() for p in {id(p): p for p in tensors}.values())


def _tensor(features: "Tensor | Sequence[Tensor] | ModelOutput") -> Tensor:
    """Return image features as one tensor, however this model hands them out."""
    features = getattr(features, "pooler_output", features)
    return features if isinstance(features, Tensor) else torch.cat([f.flatten(0, -2) for f in features])


def _materialise(model: nn.Module) -> set[int]:
    """Give each parameter on the meta device a tensor that only pretends to have content; return their storages."""
    fresh: dict[int, nn.Parameter] = {}
    for module in model.modules():
        for name, old in list(module._parameters.items()):
            if old is not None:
                if id(old) not in fresh:
                    fresh[id(old)] = nn.Parameter(torch.empty(old.shape, dtype=old.dtype), old.requires_grad)
                module._parameters[name] = fresh[id(old)]
    return {p.untyped_storage()._cdata for p in fresh.values()}
