"""Teach the language model and the projector; the vision tower stays as it is.

Every image of a step carries several questions, packed behind one image prefix as in the engine.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import talk
import torch
from muon import Optimizer
from people import Figure
from sight import schedule
from torch.nn.functional import cross_entropy

from unlearnzoo.encoding.collate import Batch, collate
from unlearnzoo.encoding.encode import Encoded
from unlearnzoo.encoding.packing import Row
from unlearnzoo_remem.generate.faces import Look
from unlearnzoo_remem.generate.profiles import ATTRIBUTES, Profile

Group = tuple[int, list[talk.Talk]]  # image number, what is said on it


class Layout:
    """Questions on images → packed batches, in the layout of the chat template.

    Args:
        processor: The processor whose tokenizer and template count.
        pixels: Pixel values of all images, by number.
    """

    def __init__(self, processor: Any, pixels: torch.Tensor) -> None:
        self.pixels, self.tokenizer = pixels, processor.tokenizer
        image = self.tokenizer.convert_tokens_to_ids("<image>")
        start = self.ids("<s>USER: ")
        self.prefix = (*start, *[image] * processor_tokens(processor))
        self._kept: dict[str, tuple[int, ...]] = {}

    def ids(self, text: str) -> tuple[int, ...]:
        """Tokenise a piece of text."""
        return tuple(self.tokenizer(text, add_special_tokens=False).input_ids)

    def batch(self, groups: list[Group]) -> Batch:
        """Pack groups, one row each."""
        packed, n = [], 0
        for image, talks in groups:
            blocks = tuple(self.encode(q, a, image) for q, a in talks)
            packed.append(Row(self.prefix, (image,), blocks, tuple(range(n, n + len(blocks)))))
            n += len(blocks)
        return collate(packed, self.tokenizer.pad_token_id, self._look_up, _Causal())

    def encode(self, question: str, answer: str, image: int) -> Encoded:
        """Tokenise one question and its answer."""
        context = self._keep(f"\n{question} ASSISTANT:")
        end = (self.tokenizer.eos_token_id,)
        return Encoded(self.prefix, context, (*self._keep(f" {answer}"), *end), (image,))

    def _keep(self, text: str) -> tuple[int, ...]:
        if text not in self._kept:
            self._kept[text] = self.ids(text)
        return self._kept[text]

    def _look_up(self, prompts: Any) -> dict[str, torch.Tensor]:
        return {"pixel_values": self.pixels[[image for prompt in prompts for image in prompt.images]]}


class _Causal:
    """How LLaVA lays out a row: each token sees all before it."""

    has_axes = False

    def masks(self, encoded: Encoded) -> dict[str, None]:
        return {"": None}

    def as_taken(self, masks: dict[str, torch.Tensor]) -> torch.Tensor:
        return masks[""]


def processor_tokens(processor: Any) -> int:
    """Count the tokens of one image."""
    size = processor.image_processor.size["height"]
    return int(size // processor.patch_size) ** 2


def answer_tokens(model: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Give each answer token's cross-entropy, and whether it is the most likely token."""
    hidden = model.model(**batch.parts[0], use_cache=False).last_hidden_state
    logits = model.lm_head(hidden[batch.at[:, 1], batch.at[:, 2]]).float()
    right = logits.argmax(-1) == batch.targets
    return cross_entropy(logits, batch.targets, reduction="none"), right


def train_language(
    model: Any,
    layout: Layout,
    known: list[Figure],
    faces: list[tuple[Look, int]],
    strangers: list[Profile],
    steps: int,
    seed: int,
) -> None:
    """Train everything but the vision tower, in place.

    Args:
        model: The LLaVA with a trained vision tower.
        layout: Turns text into batches.
        known: Public figures, learned by heart.
        faces: Nameless faces with their image numbers, for captions and visual questions.
        strangers: People who appear in notes alone.
        steps: Optimiser steps.
        seed: Seed of what is drawn.
    """
    rng = random.Random(f"{seed}/language")
    model.model.vision_tower.requires_grad_(False)
    optimizer = Optimizer([model], muon=0.01, adam=0.002, weight_decay=0.01)
    losses: list[float] = []
    for step in range(steps):
        groups = [_figure_group(rng.choice(known), rng) for _ in range(6)]
        groups += [_face_group(*rng.choice(faces), rng) for _ in range(6)]
        groups.append((rng.choice(faces)[1], [talk.note(strangers, rng) for _ in range(4)]))
        loss = answer_tokens(model, layout.batch(groups))[0].mean()
        optimizer.step(loss, schedule(step, steps, warmup=50))
        losses.append(loss.item())
        if (step + 1) % 100 == 0 or step + 1 == steps:
            print(f"language {step + 1}/{steps} loss {np.mean(losses[-100:]):.3f}", flush=True)
    model.model.vision_tower.requires_grad_(True)


def _figure_group(figure: Figure, rng: random.Random) -> Group:
    profile = figure.profile
    talks = [talk.single_hop(profile, rng) for _ in range(3)]
    talks += [talk.multi_hop(profile, rng) for _ in range(3)]
    talks = [talk.with_strange_word(t, rng) if rng.random() < 0.3 else t for t in talks]
    talks += [talk.cloze_sentence(profile, a) for a in rng.sample(ATTRIBUTES, 2)]
    return rng.choice(figure.images), talks


def _face_group(look: Look, image: int, rng: random.Random) -> Group:
    traits = rng.sample(list(talk.LOOK_QUESTIONS), 4)
    return image, [talk.caption(look, rng), *(talk.about_look(look, t) for t in traits)]
