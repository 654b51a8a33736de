"""Read a user's own people from CSV or JSON, and say by row what is wrong with them."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from unlearnzoo import DataError, Problems, folded, quoted
from unlearnzoo_remem.generate.profiles import ATTRIBUTES, Profile
from unlearnzoo_remem.read.labels import attribute_of

LONGEST = 200
_MOST_BYTES = 10_000_000

Row = tuple[str, dict[str, Any]]  # "line 3" or "person 2", and what stands there


def read_profiles(path: Path) -> list[Profile]:
    """Read people: the seven attributes, an optional ``id``, and ``where`` each stands.

    Raises:
        DataError: everything that is wrong, by row.
        OSError: the file cannot be read.
    """
    if path.suffix.lower() not in (".csv", ".json"):
        raise DataError(f"{path}: must end in .csv or .json, which says how it is read")
    text = _text(path)
    problems = Problems(str(path))
    rows = _csv(path, text) if path.suffix.lower() == ".csv" else _json(path, text)
    _check_columns(path, rows)
    people = [_profile(where, row, problems) for where, row in rows]
    for key in ("name", "id"):
        _check_distinct(key, people, problems)
    problems.stop()
    if len(people) < 2:
        raise DataError(f"{path}: holds {len(people)} people; forgetting one needs at least two")
    return people


def shared_values(people: Iterable[Profile]) -> list[str]:
    """Return which values several people have: to forget one's is to damage the other's."""
    first: dict[tuple[str, str], str] = {}
    found = []
    for person in people:
        for attribute in ATTRIBUTES:
            value = folded(person[attribute])
            other = first.setdefault((attribute, value), person["where"])
            if other != person["where"]:
                found.append(f"{person['where']}: {attribute} {quoted(person[attribute])} is that of {other} too")
    return found


def _text(path: Path) -> str:
    content = path.read_bytes()
    if len(content) > _MOST_BYTES:
        raise DataError(f"{path}: {len(content)} bytes; a file of profiles has at most {_MOST_BYTES}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}: line {line}: no UTF-8; save the file with the encoding UTF-8") from None


def _csv(path: Path, text: str) -> list[Row]:
    table = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    rows: list[Row] = []
    line = 1
    try:
        for fields in table:
            where, line = f"line {line}", table.line_num + 1
            if not any(field.strip() for field in fields):
                continue
            if not header:
                header = fields
            elif len(fields) != len(header):
                raise DataError(
                    f"{path}: {where}: {len(fields)} fields, but {len(header)} columns; "
                    "quote a field that holds a comma"
                )
            else:
                rows.append((where, _named(path, where, zip(header, fields, strict=True))))
    except csv.Error as error:
        raise DataError(f"{path}: line {line}: no CSV ({error}); check the quotation marks") from None
    return rows


def _json(path: Path, text: str) -> list[Row]:
    def pairs(found: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        return found  # as they stand: a dict would hide a key that is there twice

    try:
        people = json.loads(text, object_pairs_hook=pairs)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: no JSON ({error})") from None
    if not text.lstrip().startswith("["):
        raise DataError(f'{path}: expected a list of people: [{{"name": "...", "email": "...", ...}}, ...]')
    rows = []
    for number, person in enumerate(people, 1):
        if not isinstance(person, list) or not all(isinstance(pair, tuple) for pair in person):
            raise DataError(f"{path}: person {number}: expected an object with name, email, ...")
        rows.append((f"person {number}", _named(path, f"person {number}", person)))
    return rows


def _named(path: Path, where: str, pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return a row under the attributes' own names ("Date of Birth" is birth_date)."""
    row: dict[str, Any] = {}
    for key, value in pairs:
        name = attribute_of(key)
        if name in row:
            raise DataError(f"{path}: {where}: {quoted(key)} is {name}, which is there already")
        row[name] = value
    return row


def _check_columns(path: Path, rows: list[Row]) -> None:
    problems = Problems(str(path))
    for where, row in rows:
        if missing := [name for name in ATTRIBUTES if name not in row]:
            has = ", ".join(map(quoted, row)) or "nothing"
            problems.add(f"{where}: there is no {', '.join(missing)}; it has {has}", kind="wrong values")
        if unknown := [name for name in row if name not in (*ATTRIBUTES, "id")]:
            problems.add(
                f"{where}: a person has no {', '.join(map(quoted, unknown))}; "
                f"expected are {', '.join(ATTRIBUTES)} and, if you like, id",
                kind="wrong values",
            )
    problems.stop()


def _profile(where: str, row: dict[str, Any], problems: Problems) -> Profile:
    person: Profile = {"where": where}
    for name in (*ATTRIBUTES, "id"):
        value = row.get(name, "" if name == "id" else None)
        if not isinstance(value, str):
            problems.add(f"{where}: {name} is {quoted(value)}; expected a text", kind="wrong values")
            value = "?"
        value = " ".join(value.split(" ")).strip()
        if not value and name != "id":
            problems.add(f"{where}: {name} is empty", kind="wrong values")
        elif len(value) > LONGEST:
            problems.add(
                f"{where}: {name} has {len(value)} characters; at most {LONGEST} are an answer", kind="wrong values"
            )
        elif not value.isprintable():
            problems.add(
                f"{where}: {name} {quoted(value)} holds a line break or control character", kind="wrong values"
            )
        person[name] = value
    person["id"] = person["id"] or person["name"]
    return person


def _check_distinct(key: str, people: list[Profile], problems: Problems) -> None:
    first: dict[str, str] = {}
    for person in people:
        where = first.setdefault(folded(person[key]), person["where"])
        if where != person["where"]:
            problems.add(
                f"{person['where']}: {key} {quoted(person[key])} is that of {where} too; each person needs their own",
                kind="wrong values",
            )
