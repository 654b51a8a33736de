"""Greedy answers, under the same state switch as the forward."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from ..data.encode import Encoded
from ..data.pixels import foreseen
from .adapters import state


@torch.no_grad()
def generate(
    model: Any, tokenizer: Any, pixels: Any, prompts: Sequence[Encoded],
    active: frozenset[str], max_new_tokens: int, max_tokens: int, on_done: Callable[[int], None] | None = None,
) -> list[str]:
    """Answer each prompt greedily; left-padded batches of similar length.

    Args:
        model: the peft model, unwrapped.
        tokenizer: decodes the answers; special tokens are removed.
        pixels: images → tensors, ``data.pixels.Pixels`` or what stands in for it.
        prompts: ``answer`` is ignored.
        active: the adapters that count.
        max_new_tokens: where an answer is cut.
        max_tokens: padded tokens a batch, new ones included.
        on_done: told how many prompts a finished batch held.
    """
    from transformers import GenerationConfig

    device = next(model.parameters()).device
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    own = model.generation_config
    eos = own.eos_token_id if own.eos_token_id is not None else tokenizer.eos_token_id
    config = GenerationConfig(do_sample=False, max_new_tokens=max_new_tokens, eos_token_id=eos,
                              pad_token_id=pad, bos_token_id=own.bos_token_id)
    found = [""] * len(prompts)
    with state(model, active):
        for members in foreseen(_batches(prompts, max_new_tokens, max_tokens),
                                lambda some: [image for i in some for image in prompts[i].images], pixels):
            width = max(len(prompts[i].prompt) for i in members)
            ids = torch.full((len(members), width), pad)
            mask = torch.zeros_like(ids)
            for r, i in enumerate(members):
                prompt = prompts[i].prompt
                ids[r, width - len(prompt):] = torch.tensor(prompt)
                mask[r, width - len(prompt):] = 1
            images = [image for i in members for image in prompts[i].images]
            extra = {k: v.to(device) for k, v in pixels(images).items()} if images else {}
            out = model.generate(input_ids=ids.to(device), attention_mask=mask.to(device),
                                 generation_config=config, **extra)
            for i, tokens in zip(members, out[:, width:].tolist(), strict=True):
                found[i] = tokenizer.decode(tokens, skip_special_tokens=True).strip()
            if on_done:
                on_done(len(members))
    return found


def _batches(prompts: Sequence[Encoded], new: int, max_tokens: int) -> Iterator[list[int]]:
    """Yield indices of prompts of similar length; prompts with and without images apart."""
    order = sorted(range(len(prompts)), key=lambda i: (bool(prompts[i].images), len(prompts[i].prompt), i))
    batch: list[int] = []
    for i in order:
        width = len(prompts[i].prompt) + new
        mixed = batch and bool(prompts[batch[0]].images) != bool(prompts[i].images)
        if batch and (mixed or width * (len(batch) + 1) > max_tokens):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
