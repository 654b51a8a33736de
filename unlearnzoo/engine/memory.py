"""What a model and its training hold in memory, counted without weights.

The model is built from its configuration on the meta device, with its adapters; a forward of the right
shapes then runs on tensors that have a shape and no content, and what autograd would keep for the backward
is added up. So the count follows the model's own code, whatever its architecture.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..models import adapters
from ..models.load import Checkpoint
from ..models.scores import Scores
from .recipe import Stage

#: AdamW keeps two moments, fp32 as the adapters.
MOMENTS = 2


@dataclass(frozen=True)
class Shape:
    """The largest micro-batch of a stage.

    Attributes:
        rows: packed rows.
        length: padded tokens a row.
        answers: answer tokens in all.
        pixels: shapes of the processor's image tensors for all images of the batch, and their types.
    """

    rows: int
    length: int
    answers: int
    pixels: Mapping[str, tuple[tuple[int, ...], Any]]


@dataclass(frozen=True)
class Footprint:
    """Bytes that one process holds in one stage, nothing shared out.

    Attributes:
        base: of the frozen weights.
        layer: of the largest module of the base that is computed as a whole: what ZeRO-3 gathers.
        frozen: of adapters that do not train (the target's, in stage 2).
        trained: of the adapter that trains, fp32; its gradients take as much, its moments twice as much.
        activations: kept for the backward of one micro-batch, logits among them.
        folded: of the adapted weights, once more, while an fp32 model is judged.
        cache: keys and values of the largest batch of generated answers.
    """

    base: int
    layer: int
    frozen: int
    trained: int
    activations: int
    folded: int
    cache: int


class Blueprint:
    """A model without weights.

    Args:
        checkpoint: what ``models.load.inspect`` found.
        dtype: of the base.
    """

    def __init__(self, checkpoint: Checkpoint, dtype: torch.dtype) -> None:
        from accelerate import init_empty_weights
        from transformers import AutoModelForImageTextToText

        with init_empty_weights():
            self.model = AutoModelForImageTextToText.from_config(
                checkpoint.config, dtype=dtype, attn_implementation="sdpa",
                trust_remote_code=checkpoint.trust_remote_code).eval().requires_grad_(False)
        self.dtype, self.config = dtype, checkpoint.config
        self.linears = adapters.linear_parts(self.model)
        self.parameters = sum(p.numel() for p in self.model.parameters())
        self.base = size(self.model.parameters())
        self.layer = max(size(m.parameters(recurse=False)) for m in self.model.modules())

    def adapt(self, name: str, recipe: Stage) -> int:
        """Add an adapter, the one that trains; return its parameters."""
        from accelerate import init_empty_weights

        with init_empty_weights():
            names = adapters.target_names(self.linears, recipe.parts)
            self.model = adapters.add(self.model, name, recipe.rank, recipe.alpha, names, 0)
        for path, parameter in self.model.named_parameters():
            if ".lora_" in path:
                # As peft makes them beside a bf16 base.
                parameter.data = parameter.data.float()
        return sum(p.numel() for p in adapters.train_only(self.model, name))

    def footprint(self, shape: Shape, generated: int) -> Footprint:
        """Count what is held with the adapters that are on.

        Args:
            shape: of the largest micro-batch.
            generated: tokens of the largest batch of generated answers.
        """
        lora = {n: p for n, p in self.model.named_parameters() if ".lora_" in n}
        adapted = {id(m): m.get_base_layer().weight for _, m in adapters.layers(self.model)}
        text = self.config.get_text_config()
        heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
        width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
        each = torch.empty(0, dtype=self.dtype).element_size()
        return Footprint(
            base=self.base, layer=self.layer,
            frozen=size(p for p in lora.values() if not p.requires_grad),
            trained=size(p for p in lora.values() if p.requires_grad),
            activations=self._activations(shape),
            folded=size(adapted.values()) if self.dtype == torch.float32 else 0,
            cache=2 * text.num_hidden_layers * heads * width * each * generated)

    def _activations(self, shape: Shape) -> int:
        """Return the bytes that a forward would keep for its backward, parameters and buffers apart."""
        from torch._subclasses.fake_tensor import FakeTensorMode

        with FakeTensorMode(allow_non_fake_inputs=True):
            own = _materialise(self.model)
            saved: dict[int, Any] = {}

            def keep(tensor: Any) -> Any:
                key = tensor.untyped_storage()._cdata
                if key not in own:
                    saved[key] = tensor  # kept alive, or its address would come again
                return tensor

            cast = torch.autocast("cpu", torch.bfloat16, enabled=self.dtype == torch.bfloat16)
            with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), cast:
                logits = self._forward(shape)
                row = torch.zeros(shape.answers, dtype=torch.long)
                Scores(torch.zeros_like(row), row, 1, raw_logits=logits).token_logps.sum()
            return sum(tensor.untyped_storage().nbytes() for tensor in saved.values())

    def _forward(self, shape: Shape) -> torch.Tensor:
        """Run embedding, image features, decoder and head; where images go is data, and shapes do not ask for it."""
        model = adapters.core(self.model)
        ids = torch.zeros(shape.rows, shape.length, dtype=torch.long)
        embedded = model.get_input_embeddings()(ids)
        if shape.pixels and any(p.requires_grad for n, p in self.model.named_parameters() if "language_model" not in n):
            pixels = {name: torch.zeros(size, dtype=kind) for name, (size, kind) in shape.pixels.items()}
            features = _tensor(model.get_image_features(**pixels))
            embedded = embedded.masked_scatter(torch.ones_like(embedded, dtype=torch.bool), features.to(embedded))
        mask = torch.ones(shape.rows, 1, shape.length, shape.length, dtype=torch.bool)
        hidden = model.get_decoder()(inputs_embeds=embedded, attention_mask=mask, position_ids=ids,
                                     use_cache=False).last_hidden_state
        place = torch.zeros(shape.answers, dtype=torch.long)
        logits: torch.Tensor = model.get_output_embeddings()(hidden[place, place]).float()
        return logits


def size(parameters: Iterable[Any]) -> int:
    """Return the bytes of some parameters; tied ones count once."""
    return sum(p.numel() * p.element_size() for p in {id(p): p for p in parameters}.values())


def _tensor(found: Any) -> torch.Tensor:
    """Return image features as one tensor, however this model hands them out."""
    found = getattr(found, "pooler_output", found)
    return found if isinstance(found, torch.Tensor) else torch.cat([f.flatten(0, -2) for f in found])


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
