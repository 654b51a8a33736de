"""The settings that tuning tries: the same rule and the same number for every method."""

import dataclasses
import math
import random
from collections.abc import Container, Iterator, Sequence
from typing import TypedDict

from ..options import describe
from ..unlearner import Unlearner

#: A setting lies between the default divided and multiplied by this.
RATE, STEPS, OPTION, WHOLE = 4.0, 2.0, 4.0, 2.0


class Bounds(TypedDict):
    """A range as a record has it; ``scale`` is ``log`` or ``linear``."""

    low: float
    high: float
    scale: str


#: Option by full name → its range.
Ranges = dict[str, Bounds]


@dataclasses.dataclass(frozen=True)
class Range:
    """Where an option is drawn from.

    Attributes:
        name: ``npo.beta``.
        low: least value.
        high: greatest value.
        log: drawn evenly on a logarithmic scale.
        whole: whole numbers.
        default: what the first setting has.
    """

    name: str
    low: float
    high: float
    log: bool
    whole: bool
    default: float

    def at(self, share: float) -> float | int:
        """Return the value at a share, 0 to 1, of the range; three digits are enough."""
        value = self.low * (self.high / self.low) ** share if self.log else self.low + (self.high - self.low) * share
        rounded = round(value) if self.whole else float(f"{value:.3g}")
        return min(max(rounded, math.ceil(self.low) if self.whole else self.low), self.high)


def ranges(algorithm: Unlearner, lr: float, steps: int, fixed: Container[str] = ()) -> list[Range]:
    """Return the ranges of a method: learning rate and steps of stage 2, and its own numeric options.

    A default above 0 is varied by a factor to both sides within the option's bounds (rate and fractions
    4, steps and whole numbers 2); a fraction whose default is 0 (a term that is switched off) between 0
    and 1, or its bound. Whole numbers whose default is 0 are seeds and switches and stay.

    Args:
        algorithm: with the user's options.
        lr: peak rate of stage 2 as resolved.
        steps: of stage 2 as planned.
        fixed: names that the user set; they stay.
    """
    every = [
        Range("unlearn.lr", lr / RATE, lr * RATE, True, False, lr),
        Range("unlearn.steps", max(1, round(steps / STEPS)), round(steps * STEPS), True, True, steps),
        *_own(algorithm),
    ]
    return [each for each in every if each.name not in fixed]


def _own(algorithm: Unlearner) -> Iterator[Range]:
    for row in describe(type(algorithm)):
        value = getattr(algorithm, row["name"])
        whole = row["type"] == "int"
        if row["type"] not in ("int", "float") or "choices" in row or (whole and value == 0):
            continue
        least, most = float(row.get("ge", row.get("gt", -math.inf))), float(row.get("le", math.inf))
        name = f"{algorithm.name}.{row['name']}"
        if value == 0:
            yield Range(name, max(least, 0.0), min(most, 1.0), False, False, 0.0)
        elif value > 0:
            factor = WHOLE if whole else OPTION
            low = max(1, math.ceil(value / factor)) if whole else value / factor
            yield Range(name, max(least, low), min(most, value * factor), True, whole, value)


def setting(number: int, among: Sequence[Range], seed: int) -> dict[str, float | int]:
    """Return a setting: the defaults first, then random draws.

    Each option of each number has a draw of its own, so that all methods try the same rates (relative to
    the recipe's), and a greater budget only adds settings.
    """
    if number == 0:
        return {each.name: each.default for each in among}
    return {each.name: each.at(random.Random(f"tune/{seed}/{number}/{each.name}").random()) for each in among}


def as_data(among: Sequence[Range]) -> Ranges:
    """Return ranges for a record."""
    return {each.name: {"low": each.low, "high": each.high, "scale": "log" if each.log else "linear"} for each in among}
