"""Texts about examples: what is one text, what a word is, what an answer holds, and what declines a question."""

import functools
import hashlib
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

#: Which rule of words this is; it is part of whatever keeps a score. Another rule is another number.
TEXT_RULE: int = 2

#: Letters of scripts that are written without spaces: Han, kana, and those of line-breaking class SA (UAX 14: Thai,
#: Lao, Khmer, Myanmar and their kin).
_UNSPACED = r"[[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{Line_Break=SA}]&&[\p{L}\p{M}]]"
_NUMBER = r"[\p{N}\p{Numeric_Type=Numeric}]"
_PATTERNS = {
    # The Arabic tatweel stretches a word and is no letter of it.
    "ignorable": r"[\p{Default_Ignorable_Code_Point}\u0640]",
    # NFKC would make 102 of 10² and 121/2 of 12½.
    "raised": r"(?<=\p{N})(?=\p{No})",
    "space in unspaced": rf"(?<={_UNSPACED}) | (?={_UNSPACED})",
    "words": rf"{_UNSPACED}\p{{M}}*|[[\p{{L}}\p{{M}}\p{{N}}]--{_UNSPACED}]+",
    "word": r"[\p{L}\p{M}\p{N}_]",
    "mark": r"\p{M}",
    "number": _NUMBER,
    "unspaced": _UNSPACED,
    "hangul": r"\p{Hangul}",
}
#: Other forms of a sign, and letters whose case no rule can tell without the language: I, i, İ and ı are one.
_SAME = str.maketrans(
    {**dict.fromkeys("‘’‚‛ʼ´", "'"), **dict.fromkeys("“”„‟", '"'), **dict.fromkeys("‐‑‒–—―−﹘", "-"), "ı": "i"}
)


def folded(text: str) -> str:
    """Return a text without differences of case, spacing and Unicode form: texts that are equal then are one.

    NFKC and full case folding (UAX 15, Unicode 3.13), characters that are not seen left out; curly quotes and long
    dashes are plain ones, I, i, İ and ı are one letter. A space beside a letter of Han, kana, Thai, Lao, Khmer or
    Myanmar does not count. Accents and other marks do.
    """
    if text.isascii():
        return " ".join(text.casefold().split())
    text = _pattern("ignorable").sub("", _pattern("raised").sub(" ", text.translate(_SAME)))
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).replace("i\u0307", "i")
    return _pattern("space in unspaced").sub("", " ".join(text.split()))


def words_of(text: str) -> list[str]:
    """Return the words of a text, folded: letters and digits of any script with their marks, and nothing else.

    Each letter of a script that is written without spaces (Han, kana, Thai, Lao, Khmer, Myanmar) is a word.
    """
    return _pattern("words").findall(folded(text))


def contains_words(text: str, words: str) -> bool:
    """Return whether a text holds some words (a keyword) as whole words, see ``folded`` for what does not count.

    A word ends where no letter, digit, mark or underscore follows. Where a script has no spaces (Han, kana, Thai, Lao,
    Khmer, Myanmar) any letter may stand beside it, and Hangul may follow it, as particles do; another digit never may.
    Endings written in one with a word make another word: "Helsingissä" does not hold "Helsinki". No words at all are
    in no text.
    """
    text, words = folded(text), folded(words)
    at = text.find(words) if words else -1
    while at >= 0:
        end = at + len(words)
        if not (_joined(text[at - 1 : at], words[0]) or _joined(text[end : end + 1], words[-1], after=True)):
            return True
        at = text.find(words, at + 1)
    return False


def refusal_for(sentences: Sequence[str], example_id: str, seed: int) -> str:
    """Draw one of a benchmark's refusal sentences.

    It is fixed by (seed, id), so that its reference scores can be cached; another hash here would be other data.
    """
    digest = hashlib.sha256(f"{seed}:{example_id}".encode()).digest()
    return sentences[int.from_bytes(digest[:8], "big") % len(sentences)]


def _joined(beside: str, edge: str, after: bool = False) -> bool:
    """Return whether the character beside a keyword (or none) and the one at its edge are parts of one word."""

    def both(kind: str) -> bool:
        return bool(_pattern(kind).match(beside) and _pattern(kind).match(edge))

    if not _pattern("word").match(beside):
        return False
    if after and _pattern("mark").match(beside) or both("number"):
        return True
    if _pattern("unspaced").match(beside) or _pattern("unspaced").match(edge):
        return False
    if _pattern("hangul").match(beside) or _pattern("hangul").match(edge):
        return both("hangul") and not after
    return True


@functools.cache
def _pattern(name: str) -> "regex.Pattern[str]":
    import regex  # `re` knows no scripts

    return regex.compile(_PATTERNS[name], regex.VERSION1)
