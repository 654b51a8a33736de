"""A question as it is and with its subject exchanged, token for token, so that states can be swapped.

``image`` (multi-hop): another person's image stands in under the cloze sentence of ``names``.
``name`` (single-hop): another person's name stands in wherever it comes before the value, in the
question and in the beginning of the answer. ``both`` (single-hop): name and image of one other
person, for a name alone changes little while the image still shows who it is. Everything else stays
as it is, and both sequences have the same length.
"""

import dataclasses
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from unlearnzoo import DataError, Example, LazyImage
from unlearnzoo_diagnose.names import PROMPT
from unlearnzoo_diagnose.people import Person

if TYPE_CHECKING:
    from torch import Tensor

    from unlearnzoo.encoding.encode import Encoder

#: How the cloze sentence speaks of whom it asks about.
SUBJECT = "the person in the image"
GROUPS = ("image", "subject", "rest", "last")
#: What is exchanged between two people → the words for it.
EXCHANGED_IN_WORDS = {"image": "multi-hop, image", "name": "single-hop, name", "both": "single-hop, name and image"}
EXCHANGED = tuple(EXCHANGED_IN_WORDS)


@dataclass(frozen=True)
class Pair:
    """One clean and one corrupted sequence.

    Attributes:
        identity: whom it is about.
        exchanged: ``image``, ``name`` or ``both``.
        clean: token ids, image tokens expanded; the last token of the value is not among them.
        corrupted: token ids of the other sequence, as many.
        images: of the clean and of the corrupted sequence.
        value: ids of the value, predicted from the last ``len(value)`` positions.
        groups: name → positions; together they are all positions, each once. ``last`` are those that
            predict the value: the last token of the prompt, and those of the value so far.
        beside: ``(1, S, ...)`` per name: what the model is told of each token of either sequence besides.
    """

    identity: str
    exchanged: str
    clean: tuple[int, ...]
    corrupted: tuple[int, ...]
    images: tuple[LazyImage, LazyImage]
    value: tuple[int, ...]
    groups: Mapping[str, tuple[int, ...]]
    beside: "Mapping[str, Tensor]" = field(default_factory=dict, compare=False)


def build(encoder: "Encoder", people: Sequence[Person], exchanged: str, seed: int) -> tuple[list[Pair], int]:
    """Build a pair for each person.

    Args:
        encoder: of the engine.
        people: one set; the irrelevant entity is drawn from it.
        exchanged: what another person's stands in for.
        seed: of the draw.

    Returns:
        The pairs, and for how many people there is none (no fact, or nobody to exchange them with).
    """
    pairs, lacking = [], 0
    for person in people:
        others = [p for p in people if p.name != person.name]
        random.Random(f"{seed}/{person.identity}").shuffle(others)
        if exchanged == "image":
            pair = _multi(encoder, person, others)
        else:
            pair = _single(encoder, person, others, exchanged == "both")
        lacking += pair is None
        pairs += [pair] if pair else []
    return pairs, lacking


def _multi(encoder: "Encoder", person: Person, others: Sequence[Person]) -> Pair | None:
    image = person.images[0]
    ids, at, beside = _tokens(encoder, image, "", PROMPT, person.name)
    for other in others:
        # Where a processor's image tokens depend on the size, only an image of equal length will do.
        if _tokens(encoder, other.images[0], "", PROMPT, person.name).ids == ids:
            clean = ids[:-1]
            spans = occurrences(encoder, ids[:at], SUBJECT)
            return Pair(
                person.identity,
                "image",
                clean,
                clean,
                (image, other.images[0]),
                ids[at:],
                _groups(encoder, clean, at, spans),
                beside,
            )
    return None


def _single(encoder: "Encoder", person: Person, others: Sequence[Person], both: bool) -> Pair | None:
    fact = person.fact
    if fact is None or not others or not fact.images:
        return None
    value = fact.keywords[0]
    stem = fact.answer[: fact.answer.find(value)].rstrip()

    def told_of(name: str, image: LazyImage) -> tuple["_Told", list[tuple[int, int]]]:
        question, said = (text.replace(person.name, name) for text in (fact.question, stem))
        told = _tokens(encoder, image, question, said, value)
        return told, occurrences(encoder, told.ids[: told.at], name)

    (ids, at, beside), spans = told_of(person.name, fact.images[0])
    lengths = [end - start for start, end in spans]
    usable = []
    for other in others:
        image = other.images[0] if both else fact.images[0]
        (theirs, *_), places = told_of(other.name, image)
        if len(places) == len(spans) and theirs.count(encoder.image_id) == ids.count(encoder.image_id):
            usable.append((theirs, places, image))
    if not spans or not usable:
        return None
    # A name of as many tokens if there is one; another is cut, or repeated, to fit.
    theirs, places, image = min(usable, key=lambda other: [end - start for start, end in other[1]] != lengths)
    corrupted = list(ids[:-1])
    for (start, end), (low, high) in zip(spans, places, strict=True):
        corrupted[start:end] = [theirs[low + i % (high - low)] for i in range(end - start)]
    clean = ids[:-1]
    return Pair(
        person.identity,
        "both" if both else "name",
        clean,
        tuple(corrupted),
        (fact.images[0], image),
        ids[at:],
        _groups(encoder, clean, at, spans),
        beside,
    )


class _Told(NamedTuple):
    """Ids of prompt, stem and value, where the value begins, and what stands beside all tokens but the last."""

    ids: tuple[int, ...]
    at: int
    beside: "Mapping[str, Tensor]"


def _tokens(encoder: "Encoder", image: LazyImage, question: str, stem: str, value: str) -> _Told:
    """Return prompt, stem and value as tokens.

    Raises:
        DataError: the value has no token of its own.
    """
    example = Example(id="diagnose", identity="", images=(image,), question=question, answer=stem)
    bare = encoder.encode(example)
    full = encoder.encode(dataclasses.replace(example, answer=f"{stem} {value}"))
    ids, other = (list(e.prompt + e.answer)[:-1] for e in (full, bare))
    at = next((i for i, (a, b) in enumerate(zip(ids, other, strict=False)) if a != b), min(len(ids), len(other)))
    if at >= len(ids):
        raise DataError(f"the tokenizer makes nothing of {value!r}")
    return _Told(tuple(ids), at, {name: tensor[:, : len(ids) - 1] for name, tensor in full.beside.items()})


def occurrences(encoder: "Encoder", ids: Sequence[int], text: str) -> list[tuple[int, int]]:
    """Return the shortest runs of tokens that spell a text, from the left; they do not overlap."""

    def spells(start: int, end: int) -> bool:
        return text in encoder.tokenizer.decode(ids[start:end])

    found: list[tuple[int, int]] = []
    after = max((i + 1 for i, token in enumerate(ids) if token == encoder.image_id), default=0)
    while spells(after, len(ids)):
        end = next(e for e in range(after + 1, len(ids) + 1) if spells(after, e))
        start = next(s for s in range(end - 1, after - 1, -1) if spells(s, end))
        found.append((start, end))
        after = end
    return found


def _groups(
    encoder: "Encoder", clean: Sequence[int], at: int, spans: Sequence[tuple[int, int]]
) -> dict[str, tuple[int, ...]]:
    subject = {i for start, end in spans for i in range(start, end)}
    found: dict[str, list[int]] = {name: [] for name in GROUPS}
    for i, token in enumerate(clean):
        name = (
            "last" if i >= at - 1 else "image" if token == encoder.image_id else "subject" if i in subject else "rest"
        )
        found[name].append(i)
    return {name: tuple(positions) for name, positions in found.items()}
