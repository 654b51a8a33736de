"""Texts about examples: what an answer holds, and what declines a question."""

import hashlib
import re
from collections.abc import Sequence


def contains_words(text: str, words: str) -> bool:
    """Return whether a text holds some words (a keyword) as whole words, whatever the case and the spacing.

    No words at all are in no text.
    """
    folded, wanted = (" ".join(part.casefold().split()) for part in (text, words))
    return bool(wanted) and re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", folded) is not None


def refusal_for(sentences: Sequence[str], example_id: str, seed: int) -> str:
    """Draw one of a benchmark's refusal sentences.

    It is fixed by (seed, id), so that its reference scores can be cached; another hash here would be other data.
    """
    digest = hashlib.sha256(f"{seed}:{example_id}".encode()).digest()
    return sentences[int.from_bytes(digest[:8], "big") % len(sentences)]
