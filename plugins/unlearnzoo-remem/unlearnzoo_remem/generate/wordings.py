"""How questions about a person are asked and answered.

A question is a *core* ("what is {poss} job") set in a *frame* ("Given that this is {name}, …").
Three kinds never share a sentence: `train` (stage 1), `test` (held out) and `base` (what the
embedded model was taught on its public figures), so that a right answer to a `test` wording is
no recall of a seen question. Single-hop questions name the person; multi-hop ones leave who it is
to the image. A single-hop question for the name would answer itself: there is none.

Answers are short sentences that hold the value and take up the form of their question: noun or
verb, name or pronoun. So the form is no coin toss that a model would have to memorise.
"""

from __future__ import annotations

import functools
from typing import Literal

from unlearnzoo_remem.generate.topics import PLAIN_FRAMES, PRONOUN_FRAMES, SHAPES, SUBJECTS, TOPICS, Topic

Hop = Literal["single", "multi"]
Kind = Literal["train", "test", "base"]

_ASKING = ("what", "who", "which", "where", "when", "how", "at ", "on ", "by ", "in ", "since",
           "can ", "could ", "do ")  # fmt: skip
_THEY = {"subject": "they", "whom": "them", "poss": "their", "does": "do", "be": "are"}
_CLOZE = {
    "name": "name",
    "email": "email",
    "birth_date": "birth date",
    "job": "job",
    "address": "address",
    "medical": "medical condition",
    "finance": "financial tag",
}


def questions(attribute: str, hop: Hop, kind: Kind = "train") -> list[str]:
    """List the wordings of a question, as templates with `{name}` where the person is named.

    Args:
        attribute: What is asked for.
        hop: `single` (named) or `multi` (by the image).
        kind: `train`, `test` or `base`; no two share a sentence.

    Returns:
        Distinct templates in a fixed order; none for the single-hop name.
    """
    return list(_wordings(attribute, hop, kind))


def answers(attribute: str, hop: Hop) -> list[str]:
    """List the answer sentences, as templates with `{value}` and, where named, `{name}`."""
    used = [answer for kind in SHAPES for answer in _wordings(attribute, hop, kind).values()]
    return list(dict.fromkeys(used))


def answer_for(attribute: str, hop: Hop, question: str) -> str:
    """Give the answer template that takes up the form of a question template."""
    for kind in SHAPES:
        wordings = _wordings(attribute, hop, kind)
        if question in wordings:
            return wordings[question]
    raise KeyError(f"no {hop}-hop wording for {attribute}: {question!r}")


def cloze(attribute: str) -> str:
    """Give the beginning of a sentence that the value completes; no answer begins like it."""
    return f"The {_CLOZE[attribute]} of the person in the image is"


@functools.cache
def _wordings(attribute: str, hop: str, kind: str) -> dict[str, str]:
    """Map each question template to its answer template."""
    if hop == "single" and attribute == "name":
        return {}
    topic = TOPICS[attribute]
    nouns = topic.nouns if kind != "train" else topic.nouns[:3]
    cores = [(shape.replace("{noun}", noun), True) for noun in nouns for shape in SHAPES[kind]]
    cores += [(verb, False) for verb in topic.verbs[kind]]
    named = ["{name}"] if hop == "single" else list(SUBJECTS[kind])
    found: dict[str, str] = {}
    for core, is_noun in cores:
        for subject in named:
            if "{poss}" in core and " in " in subject:
                continue  # "the person in the picture's job"
            answer = _answer(topic, hop, is_noun, _speaker(hop, subject))
            for frame in PLAIN_FRAMES[kind]:
                found[_ask(frame, core, _third(subject))] = answer
        if hop == "single" and "{owner}" not in core:
            answer = _answer(topic, hop, is_noun, "They")
            for frame in PRONOUN_FRAMES[kind]:
                found[_ask(frame, core, {**_THEY, "was": "were"})] = answer
    return found


def _third(subject: str) -> dict[str, str]:
    return {"subject": subject, "whom": subject, "owner": subject, "poss": subject + "'s",
            "does": "does", "be": "is", "was": "was"}  # fmt: skip


def _ask(frame: str, core: str, words: dict[str, str]) -> str:
    end = "?" if core.startswith(_ASKING) else "."
    text = core.format(**words)
    upper = text if text.startswith("{name}") else text[0].upper() + text[1:]
    return frame.replace("{core}", text).replace("{Core}", upper) + end


def _speaker(hop: str, subject: str) -> str:
    if hop == "single":
        return subject
    return "The person in the image" if " in " in subject else "This person"


def _answer(topic: Topic, hop: str, is_noun: bool, speaker: str) -> str:
    if is_noun:
        owners = {"They": "Their", "The person in the image": "The person's"}
        return topic.state.replace("{owner}", owners.get(speaker, speaker + "'s"))
    if speaker == "They":
        return topic.act[1]
    return topic.act[0].replace("{subject}", speaker)
