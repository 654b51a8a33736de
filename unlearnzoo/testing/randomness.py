"""Whether a call reads or moves the random state that everybody shares."""

import random
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch

from .rules import expect

T = TypeVar("T")


def seeded(seed: int, call: Callable[[], T], what: str) -> T:
    """Call with all global generators seeded, and put them back as they were.

    Args:
        seed: of ``random``, numpy and torch.
        call: what to call.
        what: the subject of the sentence where it moves one of them.

    Raises:
        Broken: it moved one of them.
    """
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        start = _fingerprints()
        found = call()
        moved = [name for name, state in _fingerprints().items() if state != start[name]]
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])
    expect(not moved, f"{what} draws from the global generator of {' and '.join(moved)}")
    return found


def _fingerprints() -> dict[str, object]:
    numbers: Any = np.random.get_state()
    return {
        "random": random.getstate(),
        "numpy": (numbers[1].tobytes(), *numbers[2:]),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }
