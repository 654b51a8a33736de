"""Read the labels whose spelling the data card does not say: hop, attribute, category, identity."""

import re
import unicodedata

from unlearnzoo import folded

# What the seven attributes may also be called [A].
_ATTRIBUTES = {
    "name": ("full_name", "person_name"),
    "email": ("e_mail", "email_address", "e_mail_address", "mail"),
    "birth_date": ("birth", "birthday", "birthdate", "date_of_birth", "dob"),
    "job": ("occupation", "profession", "job_title", "work"),
    "address": ("home_address", "residence", "residential_address"),
    "medical": ("medical_condition", "medical_record", "condition", "diagnosis", "health"),
    "finance": ("financial", "financial_tag", "financial_record", "financial_status"),
}
_ALIASES = {alias: name for name, aliases in _ATTRIBUTES.items() for alias in aliases}

_HOPS = {
    "single": re.compile(r"(single|one|1)(hops?)?(question|qa)?"),
    "multi": re.compile(r"(multi|multiple|two|2)(hops?)?(question|qa)?"),
}

# Folders that sort files by use, and words that number a picture: neither says who is in it.
_PLACE = re.compile(
    r"(images?|imgs?|pictures?|photos?|faces?|data|datasets?|remem|default|train(ing)?|test|eval|val"
    r"|finetune|retain|forget\d*|anchors?|views?|png|jpe?g|webp|\.{0,2}|\w:)",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"[_\-. ]+((anchor|view|images?|img|photo|picture|pic|train|test|variant|var|pose|layout|aug|v)"
    r"[_\-. ]*\d*|\d+)$",
    re.IGNORECASE,
)
_BARE = re.compile(r"(id|identity|person|people|subject|profile|user|character)[_\-. ]*", re.IGNORECASE)


def hop_of(text: str) -> str | None:
    """Return ``single`` or ``multi`` for a question type however spelt; None for an unknown one."""
    squeezed = label_of(text).replace("_", "")
    return next((hop for hop, pattern in _HOPS.items() if pattern.fullmatch(squeezed)), None)


def attribute_of(text: str) -> str:
    """Return an attribute under one name; an unknown one in lower case with underscores."""
    label = label_of(text)
    return _ALIASES.get(label, label)


def label_of(text: str) -> str:
    """Return a label in lower case with underscores for all but letters, marks and digits of any script."""
    return "_".join("".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in folded(text)).split())


def identity_of(image_path: str) -> str | None:
    """Derive who is in a picture from where it lies; None where the path does not tell.

    The data set has no identity column [I]: the folder of the picture names the person
    (``images/id_03/view_07.png``), or else its stem does (``id03_anchor_7.png``), or else the
    folder above (``id_03/test/7.png``).
    """
    *folders, file = re.split(r"[/\\]+", unicodedata.normalize("NFC", image_path.strip()))
    parents = folders[:-3:-1]
    stem = _person(re.sub(r"\.\w{2,4}$", "", file))
    choices = [_folder(parents[0]) if parents else None, stem, _folder(parents[1]) if len(parents) > 1 else None]
    return next((found for found in choices if found), None)


def _folder(name: str) -> str | None:
    return None if _PLACE.fullmatch(name) else name


def _person(stem: str) -> str | None:
    """Cut the number of the view off a stem; None if nothing is cut or nothing is left."""
    person = stem
    while match := _NUMBER.search(person):
        if _BARE.fullmatch(person[: match.start()]):
            break  # the number is the person's, as in "id_03"
        person = person[: match.start()]
    named = person != stem or re.fullmatch(_BARE.pattern + r"\d+", person, re.IGNORECASE)
    return person if named and not _PLACE.fullmatch(re.sub(r"\d+$", "", person) or person) else None
