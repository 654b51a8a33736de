"""DeepSpeed around the model: ZeRO-1 and 2 shard the optimiser, ZeRO-3 the weights too.

DeepSpeed wraps a model for one training. The model here gets adapters and loses them, is asked
before, between and after trainings: it is wrapped anew each time, on the same sharded weights.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from ...data.encode import Encoded
from ...errors import RunError
from ..optimizers import DeepSpeedStepper, adamw
from ..recipe import Stage
from .ranks import Ranks


class Sharding:
    """What of the model is sharded over the processes.

    Attributes:
        on: DeepSpeed is used.
        weights: the weights themselves are sharded (ZeRO-3): nothing may touch a parameter
            outside a forward of the wrapped model, and all processes must run as many of them.
        ready: the model as it is now is wrapped.
    """

    def __init__(self, accelerator: Any) -> None:
        self.accelerator = accelerator
        self.plugin: Any = getattr(accelerator.state, "deepspeed_plugin", None)
        self.on = self.plugin is not None
        self.weights = getattr(self.plugin, "zero_stage", 0) == 3
        self.ready = False

    @contextlib.contextmanager
    def loading_dtype(self, half: bool) -> Iterator[None]:
        """Have weights that are sharded while they load in bf16, where asked for: DeepSpeed goes by its configuration.

        It must not say so later: the adapters, fp32, would be cast as well.
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

    def describe(self, n: int) -> dict[str, Any]:
        """Return what a record says of the processes."""
        return {"n": n, "deepspeed": self.plugin.zero_stage if self.on else None}

    def release(self) -> None:
        """Unwrap the model: it is about to change."""
        if self.on:
            self.accelerator.free_memory()
            self.ready = False

    def wrap(self, model: Any) -> Any:
        """Wrap the model for questions alone."""
        self._configure(1.0)
        self.ready = True
        return self.accelerator.prepare(model)

    def stepper(self, model: Any, parameters: list[Any], recipe: Stage, ranks: Ranks) -> tuple[Any, DeepSpeedStepper]:
        """Wrap the model for a training; return it and what does the steps."""
        self.release()
        self._configure(recipe.clip)
        wrapped, optimizer = self.accelerator.prepare(model, adamw(parameters, recipe))
        self.ready = True
        return wrapped, DeepSpeedStepper(optimizer, self.accelerator.deepspeed_engine_wrapped, ranks)

    def _configure(self, clip: float) -> None:
        # Batches are ours: DeepSpeed only has to know a number.
        self.plugin.deepspeed_config |= {"train_micro_batch_size_per_gpu": 1, "gradient_clipping": clip}
        self.plugin.deepspeed_config.pop("train_batch_size", None)

    @contextlib.contextmanager
    def gathered(self, model: Any, name: str) -> Iterator[None]:
        """Have an adapter's parameters in one piece, to be read."""
        if not self.weights:
            yield
            return
        import deepspeed

        chosen = [p for path, p in model.named_parameters() if f".{name}." in path]
        with deepspeed.zero.GatheredParameters(chosen):
            yield

    def check_alike(self, encoded: Sequence[Encoded]) -> None:
        """Refuse text beside images where weights are sharded: the vision tower would wait for ever.

        Raises:
            RunError: some examples have an image and some have none.
        """
        if self.weights and len({bool(e.images) for e in encoded}) > 1:
            raise RunError(
                "some examples have images and some have none, which sharded weights (zero3) cannot run "
                "beside each other; use zero2"
            )
