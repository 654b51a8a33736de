"""Control tokens of a tokenizer (``</s>``, ``<image>``) that stand in somebody's data: found, or encoded as text."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

#: Stand-ins are private characters that no font is known to use: the first says which token, the others fill up to its
#: length.
_FIRST, _FILL = 0x100000, "\U0010fffd"
_STAND_IN = re.compile(f"[\U00100000-\U0010fffc]{_FILL}*")


class ControlTokens:
    """The texts that a tokenizer takes for control tokens.

    Args:
        tokenizer: of the model.
        used: ids that the chat template writes: added tokens among them are control tokens, whatever they are called.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", used: Iterable[int]) -> None:
        self.tokenizer = tokenizer
        added = tokenizer.added_tokens_decoder
        ids = (
            {i for i, token in added.items() if token.special} | set(tokenizer.all_special_ids) | set(used) & set(added)
        )
        names = {str(added[i]) if i in added else tokenizer.convert_ids_to_tokens(i) for i in ids}
        self.ids = frozenset(ids)
        # The longest first, as the tokenizer itself would match them.
        self._names = sorted(filter(None, names), key=lambda name: (-len(name), name))
        self._pattern = re.compile("|".join(map(re.escape, self._names)) or r"(?!)")
        self._firsts = {name[0] for name in self._names}

    def first(self, text: str) -> str | None:
        """Return the first control token that a text holds."""
        if not any(char in text for char in self._firsts):  # nearly always, and much faster
            return None
        found = self._pattern.search(text)
        return found[0] if found else None

    def hidden(self, text: str) -> str:
        """Return a text with stand-ins of equal length for its control tokens: a template does not act on them."""
        return self._pattern.sub(lambda m: chr(_FIRST + self._names.index(m[0])) + _FILL * (len(m[0]) - 1), text)

    def hides(self, text: str) -> bool:
        """Return whether a text has stand-ins."""
        return _STAND_IN.search(text) is not None

    def ids_as_text(self, text: str, special: bool) -> list[int]:
        """Tokenise a rendered text whose stand-ins are read as the characters of what they stand for.

        Around each stand-in, up to where both agree again, the tokens are those of the same text without any control
        token; all others are what they would be.

        Args:
            text: with stand-ins.
            special: whether the tokenizer adds its own beginning.

        Raises:
            DataError: the tokenizer takes it for a control token all the same.
        """
        whole = _STAND_IN.sub(lambda m: self._names[ord(m[0][0]) - _FIRST], text)
        places = [m.span() for m in _STAND_IN.finditer(text)]
        tokens = self._spans(whole, 0, add_special_tokens=special)
        own = [(s, e) for i, s, e in tokens if i in self.ids and e > s and (s, e) not in places]
        regions = []
        for start, end in zip([0, *(e for _, e in own)], [*(s for s, _ in own), len(whole)], strict=True):
            if inside := [place for place in places if start <= place[0] < end]:
                plain = self._spans(whole[start:end], start, add_special_tokens=False, split_special_tokens=True)
                if any(i in self.ids for i, _, _ in plain):
                    raise DataError(f"{whole[slice(*inside[0])]!r} cannot be encoded as text by this tokenizer")
                same = set(plain) & set(tokens)
                left = max([start, *(e for _, _, e in same if e <= inside[0][0])])
                right = min([end, *(s for _, s, _ in same if s >= inside[-1][1])])
                regions.append((left, right, [i for i, s, e in plain if left <= s and e <= right]))
        ids: list[int] = []
        for i, s, e in tokens:
            region = next((r for r in regions if r[0] <= s and e <= r[1] and e > s), None)
            if region is None:
                ids.append(i)
            else:  # all of it in place of its first token
                ids += region[2]
                region[2].clear()
        return ids

    def _spans(self, text: str, at: int, **how: bool) -> list[tuple[int, int, int]]:
        """Return each token's id, begin and end; ``at`` is where the text begins."""
        given = self.tokenizer(text, return_offsets_mapping=True, **how)
        return [(i, at + s, at + e) for i, (s, e) in zip(given.input_ids, given.offset_mapping, strict=True)]
