"""What the timings of steps and of evaluation share: a LLaVA of random weights, questions on images, and a clock.

Eight layers of width 512, 576 image tokens, 32,064 words; small: two layers of 32, four image tokens.
"""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from tests.support.checkpoints import llava
from tests.support.examples import image
from unlearnzoo import Example

SENTENCE = "The person in this image works as a pastry chef. "


def write(folder: Path, small: bool = False) -> Path:
    """Write the checkpoint."""
    from transformers import LlavaConfig, LlavaForConditionalGeneration

    if small:
        return llava(folder)
    llava(folder, image=336, patch=14, hidden=512, layers=8)
    config = LlavaConfig.from_pretrained(folder)
    config.text_config.vocab_size = 32064
    torch.manual_seed(0)
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    return folder


def people(start: int, n: int, per_image: int, side: int = 336) -> list[Example]:
    """Return n examples of some 15 and 14 words, numbered from ``start``, so many on each noise image."""
    pictures = [image(start + i, side) for i in range(-(-n // per_image))]
    return [
        Example(
            f"e{start + i}",
            f"id{(start + i) // per_image}",
            (pictures[i // per_image],),
            f"Number {start + i}? {SENTENCE}",
            f"{start + i}: {SENTENCE}",
            ("pastry chef",),
            {},
            "The job of the person in the image is",
        )
        for i in range(n)
    ]


def now(device: torch.device) -> float:
    """Return CPU seconds of this process, which other work on the machine changes least; beside a GPU those passed."""
    if device.type != "cuda":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def spread(seconds: Sequence[float]) -> str:
    """Return median, least and most."""
    return f"{statistics.median(seconds):.3f} ({min(seconds):.3f} to {max(seconds):.3f})"
