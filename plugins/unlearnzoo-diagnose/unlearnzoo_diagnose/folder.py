"""The Real Set of a real model: a folder of names and images that a user brings.

``names.csv`` with the columns ``name`` and ``image`` (a path below the folder); several rows of one
name are several images of one person.
"""

import csv
from pathlib import Path

from unlearnzoo import DataError, FilesBelow, LazyImage
from unlearnzoo_diagnose.people import Person

FILE = "names.csv"
COLUMNS = ("name", "image")
_SHOWN = 10


def read(folder: Path) -> list[Person]:
    """Read the folder; every image is decoded once as a check.

    Raises:
        DataError: there is no such file, or rows that cannot be used: the first ten are named.
    """
    rows = _rows(folder)
    images: dict[str, dict[str, LazyImage]] = {}
    problems, files = [], FilesBelow(folder)
    for line, row in rows:
        name, path = ((row.get(column) or "").strip() for column in COLUMNS)
        try:
            image = _image(files, path, f"{FILE} line {line}")
        except DataError as error:
            problems.append(str(error))
            continue
        if not name:
            problems.append(f"line {line}: the name is empty")
            continue
        images.setdefault(name, {})[image.key] = image
    shared = _shared(images)
    problems += [f"{a!r} and {b!r} have the same image" for a, b in shared]
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise DataError(f"--real {folder}: {'; '.join(problems[:_SHOWN])}{more}")
    if len(images) < 2:
        raise DataError(
            f"--real {folder}: {FILE} names {len(images)} people; it takes at least two, since one "
            "person's image stands in for another's"
        )
    return [Person(name, name, tuple(found.values())) for name, found in sorted(images.items())]


def _rows(folder: Path) -> list[tuple[int, dict[str, str | None]]]:
    """Return the rows with their line numbers."""
    try:
        text = (folder / FILE).read_text("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"--real {folder}: there is no {FILE}; write one with the columns name,image") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"--real {folder}: {FILE} cannot be read ({error})") from None
    try:
        reader = csv.DictReader(text.splitlines(keepends=True), strict=True)
        found = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise DataError(f"--real {folder}: {FILE} is no CSV ({error})") from None
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise DataError(f"--real {folder}: {FILE} has no column {missing[0]!r}; its first line must be name,image")
    return found


def _image(files: FilesBelow, path: str, where: str) -> LazyImage:
    """Open an image below the folder.

    Raises:
        DataError: it lies elsewhere, is missing or cannot be decoded.
    """
    line = where.removeprefix(f"{FILE} ")
    try:
        image = LazyImage(files.find(path).read_bytes, where)
    except ValueError as error:
        raise DataError(f"{line}: image {path!r} {error}") from None
    if wrong := image.problem(decode=True):
        raise DataError(f"{line}: image {path!r} {wrong}")
    return image


def _shared(images: dict[str, dict[str, LazyImage]]) -> list[tuple[str, str]]:
    """Return pairs of names with the same picture: one of them must be wrong."""
    owner: dict[str, str] = {}
    return [
        (owner[key], name)
        for name, found in sorted(images.items())
        for key in found
        if owner.setdefault(key, name) != name
    ]
