"""Read the `keywords` column, whose encoding the data card does not say."""

import ast
import json
import re

from unlearnzoo import contains_words


def parse_keywords(text: str, answer: str) -> tuple[str, ...]:
    """Split a keywords string into the private values it lists.

    Args:
        text: JSON, a Python literal, or a list by semicolons or commas.
        answer: the row's answer. Where it holds the whole text, that is one keyword: values such
            as "12 Oak Street, Boston" have commas of their own.

    Raises:
        ValueError: it lists nothing, or something other than texts and numbers.
    """
    text = text.strip()
    if not text:
        raise ValueError("no keyword")
    if contains_words(answer, text):
        return (text,)
    found = _literal(text)
    if found is None:
        inside = text.strip("[]")
        marks = "[;；؛]" if re.search("[;；؛]", inside) else "[,，、،]"
        found = [part.strip(" '\"") for part in re.split(marks, inside)]
    elif isinstance(found, (set, frozenset)):
        found = sorted(found, key=str)
    elif not isinstance(found, (list, tuple)):
        found = [found]
    if not all(isinstance(item, (str, int, float)) and not isinstance(item, bool) for item in found):
        raise ValueError("not a list of texts")
    unique = dict.fromkeys(value for item in found if (value := str(item).strip()))
    if not unique:
        raise ValueError("no keyword")
    return tuple(unique)


def _literal(text: str) -> object:
    """Return what JSON or Python make of a text that starts like a list or a quotation, or None."""
    if text[0] not in "[({\"'":
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return None
