"""Multimodal causal tracing: which states of the clean run bring the answer back to the corrupted one.

Meng et al. (2022), "Locating and editing factual associations in GPT"; on images Basu et al. (2024),
"Understanding information storage and transfer in multi-modal large language models". The
corrupted sequence runs again and again, each time with the clean run's states at some layers and
positions; what the answer's probability gains is the indirect estimation effect (IE).

All restorations of a sequence are rows of one batch: a restoration is a mask, not a forward.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from unlearnzoo.errors import ModelError
from unlearnzoo_diagnose.pairs import Pair

if TYPE_CHECKING:
    from torch import Tensor, nn

    from unlearnzoo.encoding.encode import Encoded
    from unlearnzoo.models.lora import State
    from unlearnzoo.training.engine import Engine

    #: What a layer or half-layer gives: hidden states, perhaps with attention weights behind them.
    Output = Tensor | tuple[Tensor, ...]
    #: What a decoder is called with, by name.
    Given = dict[str, object]
    Hook = Callable[[nn.Module, tuple[Tensor, ...], Output], Output | None]

#: A kind of state and its layer, from 0.
Place = tuple[str, int]
#: What is restored: a layer's output as a whole, or what one half of it adds.
KINDS = ("hidden", "mlp", "attention")
#: Rows times positions of one forward; nothing is padded.
TOKENS = {"cpu": 4096, "cuda": 16384}


@dataclass(frozen=True)
class Restoration:
    """What is put back: a kind of state, at some layers (from 0) and positions; none of it is legal."""

    kind: str = "hidden"
    layers: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()


@dataclass
class Traced:
    """Probabilities of one pair's value.

    Attributes:
        clean: with the subject.
        corrupted: with an irrelevant one in its place.
        restored: one per restoration, in order.
    """

    clean: float
    corrupted: float
    restored: list[float] = field(default_factory=list)


def window(centre: int, size: int, depth: int) -> tuple[int, ...]:
    """Return the layers around one (from 0), fewer at the ends."""
    first = centre - size // 2
    return tuple(range(max(0, first), min(depth, first + size)))


class Tracer:
    """Traces under one state of the engine's model.

    Args:
        engine: its language model's decoder layers are found by structure.

    Raises:
        ModelError: the language model is not a stack of layers with ``self_attn`` and ``mlp``.
    """

    def __init__(self, engine: "Engine") -> None:
        self.engine = engine
        self.decoder = engine.base.get_decoder()
        layers = getattr(self.decoder, "layers", None)
        if not layers or not all(hasattr(layer, "self_attn") and hasattr(layer, "mlp") for layer in layers):
            kind = type(self.decoder).__name__
            raise ModelError(
                f"model {engine.checkpoint.name!r}: its language model ({kind}) is no stack of `layers` "
                "with `self_attn` and `mlp`, which causal tracing needs; --no-trace leaves it out"
            )
        self.modules: dict[Place, nn.Module] = {("hidden", i): layer for i, layer in enumerate(layers)}
        self.modules |= {("mlp", i): layer.mlp for i, layer in enumerate(layers)}
        self.modules |= {("attention", i): layer.self_attn for i, layer in enumerate(layers)}

    @property
    def depth(self) -> int:
        """Number of decoder layers."""
        return len(self.decoder.layers)

    def trace(self, pair: Pair, restorations: Sequence[Restoration], which: "State") -> Traced:
        """Return the value's probability: clean, corrupted, and after each restoration.

        Raises:
            ModelError: the language model does not run from its embeddings alone.
        """
        import torch

        said = math.fsum(self.engine.score([self._clean(pair)], which)[0].logps)
        with torch.no_grad(), self._asked(which), self.engine.accelerator.autocast():
            given, states, clean, corrupted = self._both(pair)
            self._verify("without the code around its output head", clean, said, len(pair.value))
            again = self._restored(pair, given, states, [Restoration()])[0]
            self._verify("run from its embeddings alone", again, corrupted, len(pair.value))
            traced = Traced(math.exp(clean), math.exp(corrupted))
            rows = max(1, TOKENS.get(self.engine.device.type, TOKENS["cuda"]) // len(pair.clean))
            for start in range(0, len(restorations), rows):
                batch = restorations[start : start + rows]
                traced.restored += map(math.exp, self._restored(pair, given, states, batch))
            return traced

    def _clean(self, pair: Pair) -> "Encoded":
        """Return the clean sequence as the engine scores it."""
        import torch

        from unlearnzoo.encoding.encode import Encoded

        # The last token of the value stands nowhere in the sequence: it is told what the one before it is.
        beside = {name: torch.cat([tensor, tensor[:, -1:]], 1) for name, tensor in pair.beside.items()}
        images, start = max(pair.groups["image"]) + 1, len(pair.clean) + 1 - len(pair.value)
        text = self.engine.encoder.chat.prompt(1, "")
        return Encoded(
            pair.clean[:images], pair.clean[images:start], pair.value, (pair.images[0],), text=text, beside=beside
        )

    def _both(self, pair: Pair) -> "tuple[Given, dict[Place, Tensor], float, float]":
        """Run both sequences through the whole model; keep what its decoder was given, and the clean states."""
        import torch

        from unlearnzoo.encoding.encode import Encoded

        device, seen = self.engine.accelerator.device, {}
        ids = torch.tensor([pair.clean, pair.corrupted], device=device)
        text = self.engine.encoder.chat.prompt(1, "")
        prompts = [Encoded((), (), (), (image,), text) for image in pair.images]
        images = {k: v.to(device) for k, v in self.engine.pixels(prompts).items()}
        beside = {name: torch.cat([tensor, tensor]).to(device) for name, tensor in pair.beside.items()}

        def catch(module: "nn.Module", args: "tuple[Tensor, ...]", kwargs: "Given") -> None:
            seen.update(kwargs)

        handle = self.decoder.register_forward_pre_hook(catch, with_kwargs=True)
        try:
            with self._kept() as states:
                out = self.engine.base.base_model(
                    input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, **beside, **images
                )
        finally:
            handle.remove()
        embeddings = seen.get("inputs_embeds")
        if not isinstance(embeddings, torch.Tensor) or embeddings.shape[:2] != ids.shape:
            raise ModelError(
                f"model {self.engine.checkpoint.name!r}: its language model is not given the image among "
                "its token embeddings, as LLaVA's is; --no-trace leaves causal tracing out"
            )
        clean, corrupted = self._logps(out.last_hidden_state, pair)
        return seen, states, clean, corrupted

    @contextlib.contextmanager
    def _kept(self) -> "Iterator[dict[Place, Tensor]]":
        """Keep what each part of each layer gives for the first row of a batch."""
        states: dict[Place, Tensor] = {}

        def keep(place: Place) -> "Hook":
            def hook(module: "nn.Module", args: "tuple[Tensor, ...]", output: "Output") -> None:
                states[place] = _first(output)[:1]

            return hook

        handles = [module.register_forward_hook(keep(place)) for place, module in self.modules.items()]
        try:
            yield states
        finally:
            for handle in handles:
                handle.remove()

    def _restored(
        self, pair: Pair, given: "Given", states: "Mapping[Place, Tensor]", restorations: Sequence[Restoration]
    ) -> list[float]:
        """Run the corrupted sequence once per restoration, as one batch."""
        import torch

        masks: dict[Place, Tensor] = {}
        for row, restoration in enumerate(restorations):
            for layer in restoration.layers:
                empty = torch.zeros(len(restorations), len(pair.clean), dtype=torch.bool, device=self.engine.device)
                masks.setdefault((restoration.kind, layer), empty)[row, list(restoration.positions)] = True

        def put(place: Place) -> "Hook":
            def hook(module: "nn.Module", args: "tuple[Tensor, ...]", output: "Output") -> "Output":
                new = torch.where(masks[place][:, :, None], states[place], _first(output))
                return (new, *output[1:]) if isinstance(output, tuple) else new

            return hook

        handles = [self.modules[place].register_forward_hook(put(place)) for place in masks]
        try:
            out = self.decoder(**_second(given, len(restorations)) | {"use_cache": False})
        finally:
            for handle in handles:
                handle.remove()
        return self._logps(out.last_hidden_state, pair)

    def _logps(self, hidden: "Tensor", pair: Pair) -> list[float]:
        """Return the log-probability of the whole value in each row."""
        import torch

        head = self.engine.base.get_output_embeddings()
        logps = head(hidden[:, -len(pair.value) :]).float().log_softmax(-1)
        ids = torch.tensor(pair.value, device=hidden.device)[None, :, None].expand(len(hidden), -1, 1)
        summed: list[float] = logps.gather(-1, ids).sum((1, 2)).tolist()
        return summed

    def _verify(self, how: str, alone: float, whole: float, n: int) -> None:
        """Compare log-probabilities of a value of ``n`` tokens, from a part of the model and from all of it."""
        tolerance = 1e-3 if str(self.engine.dtype) == "torch.float32" else 0.15
        if not abs(alone - whole) / n <= tolerance:
            raise ModelError(
                f"model {self.engine.checkpoint.name!r}: {how} its language model "
                f"answers otherwise ({alone / n:.3f} nats per token, not {whole / n:.3f}); causal tracing "
                "needs one that does not, as LLaVA's; --no-trace leaves it out"
            )

    @contextlib.contextmanager
    def _asked(self, which: "State") -> Iterator[None]:
        """Ask in a state: adapters folded into fp32 weights, or left beside bf16 ones."""
        import torch

        from unlearnzoo.models import lora

        ask = lora.merged if self.engine.dtype == torch.float32 else lora.activated
        with ask(self.engine.model, self.engine.active(which)):
            yield


def _second(given: "Given", n: int) -> "Given":
    """Return what a decoder was given for the second of two rows, ``n`` times; ``_verify`` tells what is lost here."""
    import torch

    def times(value: object) -> object:
        if isinstance(value, dict):
            return {kind: times(mask) for kind, mask in value.items()}
        if not isinstance(value, torch.Tensor):
            return None if isinstance(value, list | tuple) else value
        # Rows come first, or behind the axes of positions.
        axis = next((axis for axis in (0, 1) if value.ndim > axis and value.shape[axis] == 2), None)
        return value if axis is None else torch.cat([value.narrow(axis, 1, 1)] * n, axis)

    return {name: times(value) for name, value in given.items()}


def _first(output: "Output") -> "Tensor":
    """Return the hidden states of a layer or half-layer, which may come with attention weights."""
    return output[0] if isinstance(output, tuple) else output
