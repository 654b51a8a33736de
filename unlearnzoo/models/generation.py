"""Greedy answers of a model, in whatever state it is asked."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import torch

from ..data.encode import Encoded
from ..data.images import prefetch
from .lora import core

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

    from ..data.images import ImageTensors
    from .vision_features import Features

#: Padded tokens of one generated batch, new ones included; only one of them per row is computed at a time.
GENERATE_TOKENS = 32768


@torch.no_grad()
def generate(
    model: "PreTrainedModel | PeftModel",
    tokenizer: "PreTrainedTokenizerBase",
    pixels: "ImageTensors | Features",
    prompts: Sequence[Encoded],
    batches: Sequence[Sequence[int]],
    max_new_tokens: int,
    on_done: Callable[[int], None] | None = None,
    together: bool = False,
) -> list[str]:
    """Answer each prompt greedily; left-padded batches.

    Args:
        model: unwrapped, the adapters that are to count activated.
        tokenizer: decodes the answers; special tokens are removed.
        pixels: images → tensors.
        prompts: ``answer`` is ignored.
        batches: indices of prompts, from ``groups``.
        max_new_tokens: where an answer is cut.
        on_done: told how many prompts a finished batch held.
        together: go on until the other processes have finished their batch too.

    Returns:
        One text per prompt, in order, stripped.
    """
    device, config = next(model.parameters()).device, _greedy(model, tokenizer, max_new_tokens)
    texts = [""] * len(prompts)
    with _configured(core(model), config):
        for members in prefetch(batches, lambda batch: [image for i in batch for image in prompts[i].images], pixels):
            ids, mask = _left_padded([prompts[i].prompt for i in members], config.pad_token_id)
            images = [image for i in members for image in prompts[i].images]
            extra = {k: v.to(device) for k, v in pixels(images).items()} if images else {}
            out = model.generate(
                input_ids=ids.to(device),
                attention_mask=mask.to(device),
                generation_config=config,
                synced_gpus=together,
                **extra,
            )
            for i, tokens in zip(members, out[:, ids.shape[1] :].tolist(), strict=True):
                texts[i] = tokenizer.decode(tokens, skip_special_tokens=True).strip()
            if on_done:
                on_done(len(members))
    return texts


def _greedy(
    model: "PreTrainedModel | PeftModel", tokenizer: "PreTrainedTokenizerBase", max_new_tokens: int
) -> "GenerationConfig":
    """Return a configuration that takes the likeliest token each time, with the checkpoint's special tokens."""
    from transformers import GenerationConfig

    own = model.generation_config
    return GenerationConfig(
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=own.eos_token_id if own.eos_token_id is not None else tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id,
        bos_token_id=own.bos_token_id,
    )


def _left_padded(prompts: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids and their mask, ``(prompts, longest)`` each: generation goes on at the right end of all."""
    width = max(map(len, prompts))
    ids = torch.full((len(prompts), width), pad)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(prompt)
        mask[row, width - len(prompt) :] = 1
    return ids, mask


@contextlib.contextmanager
def _configured(model: "PreTrainedModel", config: "GenerationConfig") -> Iterator[None]:
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
        new: tokens that an answer may have.
        max_tokens: padded tokens per batch, new ones included.
    """
    order = sorted(range(len(prompts)), key=lambda i: (bool(prompts[i].images), len(prompts[i].prompt), i))
    batches: list[list[int]] = []
    for i in order:
        width = len(prompts[i].prompt) + new
        mixed = batches and bool(prompts[batches[-1][0]].images) != bool(prompts[i].images)
        if not batches or mixed or width * (len(batches[-1]) + 1) > max_tokens:
            batches.append([])
        batches[-1].append(i)
    return batches
