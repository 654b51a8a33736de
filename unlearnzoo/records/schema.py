"""The table of a record's keys, and its JSON schema: both made from the types.

``NAME`` stands for a name that depends on the run, ``[]`` for each entry of a list. A type of
``object`` with no keys below it holds whatever the options or tags are.

``python -m unlearnzoo.records.schema`` prints the JSON schema of ``run.json``.
"""

import json
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints, is_typeddict

import msgspec

from .types import RunJson, Step

#: Path → (type, meaning).
Table = dict[str, tuple[str, str]]
_KINDS: Mapping[object, str] = {
    str: "str",
    int: "int",
    float: "float",
    bool: "bool",
    dict: "object",
    list: "list",
    type(None): "null",
}


def table(model: type, same: dict[str, str] | None = None) -> Table:
    """Return every key that a type describes.

    Args:
        model: a ``TypedDict`` whose keys are ``Annotated``.
        same: list → the earlier one whose rows have its keys; they are not told again.
    """
    return {path: row for path, row in _keys("", model) if path.rpartition("[].")[0] not in (same or {})}


def _keys(path: str, hint: object) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the paths below a type, each with its type and meaning, in the order of the definition."""
    hint = _bare(hint)
    if is_typeddict(hint):
        for name, inner in get_type_hints(hint, include_extras=True).items():
            required = get_origin(inner) in (Required, NotRequired)
            yield from _key(f"{path}.{name}".lstrip("."), get_args(inner)[0] if required else inner)
        return
    arguments = get_args(hint)
    if get_origin(hint) is list:
        yield from _keys(f"{path}[]", arguments[0])
    elif get_origin(hint) is dict:
        # Values that are told apart by their types say by a title of which keys they are: points of the curve.
        told = [inner for inner in _members(arguments[1]) if _said(inner).title]
        for inner in told or arguments[1:]:
            yield from _key(f"{path}.{_said(inner).title or 'NAME'}", inner)
    elif len(members := _members(hint)) > 1:
        for inner in members:
            yield from _keys(path, inner)


def _key(path: str, hint: object) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield a key that says what it means, and what is below it."""
    if meaning := _said(hint).description:
        yield path, (" | ".join(map(_kind, _members(_bare(hint)))), meaning)
    yield from _keys(path, hint)


def _said(hint: object) -> msgspec.Meta:
    """Return what a type is annotated with, its bounds apart."""
    notes = (note for note in getattr(hint, "__metadata__", ()) if isinstance(note, msgspec.Meta))
    return next((note for note in notes if note.description), msgspec.Meta())


def _bare(hint: object) -> object:
    """Return a type without its annotations."""
    while hasattr(hint, "__metadata__"):
        hint = get_args(hint)[0]
    return hint


def _members(hint: object) -> tuple[object, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _kind(hint: object) -> str:
    """Return a type as the table names it: ``list[str]``, ``object``."""
    hint = _bare(hint)
    if get_origin(hint) is Literal:
        return "str"
    if hint == list[str]:
        return "list[str]"
    return "object" if is_typeddict(hint) else _KINDS[get_origin(hint) or hint]


#: Their rows have the keys of another list's.
SAME_ROWS = {
    "baselines": "results",
    **dict.fromkeys(("verdict.kept.rows", "verdict.required.rows"), "verdict.forgotten.rows"),
}
FIELDS = table(RunJson, SAME_ROWS)
#: A line of ``steps.jsonl``.
STEP_FIELDS = table(Step)


def json_schema() -> dict[str, object]:
    """Return the JSON schema of ``run.json``; other keys are allowed, as later versions may add some."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(RunJson)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
