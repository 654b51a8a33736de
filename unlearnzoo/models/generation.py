"""Greedy answers, under the same state switch as the forward."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from ..data.encode import Encoded
from ..data.images import prefetch
from .lora import activated, core

#: Padded tokens of one generated batch, new ones included; only one of them a row is computed at a time.
GENERATE_TOKENS = 32768


@torch.no_grad()
def generate(
    model: Any,
    tokenizer: Any,
    pixels: Any,
    prompts: Sequence[Encoded],
    batches: Sequence[Sequence[int]],
    active: frozenset[str],
    max_new_tokens: int,
    on_done: Callable[[int], None] | None = None,
    together: bool = False,
) -> list[str]:
    """Answer each prompt greedily; left-padded batches.

    Args:
        model: the peft model, unwrapped.
        tokenizer: decodes the answers; special tokens are removed.
        pixels: images → tensors, ``data.pixels.Pixels`` or what stands in for it.
        prompts: ``answer`` is ignored.
        batches: indices of prompts, from ``groups``.
        active: the adapters that count.
        max_new_tokens: where an answer is cut.
        on_done: told how many prompts a finished batch held.
        together: go on until the other processes have finished their batch too.
    """
    from transformers import GenerationConfig

    device = next(model.parameters()).device
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    own = model.generation_config
    eos = own.eos_token_id if own.eos_token_id is not None else tokenizer.eos_token_id
    config = GenerationConfig(
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=eos,
        pad_token_id=pad,
        bos_token_id=own.bos_token_id,
    )
    found = [""] * len(prompts)
    with activated(model, active), _greedy(core(model), config):
        for members in prefetch(batches, lambda some: [image for i in some for image in prompts[i].images], pixels):
            width = max(len(prompts[i].prompt) for i in members)
            ids = torch.full((len(members), width), pad)
            mask = torch.zeros_like(ids)
            for r, i in enumerate(members):
                prompt = prompts[i].prompt
                ids[r, width - len(prompt) :] = torch.tensor(prompt)
                mask[r, width - len(prompt) :] = 1
            images = [image for i in members for image in prompts[i].images]
            extra = {k: v.to(device) for k, v in pixels(images).items()} if images else {}
            out = model.generate(
                input_ids=ids.to(device),
                attention_mask=mask.to(device),
                generation_config=config,
                synced_gpus=together,
                **extra,
            )
            for i, tokens in zip(members, out[:, width:].tolist(), strict=True):
                found[i] = tokenizer.decode(tokens, skip_special_tokens=True).strip()
            if on_done:
                on_done(len(members))
    return found


@contextlib.contextmanager
def _greedy(model: Any, config: Any) -> Iterator[None]:
    """Let a configuration alone count: transformers fills what it leaves open from the checkpoint's."""
    own = model.generation_config
    model.generation_config = config
    try:
        yield
    finally:
        model.generation_config = own


def groups(prompts: Sequence[Encoded], new: int, max_tokens: int) -> list[list[int]]:
    """Return batches, indices of prompts of similar length; those with and without images apart.

    Args:
        prompts: what will be answered.
        new: tokens an answer may have.
        max_tokens: padded tokens a batch, new ones included.
    """
    order = sorted(range(len(prompts)), key=lambda i: (bool(prompts[i].images), len(prompts[i].prompt), i))
    found: list[list[int]] = []
    for i in order:
        width = len(prompts[i].prompt) + new
        mixed = found and bool(prompts[found[-1][0]].images) != bool(prompts[i].images)
        if not found or mixed or width * (len(found[-1]) + 1) > max_tokens:
            found.append([])
        found[-1].append(i)
    return found
