"""Muon for matrices, AdamW for the rest: fewer steps to the same loss than AdamW alone.

Muon (Jordan et al., 2024) replaces the momentum of a weight matrix by the nearest orthogonal
matrix, found by a few Newton-Schulz steps. torch's own runs them in bfloat16, which is far slower
than float32 on most processors; here matrices of one shape are also handled together.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

MOMENTUM = 0.95


class Muon(torch.optim.Optimizer):
    """Orthogonalised momentum for matrices, scaled to the size of an AdamW update.

    Args:
        parameters: Two-dimensional weights.
        lr: Learning rate, as for AdamW.
        weight_decay: Decoupled weight decay.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[tuple[Tensor, Tensor]]] = {}
            for weight in group["params"]:
                momentum = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
                momentum.lerp_(weight.grad, 1 - MOMENTUM)
                ahead = weight.grad.lerp(momentum, MOMENTUM)
                shapes.setdefault(weight.shape, []).append((weight, ahead))
            for shape, members in shapes.items():
                updates = orthogonal(torch.stack([update for _, update in members]))
                rate = 0.2 * max(shape) ** 0.5 * group["lr"]
                for (weight, _), update in zip(members, updates, strict=True):
                    weight.mul_(1 - group["lr"] * group["weight_decay"]).sub_(update, alpha=rate)


def orthogonal(matrices: Tensor) -> Tensor:
    """Approximate the nearest orthogonal matrix of each `(n, rows, columns)` matrix."""
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.mT if tall else x


class Optimizer:
    """Muon on the matrices inside layers, AdamW on everything else, one schedule.

    Args:
        modules: What is trained.
        muon: Peak learning rate of Muon.
        adam: Peak learning rate of AdamW.
        weight_decay: Decoupled weight decay of both.
    """

    def __init__(self, modules: Iterable[torch.nn.Module], muon: float, adam: float, weight_decay: float) -> None:
        named = [(n, p) for m in modules for n, p in m.named_parameters() if p.requires_grad]
        inner = [p for n, p in named if "layers." in n and p.ndim == 2]
        outer = [p for n, p in named if not ("layers." in n and p.ndim == 2)]
        self.parameters = inner + outer
        self.peaks = (muon, adam)
        self.parts = (
            Muon(inner, muon, weight_decay),
            torch.optim.AdamW(outer, adam, betas=(0.9, 0.98), weight_decay=weight_decay),
        )

    def step(self, loss: Tensor, share: float) -> None:
        """Follow the gradient of `loss` at this share of the peak learning rates."""
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for part, peak in zip(self.parts, self.peaks, strict=True):
            part.param_groups[0]["lr"] = peak * share
            part.step()
            part.zero_grad()
