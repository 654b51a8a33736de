"""The rules of every plugin, whatever its kind."""

import json

from ..options import describe
from ..registry.describe import doc
from ..registry.validate import vet
from .imports import HEAVY, loaded_by_importing
from .rules import Subject, expect, rule


@rule(
    why="`unlearnzoo list` and `show` print these texts; who compares methods reads nothing else.",
    fix="write a docstring under the class, a sentence or more, and a help text for each option, "
    "the second argument of `option`.",
)
def documented(subject: Subject) -> None:
    """A class without a docstring of a sentence, or an option without a help text."""
    text = doc(subject.cls)
    expect(text, f"{subject.cls.__name__} has no docstring")
    expect(len(text.split()) >= 3, f"the docstring of {subject.cls.__name__} is {text!r}, which is no sentence")
    for row in describe(subject.cls):
        expect(row["help"].strip(), f"option {row['name']!r} has no help text")


@rule(
    why="the zoo leaves out a plugin that breaks its contract, with one warning.",
    fix="do as the message says; `unlearnzoo show learn` is an example of options, the tutorial of inputs.",
)
def accepted(subject: Subject) -> None:
    """A name, input, option or column that the zoo refuses when it loads the plugin."""
    vet(subject.kind, subject.cls)


@rule(
    why="options are written to run.json and set from the command line and from YAML.",
    fix="use int, float, str, bool, or a tuple or dict of them; None instead of infinity.",
)
def options(subject: Subject) -> None:
    """A default that is refused by its own bounds, is no JSON, or cannot be set as a text."""
    for name, value in subject.fresh().values().items():
        try:
            text = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            expect(False, f"the value {value!r} of option {name!r} is no JSON: {error}")
        again = subject.fresh(**{name: value if isinstance(value, str) else text}).values()[name]
        expect(again == value, f"option {name!r} is {value!r}, but {again!r} once it is set as the text {text}")


@rule(
    why="`unlearnzoo --help` and each other command import every plugin: seconds for everybody, each time.",
    fix="import it inside the method that uses it; for annotations, under `if TYPE_CHECKING:`.",
)
def light_import(subject: Subject) -> None:
    """A module whose import alone imports torch or another heavy package."""
    found = loaded_by_importing(subject.cls, HEAVY)
    expect(not found, f"importing {subject.cls.__module__} imports {', '.join(found)}")


COMMON = (documented, accepted, options, light_import)
