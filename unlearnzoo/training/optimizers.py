"""One optimiser step over all processes: gradients added up, clipped, applied by AdamW.

The terms of a loss are divided by their global counts, so the gradient of a step is the *sum* of
what the processes found, on any number of them.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..errors import RunError
from .distributed.ranks import Ranks
from .recipe import Stage

if TYPE_CHECKING:
    from accelerate.utils import DeepSpeedEngineWrapper, DeepSpeedOptimizerWrapper


class Stepper:
    """Every process holds the whole model; the adapter's gradients are added up once per step.

    They are a few MB, so one sum of all of them is enough. Unlike a wrapper that adds up while gradients come in, it
    works for processes with different numbers of micro-batches, and for layers that some of them did not use.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], recipe: Stage, ranks: Ranks) -> None:
        self.parameters, self.recipe, self.ranks = parameters, recipe, ranks
        self.optimizer = adamw(parameters, recipe)

    def begin(self, lr: float) -> None:
        """Start a step with a learning rate."""
        set_rate(self.optimizer, lr)
        self.optimizer.zero_grad()

    def backward(self, loss: Tensor, last: bool) -> None:
        """Add a micro-batch's gradients."""
        loss.backward()

    def norm(self) -> float:
        """Add up the gradients of all processes, clip them; return their norm before that."""
        if self.ranks.n > 1:
            for p in self.parameters:
                if p.grad is None:
                    p.grad = torch.zeros_like(p)
            grads = [p.grad for p in self.parameters if p.grad is not None]
            flat = torch.cat([grad.reshape(-1) for grad in grads])
            self.ranks.all_reduce(flat)
            for grad, part in zip(grads, flat.split([grad.numel() for grad in grads]), strict=True):
                grad.copy_(part.view_as(grad))
        return float(torch.nn.utils.clip_grad_norm_(self.parameters, self.recipe.clip))

    def step(self) -> None:
        """Apply the clipped gradients."""
        self.optimizer.step()


class DeepSpeedStepper:
    """DeepSpeed adds up, clips and applies by itself, with the last micro-batch's backward."""

    def __init__(self, optimizer: "DeepSpeedOptimizerWrapper", wrapper: "DeepSpeedEngineWrapper", ranks: Ranks) -> None:
        self.optimizer, self.wrapper, self.n = optimizer, wrapper, ranks.n

    def begin(self, lr: float) -> None:
        """Start a step with a learning rate."""
        set_rate(self.optimizer, lr)

    def backward(self, loss: Tensor, last: bool) -> None:
        """Add a micro-batch's gradients; with the last one the step is done."""
        # It takes the mean over the processes; ours is a sum.
        self.wrapper.backward(loss * self.n, sync_gradients=last)

    def norm(self) -> float:
        """Return the norm of the summed gradients, before clipping."""
        return float(self.wrapper.get_global_grad_norm())

    def step(self) -> None:
        """Nothing is left to do."""


def adamw(parameters: Sequence[nn.Parameter], recipe: Stage) -> torch.optim.AdamW:
    """Return the optimiser of a stage."""
    return torch.optim.AdamW(parameters, lr=recipe.lr, betas=(0.9, recipe.beta2), weight_decay=recipe.weight_decay)


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def check_types(tensors: Sequence[Tensor], what: str) -> None:
    """Refuse numbers of fewer bits than the record will say: whatever started this process changed them.

    Raises:
        RunError: one is not fp32.
    """
    for tensor in tensors:
        if tensor.dtype != torch.float32:
            raise RunError(f"{what} are in {tensor.dtype}, not fp32: what started this process has changed them")
