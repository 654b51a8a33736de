"""Plan the rows of a generated data set: who is asked what, in which words, beside which view.

Nothing is drawn here: a row names its view, and `write` renders each view once. All draws come
from generators named after what they decide, so that more questions do not change the pictures.
"""

import functools
import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from unlearnzoo import OptionError
from unlearnzoo_remem.generate.profiles import ATTRIBUTES, Profile, generate_profiles, load_profiles
from unlearnzoo_remem.generate.wordings import Hop, Kind, answer_for, cloze, questions

#: Part of the cache's address: raise it whenever the same options give other data.
VERSION = 1

#: Rows an identity has of each hop in `retain` and in `test`; read off the paper's percentages [I].
EVALUATED = 14
TEST_VIEWS = 7
FORGET_SPLITS = 4

# Words that are said with "an"; "a university lecturer", "a one-man band" are not.
_VOWEL = re.compile(r"(?!uni|use|eu|one\b)[aeiou]", re.IGNORECASE)

_CATEGORIES = {
    "name": "identity",
    "birth_date": "identity",
    "email": "contact",
    "address": "contact",
    "job": "work",
    "medical": "health",
    "finance": "finance",
}


@dataclass(frozen=True)
class Spec:
    """What to generate.

    Attributes:
        identities: how many people.
        qa: questions about each of them in `finetune`.
        single: share of single-hop questions.
        views: training views of each of them; as many as `qa` gives one question an image.
        seed: 0 are the people that ship with the plugin.
    """

    identities: int = 20
    qa: int = 100
    single: float = 0.7
    views: int = 10
    seed: int = 0


@dataclass(frozen=True)
class View:
    """A picture of a person: `layout` (train or test) and its number."""

    person: int
    layout: str
    number: int

    @property
    def path(self) -> str:
        """Where the data set says the picture lies."""
        kind = "view" if self.layout == "train" else "test"
        return f"images/id_{self.person:02d}/{kind}_{self.number:02d}.png"


Row = tuple[View, Mapping[str, str]]


def people(spec: Spec) -> list[Profile]:
    """Return the profiles: those that ship for seed 0, made up by Faker for another.

    Raises:
        OptionError: more people of seed 0 than ship.
    """
    if spec.seed:
        return generate_profiles(spec.identities, spec.seed)
    shipped = load_profiles()
    if spec.identities > len(shipped):
        raise OptionError(
            f"remem.identities={spec.identities}: {len(shipped)} people ship with the "
            "plugin; set remem.data_seed to another number than 0 for more"
        )
    return shipped[: spec.identities]


def plan(
    spec: Spec, profiles: Sequence[Profile] | None = None, pictures: Sequence[tuple[int, int]] | None = None
) -> dict[str, list[Row]]:
    """Return the rows of every split of the published set, without their images.

    Args:
        spec: how many of what; its number of views is not used where `pictures` are given.
        profiles: who; the people of the spec by default.
        pictures: how many pictures of each person there are, for training and for test.

    Raises:
        OptionError: more questions than there are wordings, or more views than questions.
    """
    if pictures is None and spec.views > spec.qa:
        raise OptionError(
            f"remem.views={spec.views}: must be at most remem.qa={spec.qa}, which is one question an image"
        )
    splits: dict[str, list[Row]] = {"finetune": [], "retain": [], "test": []}
    blocks = []
    known = people(spec) if profiles is None else profiles
    for person, profile in enumerate(known):
        train, test = pictures[person] if pictures else (spec.views, testing_views(spec))
        block, kept = _training(spec, person, profile, train)
        blocks.append(block)
        splits["finetune"] += block
        splits["retain"] += kept
        splits["test"] += _testing(spec, person, profile, test)
    for n in range(1, min(FORGET_SPLITS, len(known) - 1) + 1):
        splits[f"forget{n}"] = [row for block in blocks[:n] for row in block]
    return splits


def testing_views(spec: Spec) -> int:
    """Return how many test pictures a generated person has: one per question if training has so."""
    return 2 * EVALUATED if spec.views == spec.qa else TEST_VIEWS


def _training(spec: Spec, person: int, profile: Profile, views: int) -> tuple[list[Row], list[Row]]:
    """Return a person's rows in `finetune`, and those of them that `retain` evaluates."""
    rng = random.Random(f"{spec.seed}/{person}/train")
    n_single = round(spec.qa * spec.single)
    single = _ask(profile, "single", "train", n_single, rng)
    multi = _ask(profile, "multi", "train", spec.qa - n_single, rng)
    texts = single + multi
    order = rng.sample(range(spec.qa), spec.qa)
    view_of = {index: View(person, "train", place % views) for place, index in enumerate(order)}
    kept = [*range(min(EVALUATED, n_single)), *range(n_single, min(n_single + EVALUATED, spec.qa))]
    return ([(view_of[i], texts[i]) for i in order], [(view_of[i], texts[i]) for i in kept])


def _testing(spec: Spec, person: int, profile: Profile, views: int) -> list[Row]:
    """Return a person's rows in `test`: other wordings on views of another layout."""
    rng = random.Random(f"{spec.seed}/{person}/test")
    texts = [text for hop in ("single", "multi") for text in _ask(profile, hop, "test", EVALUATED, rng)]
    return [(View(person, "test", i % views), text) for i, text in enumerate(texts)]


def _ask(profile: Profile, hop: Hop, kind: Kind, n: int, rng: random.Random) -> list[dict[str, str]]:
    """Draw `n` different questions, round the attributes: any first part is balanced."""
    topics = [attribute for attribute in ATTRIBUTES if questions(attribute, hop, kind)]
    rng.shuffle(topics)
    if n < len(topics):  # only multi-hop questions teach a name: it comes first of too few
        topics.sort(key="name".__ne__)
    decks = {topic: rng.sample(deck := questions(topic, hop, kind), len(deck)) for topic in topics}
    rows = []
    for i in range(n):
        topic = topics[i % len(topics)]
        if not decks[topic]:
            raise OptionError(
                f"remem.qa: only {i} different {hop}-hop questions per person can be "
                f"worded, {n} are asked for; lower remem.qa or change remem.single"
            )
        rows.append(_row(profile, topic, hop, decks[topic].pop()))
    return rows


def _row(profile: Profile, attribute: str, hop: Hop, template: str) -> dict[str, str]:
    name, value = profile["name"], profile[attribute]
    answer = answer_for(attribute, hop, template)
    if _VOWEL.match(value):  # none of the plugin's own jobs begins so
        answer = answer.replace(" a {value}", " an {value}")
    return {
        "question": template.format(name=name),
        "answer": answer.format(name=name, value=value),
        "keywords": json.dumps([value]),
        "question_type": f"{hop}-hop",
        "qa_category": _CATEGORIES[attribute],
        "attribute": attribute,
        "cloze_prompt": cloze(attribute),
    }


@functools.cache
def address(spec: Spec) -> str:
    """Return the name that data of this spec have in the cache."""
    import hashlib

    digest = hashlib.sha256(json.dumps([VERSION, asdict(spec)]).encode()).hexdigest()[:12]
    return f"{spec.identities}x{spec.qa}-seed{spec.seed}-{digest}"
