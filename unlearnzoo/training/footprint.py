"""What a model and its training hold in memory, counted without weights.

The model is built from its configuration on the meta device, with its adapters. The engine's own forward of a
micro-batch then runs on weights that have a shape and no content, and what autograd would keep for the backward is
added up. Token ids, positions and masks are real, so that code which looks into them works. So the count follows the
model's own code, whatever its architecture.
"""

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from ..encoding.collate import Batch, collate
from ..encoding.images import ImageTensors
from ..encoding.layout import Layout
from ..encoding.packing import Row
from ..models import lora
from ..models.activation_checkpointing import decoder_layers
from ..models.checkpoint import Checkpoint, empty
from ..models.packed_forward import PackedForward
from ..models.precision import dtype, sizes
from ..models.scores import Scores
from .recipe import Stage

if TYPE_CHECKING:
    from transformers import PretrainedConfig


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


def per_device(parts: Mapping[str, Footprint], launch: str, n: int) -> dict[str, int]:
    """Return the bytes that a device holds while training and while evaluating, the larger stage of both.

    ZeRO shares out the moments (1), the gradients too (2), and the parameters too (3; the largest module is whole
    while it is computed); each keeps a copy of its share of what trains (Rajbhandari et al., 2020). DDP keeps its
    gradients a second time, in buckets.
    """
    training, evaluating = [], []
    for f in parts.values():
        weights, gradients, moments = f.base + f.frozen + f.trained, f.trained, 2 * f.trained
        zero = int(launch[4:]) if launch.startswith("zero") else 0
        shared = moments + f.trained if zero else 0
        whole = gradients + (0 if zero else moments) + (f.trained if launch == "ddp" else 0)
        if zero >= 2:
            whole, shared = whole - gradients, shared + gradients
        if zero == 3:
            shared, weights = shared + weights, f.layer
        each = weights + whole + shared // n
        training.append(each + f.activations)
        # A look at the curve comes between two steps, with gradients and moments still there.
        evaluating.append(each + f.cache + f.merged)
    return {"training": max(training), "evaluating": max(evaluating)}


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
        self._encoder, self._layout = checkpoint.encoder, Layout(self.model)
        self._pixels = ImageTensors(checkpoint.encoder.inputs)

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

    def footprint(self, rows: Sequence[Row], packs: bool, generated: int, recompute: bool) -> Footprint:
        """Count what is held with the adapters that are on.

        Args:
            rows: of the largest micro-batch.
            packs: questions may share an image prefix.
            generated: tokens of the largest batch of generated answers.
            recompute: only each decoder layer's input is kept, and one layer's activations at a time.

        Raises:
            DataError: an image cannot be read or decoded.
        """
        pad = self._encoder.tokenizer.pad_token_id
        batch = collate(list(rows), 0 if pad is None else pad, self._pixels, self._layout if packs else None)
        adapters = {n: p for n, p in self.model.named_parameters() if ".lora_" in n}
        adapted = {id(m): m.get_base_layer().weight for _, m in lora.layers(self.model)}
        return Footprint(
            base=self.base,
            layer=self.layer,
            frozen=size(p for p in adapters.values() if not p.requires_grad),
            trained=size(p for p in adapters.values() if p.requires_grad),
            activations=self._activations(batch, recompute),
            merged=size(adapted.values()) if self.dtype == torch.float32 else 0,
            cache=_cached_numbers(self.config.get_text_config()) * self.dtype.itemsize * generated,
        )

    def _activations(self, batch: Batch, recompute: bool) -> int:
        """Return the bytes that a forward would keep for its backward, parameters and buffers apart."""
        from torch._subclasses.fake_tensor import FakeTensorMode

        with FakeTensorMode(allow_non_fake_inputs=True):
            own = _materialise(self.model)
        kept = _Kept(own)
        with (
            _quiet(),
            torch.autograd.graph.saved_tensors_hooks(kept.keep, lambda tensor: tensor),
            torch.autocast("cpu", torch.bfloat16, enabled=self.dtype == torch.bfloat16),
            kept.watching(decoder_layers(self.model) if recompute else ()),
            _Choosing(),
        ):
            logits = PackedForward(self.model)(batch)["logits"]
            Scores(batch.targets, batch.row, batch.n, raw_logits=logits).token_logps.sum()
        return kept.bytes()


class _Choosing(TorchDispatchMode):
    """Answers for what a tensor without content cannot tell: how many places a mask chooses, and experts' products."""

    def __torch_dispatch__(
        self,
        function: Callable[..., object],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        aten = torch.ops.aten
        if function is aten.index.Tensor and isinstance(args[1], list):
            args = (args[0], [place for index in args[1] for place in _places(index)])
        if function is aten._grouped_mm.default:  # known without content in bf16 alone
            rows, experts = args[:2]
            return rows.new_empty(rows.shape[0], experts.shape[-1])
        return function(*args, **(kwargs or {}))


def _places(index: Tensor | None) -> Sequence[Tensor | None]:
    """Return a mask's places, one tensor per axis; its content is there, for it comes from token ids."""
    return index.nonzero(as_tuple=True) if type(index) is Tensor and index.dtype == torch.bool else [index]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Let torch not log what the caller tells in a line, or tries otherwise."""
    log = logging.getLogger("torch._subclasses.fake_tensor")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


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

        def enter(number: int, module: nn.Module, inputs: tuple[Tensor, ...], named: dict[str, Tensor]) -> None:
            states = inputs[0] if inputs else named["hidden_states"]
            self._layer, self._inputs = number, self._inputs + size([states])

        def leave(module: nn.Module, inputs: object, output: object) -> None:
            self._layer = -1

        handles = []
        for number, layer in enumerate(layers):
            handles.append(layer.register_forward_pre_hook(partial(enter, number), with_kwargs=True))
            handles.append(layer.register_forward_hook(leave))
        try:
            yield
        finally:
            for hook in handles:
                hook.remove()


def size(tensors: Iterable[Tensor]) -> int:
    """Return the bytes of these tensors; tied parameters count once."""
    return sum(p.numel() * p.element_size() for p in {id(p): p for p in tensors}.values())


def _cached_numbers(text: "PretrainedConfig") -> int:
    """Return how many numbers the keys and values of a token are, over all layers."""
    layers = [text] * text.num_hidden_layers
    if getattr(text, "is_heterogeneous", False):
        layers = [text.per_layer_config[i] for i in range(text.num_hidden_layers)]

    def both(layer: "PretrainedConfig") -> int:
        heads = getattr(layer, "num_key_value_heads", None) or layer.num_attention_heads
        return 2 * heads * (getattr(layer, "head_dim", None) or layer.hidden_size // layer.num_attention_heads)

    return sum(map(both, layers))


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
