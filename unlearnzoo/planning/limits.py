"""After how many new tokens a generated answer is cut: one rule for base, target, unlearned model and curve.

A split's limit lets its longest true answer end, and leaves a margin. With ``--max-new-tokens`` it is that number for
all splits, and an answer that teacher forcing proves is cut there too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..data.words import contains_words
from ..errors import DataError, OptionError
from ..example import Example
from ..models.architecture import context_length
from ..models.checkpoint import Checkpoint
from ..records import plan_types as types

if TYPE_CHECKING:
    from ..encoding.encode import Encoder

#: New tokens beyond the longest true answer: another wording of it is no longer than that.
MARGIN = 8
#: Multiple choice may be answered by a letter, by an option's text, or by a sentence around either.
CHOICE = 64
#: Not a split: what an algorithm asks through its trainer.
FORGET_POOL = "forget pool"


@dataclass(frozen=True)
class Limit:
    """Where answers to some rows are cut.

    Attributes:
        tokens: new tokens, the end token among them.
        origin: why there.
        longest: tokens of the longest true answer or option, end token included.
        row: id of the row that has it.
        width: tokens of the longest prompt and of the longest answer that may follow it.
    """

    tokens: int
    origin: str
    longest: int
    row: str
    width: int

    def as_data(self) -> types.Generation:
        """Return it as a record has it."""
        return {"tokens": self.tokens, "origin": self.origin, "longest": self.longest, "row": self.row}


def resolve(rows: Mapping[str, Sequence[Example]], checkpoint: Checkpoint, asked: int | None) -> dict[str, Limit]:
    """Return where answers to some rows are cut.

    Args:
        rows: by split; the forget pool, where it is among them, is no split.
        checkpoint: whose tokens and context.
        asked: ``--max-new-tokens``.

    Raises:
        OptionError: ``asked`` would cut off a keyword, or is more than the model has positions for.
        DataError: a prompt and its answer are longer than the model's context.
    """
    # Each row was encoded before, where all that is wrong with it was told.
    encoder = checkpoint.encoder
    limits = {split: _limit(own, encoder, asked) for split, own in rows.items() if own}
    if asked is not None:
        _check_keywords({split: own for split, own in rows.items() if split != FORGET_POOL}, encoder, asked)
    if limits:
        # The widest: what is said to be right is right for all.
        split = max(limits, key=lambda one: limits[one].width)
        _check_context(checkpoint, split, rows[split], limits[split])
    return limits


def tokens(limits: Mapping[str, Limit]) -> dict[str, int]:
    """Return the new tokens of each split."""
    return {split: limit.tokens for split, limit in limits.items()}


def _limit(rows: Sequence[Example], encoder: "Encoder", asked: int | None) -> Limit:
    lengths = {}
    for example in rows:
        true = len(encoder.cached(example).answer)
        lengths[example.id] = max([true, *(len(encoder.cached(example, text).answer) for text in example.choices)])
    row = max(lengths, key=lengths.__getitem__)
    new, origin = lengths[row] + MARGIN, f"longest answer + {MARGIN}"
    if any(example.choices for example in rows) and new < CHOICE:
        new, origin = CHOICE, "multiple choice"
    if asked is not None:
        new, origin = asked, "--max-new-tokens"
    prompt = max(len(encoder.cached(example).prompt) for example in rows)
    return Limit(new, origin, lengths[row], row, prompt + new)


def _check_keywords(rows: Mapping[str, Sequence[Example]], encoder: "Encoder", asked: int) -> None:
    """Refuse a limit within which a true answer has not named its keywords: forgotten or not would look the same."""
    late = [
        (end, split, example, word)
        for split, own in rows.items()
        for example in own
        for word in _needed(example)
        if (end := _end(encoder, example, word, asked)) is not None
    ]
    if late:
        end, split, example, word = max(late, key=lambda found: found[0])
        raise OptionError(
            f"--max-new-tokens {asked}: {example.id} ({split}) has named {word!r} after {end} tokens of its answer, "
            f"and an answer would be cut before; give at least {end}, or leave it out"
        )


def _needed(example: Example) -> tuple[str, ...]:
    """Return what an answer must name: its keywords; of multiple choice the answer itself."""
    return (example.answer,) if example.choices else example.keywords


def _end(encoder: "Encoder", example: Example, word: str, asked: int) -> int | None:
    """Return how many tokens of the true answer name a word; None where so many name it as are asked for."""
    answer = list(encoder.cached(example).answer)

    def names(n: int) -> bool:
        return contains_words(encoder.tokenizer.decode(answer[:n], skip_special_tokens=True), word)

    if len(answer) <= asked or names(asked):
        return None
    # None as well where the whole answer does not hold it: that is no matter of length.
    return next((n for n in range(asked + 1, len(answer) + 1) if names(n)), None)


def _check_context(checkpoint: Checkpoint, split: str, rows: Iterable[Example], limit: Limit) -> None:
    """Refuse to generate beyond the positions that the model has."""
    context = context_length(checkpoint.config, checkpoint.encoder.tokenizer)
    if context is None or limit.width <= context[0]:
        return
    most, origin = context
    example = max(rows, key=lambda row: len(checkpoint.encoder.cached(row).prompt))
    prompt = limit.width - limit.tokens
    told = f"{example.id} ({split}): its prompt has {prompt} tokens, and {limit.tokens} may follow ({limit.origin})"
    room = f"the model takes {most:,} ({origin})"
    if limit.origin == "--max-new-tokens":
        raise OptionError(f"{told}; {room}: give --max-new-tokens {most - prompt} or less")
    remedy = f", or give --max-new-tokens {most - prompt}" if most > prompt else ""
    raise DataError(f"{told}; {room}: shorten the question, leave the row out{remedy}")
