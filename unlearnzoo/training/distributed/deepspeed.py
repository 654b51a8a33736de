"""DeepSpeed around the model: ZeRO-1 and 2 shard the optimiser, ZeRO-3 the weights too.

DeepSpeed wraps a model for one training. The model here gets adapters and loses them, is asked
before, between and after trainings: it is wrapped anew each time, on the same sharded weights.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch

from ...encoding.encode import Encoded
from ...errors import RunError
from ..optimizers import DeepSpeedStepper, adamw
from ..recipe import Stage
from .ranks import Ranks

if TYPE_CHECKING:
    from accelerate import Accelerator
    from accelerate.utils import DeepSpeedPlugin
    from deepspeed import DeepSpeedEngine
    from torch import nn


class Sharding:
    """What of the model is sharded over the processes.

    Attributes:
        on: DeepSpeed is used.
        weights: the weights themselves are sharded (ZeRO-3): nothing may touch a parameter
            outside a forward of the wrapped model, and all processes must run as many of them.
        ready: the model as it is now is wrapped.
    """

    def __init__(self, accelerator: "Accelerator") -> None:
        self.accelerator = accelerator
        #: None without DeepSpeed.
        self.plugin: DeepSpeedPlugin = getattr(accelerator.state, "deepspeed_plugin", None)
        self.on = self.plugin is not None
        self.weights = getattr(self.plugin, "zero_stage", 0) == 3
        self.ready = False

    @contextlib.contextmanager
    def loading_dtype(self, half: bool) -> Iterator[None]:
        """Load sharded weights in bf16 where ``half``: DeepSpeed takes the type from its configuration.

        Only during loading: later DeepSpeed would cast the fp32 adapters too.
        """
        if not (self.weights and half):
            yield
            return
        config = self.plugin.dschf.config
        before = config.get("bf16")
        config["bf16"] = {"enabled": True}
        try:
            yield
        finally:
            config["bf16"] = before or {"enabled": False}

    def describe(self, n: int) -> dict[str, int | None]:
        """Return what a record says of the processes."""
        return {"n": n, "deepspeed": self.plugin.zero_stage if self.on else None}

    def release(self) -> None:
        """Unwrap the model: it is about to change."""
        if self.on:
            self.accelerator.free_memory()
            self.ready = False

    def wrap(self, model: "nn.Module") -> "nn.Module":
        """Wrap the model for questions alone."""
        self._configure(1.0)
        self.ready = True
        wrapped: nn.Module = self.accelerator.prepare(model)
        return wrapped

    def stepper(
        self, model: "nn.Module", parameters: "list[nn.Parameter]", recipe: Stage, ranks: Ranks
    ) -> "tuple[nn.Module, DeepSpeedStepper]":
        """Wrap the model for a training; return it and what does the steps."""
        self.release()
        self._configure(recipe.clip)
        wrapped, optimizer = self.accelerator.prepare(model, adamw(parameters, recipe))
        self.ready = True
        wrapper = self.accelerator.deepspeed_engine_wrapped
        check_engine(wrapper.engine, recipe.clip)
        return wrapped, DeepSpeedStepper(optimizer, wrapper, ranks)

    def _configure(self, clip: float) -> None:
        # Batches are ours: DeepSpeed only has to know a number.
        self.plugin.deepspeed_config |= {
            "train_micro_batch_size_per_gpu": 1,
            "gradient_accumulation_steps": 1,
            "gradient_clipping": clip,
        }
        self.plugin.deepspeed_config.pop("train_batch_size", None)

    @contextlib.contextmanager
    def gathered(self, model: "nn.Module", name: str) -> Iterator[None]:
        """Have an adapter's parameters in one piece, to be read."""
        if not self.weights:
            yield
            return
        import deepspeed

        chosen = [p for path, p in model.named_parameters() if f".{name}." in path]
        with deepspeed.zero.GatheredParameters(chosen):
            yield

    def check_alike(self, encoded: Sequence[Encoded]) -> None:
        """Refuse text beside images where weights are sharded: the vision tower would wait forever.

        Raises:
            RunError: some examples have an image and some have none.
        """
        if self.weights and len({bool(e.images) for e in encoded}) > 1:
            raise RunError(
                "some examples have images and some have none, which sharded weights (zero3) cannot run "
                "beside each other; use zero2"
            )


def check_engine(engine: "DeepSpeedEngine", clip: float) -> None:
    """Refuse what DeepSpeed made of its configuration where a step would not be the recipe's.

    Args:
        engine: DeepSpeed's, ready to train.
        clip: of the recipe.

    Raises:
        RunError: naming what differs.
    """
    for what, found, right in (
        ("gradient_accumulation_steps", engine.gradient_accumulation_steps(), 1),
        ("gradient_clipping", engine.gradient_clipping(), clip),
        ("fp16", engine.fp16_enabled(), False),
        ("bf16", engine.bfloat16_enabled(), False),
        ("torch_autocast", engine.torch_autocast_enabled(), False),
        ("prescale_gradients", not engine.postscale_gradients(), False),
        ("gradient_predivide_factor", engine.gradient_predivide_factor(), 1),
        ("data_types", engine.get_data_types(), (torch.float32, torch.float32)),
        ("communication_data_type", engine.communication_data_type, torch.float32),
    ):
        if found != right:
            raise RunError(f"DeepSpeed trains with {what} {found}; must be {right}: start with --launch zero2, say")
