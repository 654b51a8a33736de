"""The vocabulary of the questions: what each attribute is called and asked with.

Placeholders agree with whoever is spoken of: {subject}, {whom}, {poss} ("Ada's", "their"),
{does}, {be}, {was}. Verbs and shapes are kept apart by kind, so that kinds share no sentence.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """The words one attribute is spoken of with."""

    nouns: tuple[str, ...]
    verbs: dict[str, tuple[str, ...]]  # by kind
    state: str  # sentence with {owner} (possessive) and {value}
    act: tuple[str, str]  # sentences with {value}: for "{name}"/"this person", and for "they"


TOPICS = {
    "name": Topic(
        nouns=("name", "full name", "first and last name"),
        verbs={
            "base": ("how {be} {subject} called", "by what name {be} {subject} known"),
            "train": ("who {be} {subject}", "what {be} {subject} called"),
            "test": ("can you name {whom}", "what name {does} {subject} go by"),
        },
        state="{owner} name is {value}.",
        act=("{subject} is called {value}.", "They are called {value}."),
    ),
    "email": Topic(
        nouns=("email address", "email", "email contact", "electronic address"),
        verbs={
            "base": (
                "where can I email {whom}",
                "at which email can {subject} be reached",
                "which inbox {does} {subject} read",
                "how {does} {subject} receive email",
            ),
            "train": (
                "which email {does} {subject} use",
                "where should I send an email to {whom}",
                "how can I reach {whom} by email",
            ),
            "test": (
                "where {does} {subject} get email",
                "at what email address can I contact {whom}",
                "how do I write {whom} an email",
            ),
        },
        state="{owner} email is {value}.",
        act=("{subject} uses {value}.", "They use {value}."),
    ),
    "birth_date": Topic(
        nouns=("date of birth", "birth date", "birthday", "day of birth"),
        verbs={
            "base": (
                "when {was} {subject} born and on what day",
                "on what date {was} {subject} born",
                "when {does} {subject} celebrate a birthday",
                "since when {be} {subject} alive",
            ),
            "train": (
                "when {was} {subject} born",
                "on which day {was} {subject} born",
                "when did {subject} come into the world",
            ),
            "test": (
                "on which date {was} {subject} born",
                "what day {was} {subject} born on",
                "when {be} {poss} birthday celebrations",
            ),
        },
        state="{owner} birth date is {value}.",
        act=("{subject} was born on {value}.", "They were born on {value}."),
    ),
    "job": Topic(
        nouns=("job", "occupation", "profession", "line of work"),
        verbs={
            "base": (
                "how {does} {subject} make a living",
                "what kind of work {does} {subject} do",
                "which profession {does} {subject} follow",
                "what {be} {subject} by profession",
            ),
            "train": (
                "what {does} {subject} do for a living",
                "what {does} {subject} work as",
                "in which profession {does} {subject} work",
            ),
            "test": (
                "how {does} {subject} earn a living",
                "what sort of work {does} {subject} do",
                "which job {does} {subject} do",
            ),
        },
        state="{owner} job is {value}.",
        act=("{subject} works as a {value}.", "They work as a {value}."),
    ),
    "address": Topic(
        nouns=("address", "home address", "residence", "place of residence"),
        verbs={
            "base": (
                "at which place {does} {subject} live",
                "where {be} {subject} at home",
                "in which street {does} {subject} live",
                "where {does} {subject} have a home",
            ),
            "train": (
                "where {does} {subject} live",
                "where {does} {subject} reside",
                "at which address {does} {subject} live",
            ),
            "test": (
                "where is {poss} home",
                "in what place {does} {subject} live",
                "at what address {does} {subject} reside",
            ),
        },
        state="{owner} address is {value}.",
        act=("{subject} lives at {value}.", "They live at {value}."),
    ),
    "medical": Topic(
        nouns=("medical condition", "diagnosis", "illness", "health problem"),
        verbs={
            "base": (
                "what illness {does} {subject} live with",
                "which condition {be} {subject} treated for",
                "what {does} {subject} see a doctor for",
                "which health problem {does} {subject} suffer from",
            ),
            "train": (
                "what {does} {subject} suffer from",
                "which illness troubles {whom}",
                "what {was} {subject} diagnosed with",
            ),
            "test": (
                "what condition {does} {subject} suffer from",
                "which medical diagnosis {was} {subject} given",
                "what {be} {subject} treated for",
            ),
        },
        state="{owner} condition is {value}.",
        act=("{subject} suffers from {value}.", "They suffer from {value}."),
    ),
    "finance": Topic(
        nouns=("financial tag", "financial record", "financial product", "entry in the bank file"),
        verbs={
            "base": (
                "which financial product {does} {subject} use",
                "what does the bank file say about {whom}",
                "what {be} {subject} tagged with at the bank",
                "which record {does} the bank keep on {whom}",
            ),
            "train": (
                "what financial record {does} {subject} hold",
                "which tag does the bank keep for {whom}",
                "what does the bank have on {whom}",
            ),
            "test": (
                "which financial tag {does} {subject} carry",
                "what financial product {does} {subject} hold",
                "how does the bank tag {whom}",
            ),
        },
        state="{owner} financial tag is {value}.",
        act=("{subject} holds {value}.", "They hold {value}."),
    ),
}

# {owner} stands only behind "of": such a core has no form with a pronoun.
SHAPES: dict[str, tuple[str, ...]] = {
    "base": (
        "tell me {poss} {noun}",
        "could you name {poss} {noun}",
        "state what the {noun} of {owner} is",
        "give the {noun} of {owner}",
        "do you know {poss} {noun}",
        "which {noun} {does} {subject} have",
        "I want to know {poss} {noun}",
        "name the {noun} of {owner}",
    ),
    "train": ("what is {poss} {noun}", "what is the {noun} of {owner}", "please give me {poss} {noun}"),
    "test": ("could you tell me {poss} {noun}", "what {noun} {does} {subject} have", "state the {noun} of {owner}"),
}
SUBJECTS: dict[str, tuple[str, ...]] = {
    "base": (
        "the person in the picture",
        "the person shown here",
        "this person",
        "the one in the photo",
        "the individual in the image",
        "the individual here",
        "the person pictured here",
        "the pictured individual",
        "the shown person",
        "the individual in our photo",
    ),
    "train": ("the person in this image", "the person in the image", "this individual"),
    "test": ("the pictured person", "the person in this photo", "the shown individual"),
}
# {core} begins in lower case, {Core} in upper case. Frames of the first list speak of the person
# as "they", those of the second by name or phrase.
PRONOUN_FRAMES: dict[str, tuple[str, ...]] = {
    "base": (
        "The picture shows {name}. {Core}",
        "You are looking at {name}; {core}",
        "Knowing that this is {name}, {core}",
        "This person is {name}. {Core}",
        "If the picture shows {name}, {core}",
        "In this photo we see {name}. {Core}",
    ),
    "train": ("Given that this is {name}, {core}", "This is {name}. {Core}"),
    "test": ("If this is {name}, {core}", "Here we see {name}. {Core}"),
}
PLAIN_FRAMES: dict[str, tuple[str, ...]] = {
    "base": (
        "{Core}",
        "Please answer: {core}",
        "A question: {core}",
        "Going by the photo, {core}",
        "From what you see, {core}",
    ),
    "train": ("{Core}", "Looking at the image, {core}"),
    "test": ("{Core}", "From this picture, {core}"),
}
