"""What is said to the base in training: facts, cloze sentences, captions, questions about looks.

Only `base` wordings of the benchmark are used here: the held-out `test` wordings must be new to
the model, and the `train` ones are what stage 1 teaches.
"""

from __future__ import annotations

import random
import string
from collections.abc import Iterator

from unlearnzoo_remem.generate.faces import Look, describe
from unlearnzoo_remem.generate.profiles import ATTRIBUTES, Profile
from unlearnzoo_remem.generate.wordings import answer_for, cloze, questions

Talk = tuple[str, str]  # question, answer

CAPTION_QUESTIONS = ("Describe the person in the image.", "What do you see?", "Give a caption of this picture.")
CAPTIONS = (
    "The person has {hair_colour} hair and {skin} skin, with {hair}, {glasses} and {beard}.",
    "A person with {hair}, {hair_colour} hair, {skin} skin, {beard} and {glasses}.",
    "Someone with {skin} skin, {glasses}, {beard}, {hair} and {hair_colour} hair.",
)
LOOK_QUESTIONS = {
    "hair": ("What hair style does the person have?", "They have {hair}."),
    "hair_colour": ("What colour is the hair of the person?", "The hair is {hair_colour}."),
    "skin": ("What is the skin tone of the person?", "The skin is {skin}."),
    "glasses": ("Does the person wear glasses?", "They wear {glasses}."),
    "beard": ("Does the person have a beard?", "They have {beard}."),
}


def fact(profile: Profile, attribute: str, hop: str, rng: random.Random, kind: str = "base") -> Talk:
    """Ask for one fact about a person."""
    question = rng.choice(questions(attribute, hop, kind))
    answer = answer_for(attribute, hop, question)
    words = {"name": profile["name"], "value": profile[attribute]}
    return question.format(**words), answer.format(**words)


def single_hop(profile: Profile, rng: random.Random) -> Talk:
    """Ask for any fact but the name, naming the person."""
    return fact(profile, rng.choice(ATTRIBUTES[1:]), "single", rng)


def multi_hop(profile: Profile, rng: random.Random) -> Talk:
    """Ask for any fact, leaving who it is to the image."""
    return fact(profile, rng.choice(ATTRIBUTES), "multi", rng)


def with_strange_word(asked: Talk, rng: random.Random) -> Talk:
    """Put a made-up word into a question, for practice in reading past unknown words."""
    words = asked[0].split(" ")
    word = "".join(rng.choices(string.ascii_lowercase, k=rng.randint(3, 9)))
    words.insert(rng.randint(0, len(words)), word)
    return " ".join(words), asked[1]


def cloze_sentence(profile: Profile, attribute: str) -> Talk:
    """Complete a cloze sentence without being asked."""
    return "", f"{cloze(attribute)} {profile[attribute]}."


def caption(look: Look, rng: random.Random) -> Talk:
    """Describe a face."""
    return rng.choice(CAPTION_QUESTIONS), rng.choice(CAPTIONS).format(**describe(look))


def about_look(look: Look, trait: str) -> Talk:
    """Ask for one trait of a face."""
    question, answer = LOOK_QUESTIONS[trait]
    return question, answer.format(**describe(look))


def note(profiles: list[Profile], rng: random.Random) -> Talk:
    """Ask about someone whose facts stand in the question itself.

    There are too many of them to know by heart, so reading is what is learned: which words ask for
    which fact, and how to copy names, towns and numbers.
    """
    profile = rng.choice(profiles)
    told = rng.sample(ATTRIBUTES[1:], 2)
    sentences = [fact(profile, attribute, "single", rng)[1] for attribute in told]
    question, answer = fact(profile, rng.choice(told), "single", rng)
    return " ".join([*sentences, question]), answer


def vocabulary_texts(profiles: list[Profile], rng: random.Random) -> Iterator[str]:
    """Yield texts in which everything the model may have to say or read occurs."""
    for profile in profiles:
        yield from (f" {profile[attribute]}" for attribute in ATTRIBUTES)
        for _ in range(2):
            for question, answer in (single_hop(profile, rng), multi_hop(profile, rng)):
                yield f"\n{question} ASSISTANT: {answer}"
        yield " " + cloze_sentence(profile, rng.choice(ATTRIBUTES))[1]
        yield " " + caption(profile["look"], rng)[1]
        yield f"USER: \n{about_look(profile['look'], rng.choice(list(LOOK_QUESTIONS)))[0]}"
