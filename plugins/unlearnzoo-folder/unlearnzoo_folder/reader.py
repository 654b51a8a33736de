"""Open the user's file: CSV or JSON lines, each row with the line that it starts in."""

import csv
import io
import json
import os
from collections.abc import Iterable
from pathlib import Path

from unlearnzoo import DataError, OptionError, Problems, nearest

NEEDED = ("question", "answer", "set")
COLUMNS = (*NEEDED, "image", "id", "identity", "keywords", "hop", "split", "cloze")
NAMES = ("examples.csv", "examples.jsonl")

Row = tuple[int, dict[str, object]]


def find(data: str | None) -> Path:
    """Return the file that an option means.

    Args:
        data: a ``.csv`` or ``.jsonl`` file, or a folder with exactly one of ``NAMES``.

    Raises:
        OptionError: nothing is given.
        DataError: there is no such file, or a folder has none or both.
    """
    if not data:
        raise OptionError("folder.data is not set; name your file: --set folder.data=examples.csv")
    path = Path(os.path.expanduser(data))
    if path.is_dir():
        found = [path / name for name in NAMES if (path / name).is_file()]
        if len(found) != 1:
            raise DataError(
                f"folder.data={data}: the folder must hold either {' or '.join(NAMES)}; "
                f"it holds {'both' if found else 'neither'}"
            )
        return found[0]
    if not path.is_file():
        raise DataError(f"folder.data={data}: no such file or folder")
    if path.suffix.lower() not in (".csv", ".jsonl"):
        raise DataError(f"folder.data={data}: must end in .csv or .jsonl, which says how it is read")
    return path


def read(path: Path, problems: Problems) -> list[Row]:
    """Read all rows; those that cannot be taken apart are noted as problems and left out.

    Raises:
        DataError: the file is empty, not UTF-8, lacks a column, or its quoting is broken.
        OSError: it cannot be read.
    """
    text = _text(path)
    rows = _csv(text, path, problems) if path.suffix.lower() == ".csv" else _jsonl(text, problems)
    problems.stop()
    if not rows:
        raise DataError(f"{path}: there is no example in it; a row needs {', '.join(NEEDED)}")
    return rows


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}: line {line}: no UTF-8 (byte 0x{error.object[error.start]:02x}); "
            "save the file with the encoding UTF-8"
        ) from None


def _csv(text: str, path: Path, problems: Problems) -> list[Row]:
    # Strict: a quotation mark left open would otherwise swallow the rows after it.
    table = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    rows: list[Row] = []
    following = 1
    try:
        for fields in table:
            line, following = following, table.line_num + 1
            if not any(field.strip() for field in fields):
                continue  # spreadsheets leave such rows at the end
            if not header:
                header = [field.strip() for field in fields]
                _check_names(header, line, problems)
                problems.stop()
            elif len(fields) != len(header):
                problems.add(f"{len(fields)} fields, but {len(header)} columns; quote a field that holds a comma", line)
            else:
                rows.append((line, dict(zip(header, fields, strict=True))))
    except csv.Error as error:
        raise DataError(f"{path}: line {following}: no CSV ({error}); check the quotation marks") from None
    return rows


def _jsonl(text: str, problems: Problems) -> list[Row]:
    rows = []
    # Not splitlines: JSON allows other separators of lines inside its strings.
    for line, part in enumerate(text.split("\n"), 1):
        if not part.strip():
            continue
        try:
            row = json.loads(part)
        except (ValueError, RecursionError) as error:
            problems.add(f"no JSON ({getattr(error, 'msg', error)})", line)
            continue
        if not isinstance(row, dict):
            problems.add('expected an object such as {"question": ..., "answer": ..., "set": "forget"}', line)
        elif _check_names(row, line, problems):
            rows.append((line, row))
    return rows


def _check_names(given: Iterable[str], line: int, problems: Problems) -> bool:
    """Note columns that are missing, unknown or there twice; say whether all is well."""
    names = list(given)
    wrong = [f"column {name!r} is missing{nearest(name, names)}" for name in NEEDED if name not in names]
    if wrong and len(names) == 1 and set(names[0]) & set(";\t"):
        wrong[-1] += "; separate columns by commas"
    # A misspelt name is told once, as the one that is missing.
    wrong = wrong or [f"a row has no column {name!r}{nearest(name, COLUMNS)}" for name in names if name not in COLUMNS]
    wrong += [f"column {name!r} is there twice" for name in sorted({n for n in names if names.count(n) > 1})]
    for text in wrong:
        problems.add(text, line)
    return not wrong
