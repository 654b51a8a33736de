"""Answers of a model, greedy ones or samples, in whatever state it is asked."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ..encoding.encode import Encoded
from ..encoding.images import prefetch
from ..encoding.prompts import joined
from ..errors import OptionError
from ..storage.hashing import content_key
from .lora import core

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

    from ..encoding.images import ImageTensors
    from .vision_features import Features

#: Padded tokens of one generated batch, new ones included; only one of them per row is computed at a time.
GENERATE_TOKENS = 32768


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn instead of taking the likeliest each time.

    The noise of an answer depends on seed, prompt and image alone: neither its batch nor the number of processes
    decides what is said.

    Attributes:
        temperature: above 0; 1 draws from the model's own distribution.
        seed: another text gives other answers.

    Raises:
        OptionError: the temperature is not above 0.
    """

    temperature: float
    seed: str

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise OptionError(f"temperature={self.temperature!r}: give a number above 0, or 0 for the likeliest tokens")

    def noisy(self, prompts: Sequence[Encoded]) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        """Return what changes a batch's logits, ``(prompts, V)``, so that the largest one is a draw (Gumbel-max)."""
        keys = [content_key([self.seed, prompt.prompt, prompt.image_key], length=15) for prompt in prompts]
        draws = [torch.Generator().manual_seed(int(key, 16)) for key in keys]

        def add(said: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
            waits = torch.stack([torch.empty(logits.shape[-1]).exponential_(generator=draw) for draw in draws])
            return logits.float() / self.temperature - waits.clamp(min=1e-30).log().to(logits.device)

        return add


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
    sampling: Sampling | None = None,
) -> list[str]:
    """Answer each prompt; left-padded batches.

    Args:
        model: unwrapped, the adapters that are to count activated.
        tokenizer: decodes the answers; special tokens are removed.
        pixels: prompts with images → their image tensors.
        prompts: ``answer`` is ignored.
        batches: indices of prompts, from ``groups``.
        max_new_tokens: where an answer is cut.
        on_done: told how many prompts a finished batch held.
        together: go on until the other processes have finished their batch too.
        sampling: how tokens are drawn; None: the likeliest is taken.

    Returns:
        One text per prompt, in order, stripped.
    """
    device, config = next(model.parameters()).device, _greedy(model, tokenizer, max_new_tokens)
    texts = [""] * len(prompts)
    with _configured(core(model), config):
        for members in prefetch(batches, lambda batch: [prompts[i] for i in batch], pixels):
            some = [prompts[i] for i in members]
            ids, mask = _left_padded([prompt.prompt for prompt in some], config.pad_token_id)
            extra = {**_beside(some, ids.shape[1]), **(pixels(some) if some[0].images else {})}
            extra = {name: tensor.to(device) for name, tensor in extra.items()}
            out = model.generate(
                input_ids=ids.to(device),
                attention_mask=mask.to(device),
                generation_config=config,
                synced_gpus=together,
                logits_processor=[sampling.noisy(some)] if sampling else None,
                **extra,
            )
            for i, tokens in zip(members, out[:, ids.shape[1] :].tolist(), strict=True):
                texts[i] = tokenizer.decode(tokens, skip_special_tokens=True).strip()
            if on_done:
                on_done(len(members))
    return texts


@torch.no_grad()
def forced(
    model: "PreTrainedModel | PeftModel",
    tokenizer: "PreTrainedTokenizerBase",
    pixels: "ImageTensors | Features",
    encoded: Sequence[Encoded],
) -> list[torch.Tensor]:
    """Return log-probabilities of answers that the model is made to say by its own ``generate``, ``(T,)`` each.

    Args:
        model: unwrapped, the adapters that are to count activated.
        tokenizer: has the padding token.
        pixels: prompts with images → their image tensors.
        encoded: one left-padded batch.
    """
    device, longest = next(model.parameters()).device, max(len(one.answer) for one in encoded)
    config = _greedy(model, tokenizer, longest)
    config.eos_token_id, config.output_logits, config.return_dict_in_generate = None, True, True
    ids, mask = _left_padded([one.prompt for one in encoded], config.pad_token_id)
    extra = {**_beside(encoded, ids.shape[1]), **(pixels(encoded) if encoded[0].images else {})}
    steps = torch.tensor([[*one.answer, *one.answer[-1:] * (longest - len(one.answer))] for one in encoded])

    def force(said: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        likely = torch.full_like(scores, float("-inf"))
        return likely.scatter(1, steps[:, said.shape[1] - ids.shape[1]][:, None].to(scores.device), 0.0)

    with _configured(core(model), config):
        out = model.generate(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            generation_config=config,
            logits_processor=[force],
            **{name: tensor.to(device) for name, tensor in extra.items()},
        )
    logps = torch.stack(out.logits, 1).float().log_softmax(-1)
    return [
        logps[row, : len(one.answer)].gather(1, torch.tensor(one.answer, device=device)[:, None])[:, 0]
        for row, one in enumerate(encoded)
    ]


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


def _beside(prompts: Sequence[Encoded], width: int) -> dict[str, torch.Tensor]:
    """Return what the model is told of each token of the prompts besides, padded as their ids."""
    return {
        name: joined(
            [
                torch.nn.functional.pad(tensor, [0, 0] * (tensor.ndim - 2) + [width - tensor.shape[1], 0])
                for tensor in (prompt.beside[name][:, : len(prompt.prompt)] for prompt in prompts)
            ]
        )
        for name in prompts[0].beside
    }


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
    """Return batches, indices of prompts of similar length.

    Args:
        prompts: what will be answered, all of one kind.
        new: tokens that an answer may have.
        max_tokens: padded tokens per batch, new ones included.
    """
    batches: list[list[int]] = []
    for i in sorted(range(len(prompts)), key=lambda i: (len(prompts[i].prompt), i)):
        if not batches or (len(prompts[i].prompt) + new) * (len(batches[-1]) + 1) > max_tokens:
            batches.append([])
        batches[-1].append(i)
    return batches
