"""Which option an answer chooses: a letter, or an option's text, and nothing that could be read in two ways.

No model is asked what another one may have meant: what is not plain is wrong, and counted.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from string import ascii_uppercase

from unlearnzoo import Metric, folded

#: "The correct answer is", "Answer:", "Option".
_LEAD = re.compile(r"(?:the )?(?:(?:correct|right|best) )?(?:answer|option|choice)(?: is)?:? (?:option )?", re.I)
#: "B", "(B)", "B.", "B: a dog"; the letter is a capital one.
_LETTER = re.compile(r"(?:\(([A-Z])\)|([A-Z])(?![\w']))[.:,)。]?(?: (.*))?")


def chosen(prediction: str, choices: Sequence[str]) -> str | None:
    """Return the letter of the option that an answer chooses; None where it is none, or not a single one.

    Accepted are a letter alone, a letter with the text of its own option behind it, and the exact text of one
    option, each also after "the answer is" and the like. Case, spacing and a full stop at the end do not count in
    texts. A letter alone is a letter, also where it is the text of an option.
    """
    letters = ascii_uppercase[: len(choices)]
    text = " ".join(unicodedata.normalize("NFKC", prediction).replace("*", "").split())
    rest = _LEAD.sub("", text, count=1) if _LEAD.match(text) else text
    found = {
        letter for letter, choice in zip(letters, choices, strict=False) if _same(text, choice) or _same(rest, choice)
    }
    if match := _LETTER.fullmatch(rest):
        letter, rest = match[1] or match[2], match[3] or ""
        if letter in letters and _same(rest, ""):
            return letter
        if letter in letters and _same(rest, choices[letters.index(letter)]):
            found.add(letter)
    return found.pop() if len(found) == 1 else None


class Choice(Metric):
    """Multiple choice: 1 where the answer chooses the right option, by its letter or its text, else 0 (MMBench).

    Exact matching: an answer that names no option, or more than one, is wrong. NaN where a row is no
    multiple-choice question.
    """

    name = "choice"

    def score(self, prediction: str, answer: str, choices: tuple[str, ...]) -> float:
        """Return 1.0 or 0.0."""
        if answer not in tuple(ascii_uppercase[: len(choices)]):
            return math.nan
        return float(chosen(prediction, choices) == answer)


class Unread(Metric):
    """Multiple choice: 1 where no single option can be read out of the answer, else 0.

    Tells a model that chooses wrongly from one that no longer answers the question.
    """

    name = "unread"

    def score(self, prediction: str, choices: tuple[str, ...]) -> float:
        """Return 1.0 or 0.0; NaN where a row is no multiple-choice question."""
        return float(chosen(prediction, choices) is None) if choices else math.nan


def _same(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)


def _plain(text: str) -> str:
    return folded(text).removesuffix(".").removesuffix("。")
