"""Who is asked about: the benchmark's people and, beside them, those whom the base knows already.

A set is a list of people with a name and images. ``taught`` are the benchmark's people on images of
stage 1, ``held-out`` the same people on other images, ``real`` the Real Set.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from unlearnzoo import DataError, Example, LazyImage
from unlearnzoo.planning.plan import Plan

#: The tag whose value says what a row asks for, and its value where that is the name.
ATTRIBUTE, NAME = "attribute", "name"
#: Rows of a model plugin's utility set that show a person whom the base knows.
FIGURE = "figure"
T = TypeVar("T")
TAUGHT, HELD_OUT, REAL = "taught", "held-out", "real"
SETS_IN_WORDS = {REAL: "Real Set", TAUGHT: "people, taught images", HELD_OUT: "people, other images"}


@dataclass(frozen=True)
class Person:
    """Somebody with a name.

    Attributes:
        identity: as the data call them.
        name: the text whose probability is asked.
        images: at least one.
        fact: a single-hop question about them that holds the name, if there is one.
    """

    identity: str
    name: str
    images: tuple[LazyImage, ...]
    fact: Example | None = None


def of_benchmark(plan: Plan, at_most: int, images: int, seed: int) -> dict[str, list[Person]]:
    """Return the benchmark's people as sets ``taught`` and ``held-out``, drawn by the seed.

    Args:
        plan: gives the benchmark.
        at_most: how many people.
        images: how many images of each of them, and set.
        seed: of both draws.

    Raises:
        DataError: the rows do not say what people are called.
    """
    bench = plan.benchmark
    taught, asked = bench.learn_pool(), [e for split in bench.gate for e in bench.examples(split)]
    # Nobody is "the person in the image" of a picture that a row about several people shows.
    groups = {image.key for e in (*taught, *asked) if len(e.identities) > 1 for image in e.images}
    taught, asked = ([e for e in rows if len(e.identities) == 1] for rows in (taught, asked))
    names = {
        e.identity: e.keywords[0] for e in reversed([*taught, *asked]) if e.tags.get(ATTRIBUTE) == NAME and e.keywords
    }
    nameless = sorted({e.identity for e in taught} - set(names))
    if nameless:
        raise DataError(
            f"{bench.name}: what {nameless[0]!r} is called is in no row; the diagnosis asks for names and "
            f"needs a row tagged {ATTRIBUTE}={NAME} for everybody, with the name as its keyword"
        )
    seen = {image.key for e in taught for image in e.images}
    chosen = _draw(sorted({e.identity for e in taught}), at_most, f"{seed}/people")
    found: dict[str, list[Person]] = {TAUGHT: [], HELD_OUT: []}
    for identity in chosen:
        own = [e for e in taught if e.identity == identity and not {i.key for i in e.images} & groups]
        others = [e for e in asked if e.identity == identity and not {i.key for i in e.images} & (seen | groups)]
        facts = [e for e in own if tells(e, names[identity])]
        fact = random.Random(f"{seed}/{identity}/fact").choice(facts) if facts else None
        for kind, rows in ((TAUGHT, own), (HELD_OUT, others)):
            if some := tuple(_draw(_images(rows), images, f"{seed}/{identity}/{kind}")):
                found[kind].append(Person(identity, names[identity], some, fact if kind == TAUGHT else None))
    if not found[TAUGHT]:
        raise DataError(f"{bench.name}: no row has an image of one person alone; the diagnosis asks who is in an image")
    return {kind: people for kind, people in found.items() if people}


def of_model(utility: Sequence[Example], at_most: int, seed: int) -> list[Person]:
    """Return the people of a model plugin's utility rows: kind ``figure``, the identity is the name."""
    rows = [e for e in utility if e.tags.get("kind") == FIGURE and e.images and len(e.identities) == 1]
    found = []
    for identity in _draw(sorted({e.identity for e in rows}), at_most, f"{seed}/real"):
        own = [e for e in rows if e.identity == identity]
        fact = next((e for e in own if tells(e, identity)), None)
        found.append(Person(identity, identity, tuple(_images(own)), fact))
    return found


def tells(example: Example, name: str) -> bool:
    """Return whether a row asks about somebody by name and answers with one value."""
    return (
        example.tags.get("hop") == "single"
        and name in example.question
        and len(example.keywords) == 1
        and example.tags.get(ATTRIBUTE) != NAME
        and example.answer.find(example.keywords[0]) > 0
    )


def _images(rows: Iterable[Example]) -> list[LazyImage]:
    return list({image.key: image for e in rows for image in e.images}.values())


def _draw(items: Sequence[T], at_most: int, seed: str) -> list[T]:
    """Draw some items, in the order that they had."""
    chosen = sorted(random.Random(seed).sample(range(len(items)), min(at_most, len(items))))
    return [items[i] for i in chosen]
