"""Find people's names in texts, however they are written there."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from urllib.parse import quote, unquote

#: A shorter name stands in too many words and numbers to be looked for inside of a text.
_LETTERS, _DIGITS = 3, 5
#: Between the parts of a name, as folders and URLs write it, and as a shell quotes an apostrophe.
_BETWEEN = r"(?:%[0-9A-F]{2}|[\W_]){0,6}"


class Names:
    """Puts other words in the place of people's names, wherever a record has them: in paths and the command line, too.

    Words of the record itself stay, for what stood in the place of one would say who is called so.

    Args:
        people: their names; whole ones are found, however their parts are joined (``Ann Lee``, ``ann-lee``). Of fewer
            than three letters, or than five digits alone, they are found only where nothing else stands beside them.
        word: gives what stands in the place of a name.
    """

    def __init__(self, people: Iterable[str], word: Callable[[str], str]) -> None:
        self._word = word
        self._exact = frozenset(filter(None, people))
        self._parts = {_plain(name): name for name in self._exact}
        forms = [form for name in sorted(self._exact, key=len, reverse=True) for form in _forms(name)]
        self._pattern = re.compile("|".join(forms), re.IGNORECASE) if forms else None
        self._as_written = re.compile("|".join(forms)) if forms else None

    def text(self, text: str) -> str:
        """Return a text without the names."""
        return self._word(text) if text in self._exact else self._without(self._pattern, text)

    def sentence(self, text: str) -> str:
        """Return a text of this program without the names, of which other words may have the letters."""
        return self._word(text) if text in self._exact else self._without(self._as_written, text)

    def command(self, text: str, words: Iterable[str]) -> str:
        """Return a command line without the names: flags stay, and words that stand alone or before ``=``."""
        own = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
        parts = re.split(rf"((?<!\S)--[a-z][a-z-]*|(?<![^\s,='\"])(?:{own})(?![^\s,=]))", text)
        return "".join(part if i % 2 else self._without(self._pattern, part) for i, part in enumerate(parts))

    def _without(self, pattern: re.Pattern[str] | None, text: str) -> str:
        if pattern is None:
            return text
        return pattern.sub(lambda found: self._word(self._parts.get(_plain(found[0]), found[0])), text)


def _forms(name: str) -> list[str]:
    """Return how a name may stand inside of a text, as patterns; none of one that is too short to be looked for."""
    signs = _plain(name)
    # Two letters of Chinese are a whole name, and no space need stand around it.
    spaced = signs.isdigit() or signs.lower() != signs.upper()
    if len(signs) < (_DIGITS if signs.isdigit() else _LETTERS if spaced else 2):
        return []
    start, end = (r"(?<![^\W_])", r"(?![^\W_])") if spaced else ("", "")
    # Accents that are signs of their own count as what is between parts, and may be lost.
    forms = dict.fromkeys(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    joined = [_BETWEEN.join(map(_part, filter(None, re.split(r"[\W_]+", form)))) for form in forms]
    return [f"{start}{form}{end}" for form in joined]


def _part(text: str) -> str:
    """Return how a part of a name may stand, as a pattern: as it is, or as a URL has it."""
    return re.escape(text) if text.isascii() else f"(?:{re.escape(text)}|{re.escape(quote(text))})"


def _plain(name: str) -> str:
    """Return the letters and digits of a name, however they are joined, without accents."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFD", unquote(name))).casefold()
