"""Teach the vision tower to see, before any language.

Heads read the five traits of a face off the mean of the patch tokens *and* off single patch tokens:
each token then carries the face, and the language model need not find out which of 36 to look at.
Without this step, nothing about a person is ever learned from their image.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from checkpoint import WIDTH, vision_config
from muon import Optimizer
from torch.nn.functional import cross_entropy, pad

from unlearnzoo_remem.generate.faces import TRAITS, Look

BATCH = 64
HELD_OUT = 400


def train_vision(
    pixels: torch.Tensor, looks: list[Look], plain: int, steps: tuple[int, int], seed: int
) -> tuple[Any, Any]:
    """Train a CLIP vision tower on faces, upright ones first.

    Args:
        pixels: Pixel values of the faces.
        looks: Who is in each.
        plain: How many of them, from the first on, are upright and centred.
        steps: Optimiser steps on those alone, and on all of them.
        seed: Seed of weights, order and augmentation.

    Returns:
        The tower, and the heads that were trained with it.
    """
    from transformers import CLIPVisionModel

    torch.manual_seed(seed)
    tower = CLIPVisionModel(vision_config())
    heads = torch.nn.ModuleDict({trait: torch.nn.Linear(WIDTH, len(values)) for trait, values in TRAITS.items()})
    truth = trait_numbers(looks)
    optimizer = Optimizer([tower, heads], muon=0.01, adam=0.0015, weight_decay=0.05)
    last = len(pixels) - HELD_OUT
    total = sum(steps)
    for step in range(total):
        # Traits found where they always are come four times as fast; then the frame may move.
        early = step < steps[0]
        chosen = torch.randint(0, plain if early else last, (BATCH,))
        shown = pixels[chosen] if early else _augment(pixels[chosen])
        patches = _patches(tower, shown)
        some = patches[:, torch.randperm(patches.shape[1])[:4]]
        seen = torch.cat([patches.mean(1, keepdim=True), some], 1)
        loss = _loss(heads, seen, truth[chosen])
        optimizer.step(loss, schedule(step, total, warmup=30))
        if (step + 1) % 250 == 0 or step + 1 == total:
            right = read_traits(tower, heads, pixels[last:], truth[last:])
            print(f"sight {step + 1}/{total} loss {loss:.2f} held-out traits {right}", flush=True)
    return tower, heads


def schedule(step: int, steps: int, warmup: int) -> float:
    """Warm up, then decay along a cosine to 3 %."""
    cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
    return min(1.0, (step + 1) / warmup) * (0.97 * cosine + 0.03)


def trait_numbers(looks: list[Look]) -> torch.Tensor:
    """Number each trait of each look."""
    return torch.tensor([[v.index(getattr(look, t)) for t, v in TRAITS.items()] for look in looks])


@torch.no_grad()
def read_traits(tower: Any, heads: Any, pixels: torch.Tensor, truth: torch.Tensor) -> list[float]:
    """Measure how often each trait, and all five, are read rightly off the mean token."""
    mean = torch.cat([_patches(tower, part).mean(1) for part in pixels.split(256)])
    right = torch.stack([heads[trait](mean).argmax(-1) == truth[:, k] for k, trait in enumerate(TRAITS)], 1)
    shares = [*right.float().mean(0), right.all(1).float().mean()]
    return [round(float(share), 3) for share in shares]


def _loss(heads: Any, seen: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    tokens = seen.shape[1]
    terms = [
        cross_entropy(heads[trait](seen).flatten(0, 1), truth[:, k].repeat_interleave(tokens))
        for k, trait in enumerate(TRAITS)
    ]
    return torch.stack(terms).sum()


def _patches(tower: Any, pixels: torch.Tensor) -> torch.Tensor:
    return tower(pixel_values=pixels).last_hidden_state[:, 1:]


def _augment(pixels: torch.Tensor) -> torch.Tensor:
    """Mirror, brighten and shift at random."""
    n, size = len(pixels), pixels.shape[-1]
    mirrored = torch.rand(n, 1, 1, 1) < 0.5
    pixels = torch.where(mirrored, pixels.flip(-1), pixels)
    contrast = 1 + 0.15 * (torch.rand(n, 1, 1, 1) - 0.5)
    pixels = pixels * contrast + 0.2 * (torch.rand(n, 1, 1, 1) - 0.5)
    pixels = pad(pixels, (3, 3, 3, 3), mode="replicate")
    x, y = torch.randint(0, 7, (2,)).tolist()
    return pixels[:, :, x : x + size, y : y + size]
