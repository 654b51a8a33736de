"""Open the user's file: CSV, JSON lines or a JSON array, each row with the line that it starts in."""

import csv
import io
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from unlearnzoo import DataError, OptionError, Problems, nearest, quoted

NEEDED = ("question", "answer", "set")
COLUMNS = (*NEEDED, "image", "id", "identity", "keywords", "hop", "split", "cloze", "attribute")
NAMES = ("examples.csv", "examples.jsonl")
ENDINGS = (".csv", ".jsonl", ".json")
#: What pandas calls a column that has no name.
_NAMELESS = re.compile(r"|Unnamed: [\d.]+")
#: Beyond it no name is looked for among them.
_MOST_COLUMNS = 1_000
_SPACE = re.compile(r"[ \t\r\n]*")

Row = tuple[int, dict[str, object]]


def find(data: str | None) -> Path:
    """Return the file that an option means.

    Args:
        data: a file that ends in one of ``ENDINGS``, or a folder with exactly one of ``NAMES``.

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
    if path.suffix.lower() not in ENDINGS:
        raise DataError(f"folder.data={data}: must end in .csv, .jsonl or .json, which says how it is read")
    return path


def read(path: Path, problems: Problems) -> list[Row]:
    """Read all rows; those that cannot be taken apart are noted as problems and left out.

    Raises:
        DataError: the file is empty, not UTF-8, lacks a column, or its quoting is broken.
        OSError: it cannot be read.
    """
    text = _text(path)
    rows = _csv(text, path, problems) if path.suffix.lower() == ".csv" else _json(text, problems)
    _drop_nameless(rows, problems)
    problems.stop()
    if not rows:
        raise DataError(f"{path}: there is no example in it; a row needs {', '.join(NEEDED)}")
    return rows


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if content.startswith(b"version https://git-lfs"):
            raise DataError(
                f"{path.name} is a Git LFS pointer, not the file itself; run `git lfs pull` in {path.parent}"
            )
        text = content.decode("utf-8-sig")
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            raise DataError(
                f"{path}: line {line}: a character of number 0 (UTF-16?); save the file with the encoding UTF-8"
            )
        return text
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
            if not header and len(fields) < 3 and fields[0].lower().startswith("sep="):
                continue  # what tells Excel by which sign columns are separated
            # Rows that end in more commas than there are names: empty columns of a spreadsheet.
            while len(fields) > len(header) and not fields[-1].strip():
                fields.pop()
            if not header:
                # Two columns without a name stay two.
                header = [field.strip() or f"Unnamed: {n}" for n, field in enumerate(fields)]
                _check_names(header, line, problems)
                problems.stop()
            elif len(fields) != len(header):
                problems.add(f"{len(fields)} fields, but {len(header)} columns; quote a field that holds a comma", line)
            else:
                rows.append((line, dict(zip(header, fields, strict=True))))
    except csv.Error as error:
        raise DataError(f"{path}: line {following}: no CSV ({error}); check the quotation marks") from None
    return rows


def _json(text: str, problems: Problems) -> list[Row]:
    rows = []
    seen: dict[tuple[str, ...], bool] = {}
    for line, row in _array(text, problems) if text.lstrip().startswith("[") else _lines(text, problems):
        if not isinstance(row, dict):
            problems.add('expected an object such as {"question": ..., "answer": ..., "set": "forget"}', line)
            continue
        # Rows with the same wrong names are one mistake.
        if tuple(row) not in seen:
            seen[tuple(row)] = _check_names(row, line, problems)
        if seen[tuple(row)]:
            rows.append((line, row))
    return rows


def _lines(text: str, problems: Problems) -> Iterator[tuple[int, object]]:
    # Not splitlines: JSON allows other separators of lines inside its strings.
    for line, part in enumerate(text.split("\n"), 1):
        if part.strip():
            try:
                yield line, _DECODER.decode(part)
            except (ValueError, RecursionError) as error:
                problems.add(f"no JSON ({getattr(error, 'msg', error)})", line)


def _array(text: str, problems: Problems) -> Iterator[tuple[int, object]]:
    """Yield the elements of the array that a text is, each with its line."""
    line, counted, at = 1, 0, _next(text, text.index("[") + 1)
    more = text[at : at + 1] != "]"
    while more:
        line, counted = line + text.count("\n", counted, at), at
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            problems.add(f"no JSON ({getattr(error, 'msg', error)})", line)
            return
        yield line, value
        at = _next(text, end)
        if text[at : at + 1] not in ("]", ","):
            problems.add("no JSON (expected a comma or ] behind this row)", line)
            return
        more = text[at] == ","
        at = _next(text, at + 1) if more else at
    if text[at + 1 :].strip():
        problems.add("no JSON (something stands behind the array)", line + text.count("\n", counted, at))


def _next(text: str, at: int) -> int:
    """Return where the next character stands that is no white space."""
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Make an object of JSON, in which the last of two equal names would win in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{Counter(names).most_common(1)[0][0]!r} is there twice")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_once)


def _drop_nameless(rows: list[Row], problems: Problems) -> None:
    """Take out columns without a name: empty ones, and the row numbers that pandas writes in front."""
    for name in dict.fromkeys(name for _, row in rows for name in row if _NAMELESS.fullmatch(name)):
        cells = [(line, _shown(row.pop(name, None))) for line, row in rows]
        filled = [(line, text) for line, text in cells if text]
        numbered = len({text for _, text in filled if text.isdecimal()}) == len(rows)
        if filled and not numbered:
            line, text = filled[0]
            problems.add(f"a column without a name holds {quoted(text)}; give it a name, or take it out", line)


def _shown(cell: object) -> str:
    """Return what stands in a cell; nothing for what pandas writes where there is nothing."""
    return "" if cell is None or cell != cell else str(cell).strip()


def _check_names(given: Iterable[str], line: int, problems: Problems) -> bool:
    """Note columns that are missing, unknown or there twice; say whether all is well."""
    names = [name for name in given if not _NAMELESS.fullmatch(name)]
    if len(names) > _MOST_COLUMNS:
        problems.add(f"{len(names):,} columns; a row has those of {', '.join(COLUMNS)}", line)
        return False
    wrong = [f"column {name!r} is missing{nearest(name, names)}" for name in NEEDED if name not in names]
    if wrong and len(names) == 1 and set(names[0]) & set(";\t"):
        wrong[-1] += "; separate columns by commas"
    if wrong and "conversations" in names:
        wrong[-1] += "; write what is said in 'conversations' as question and answer, and the set of each row"
    # A misspelt name is told once, as the one that is missing.
    wrong = wrong or [f"a row has no column {name!r}{nearest(name, COLUMNS)}" for name in names if name not in COLUMNS]
    wrong += [f"column {name!r} is there twice" for name in sorted({n for n in names if names.count(n) > 1})]
    for text in wrong:
        problems.add(text, line)
    return not wrong
