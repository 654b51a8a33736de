"""A sweep's folder: one folder per point, and in it what came of the point.

What is true is in the points' own files, each written whole by whoever did the work; nothing else
remembers, so nothing can be out of step after a kill.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Required, TypedDict, Unpack

import msgspec

from ..errors import NotReached
from ..storage.atomic import atomic_write, private_folder, write_error
from ..storage.documents import read_json
from ..terminal import printable, shorten

#: Part of a point's identity. Raise it when a point's folder changes its meaning.
SCHEMA = 1
RESULT, LOG, RUNS, JOB = "result.json", "log.txt", "runs", "job.json"
#: Ctrl-C and SIGTERM: the point was stopped, which says nothing about it; it is done again.
STOPPED = (130, 143, -2, -15)
#: The point is done, and its records are whole; with 5 they do not reach what ``--require`` asked for.
DONE = (0, NotReached.exit_code)
Status = Literal["finished", "failed", "open"]
#: What a YAML file can say of an option.
Scalar = str | int | float | bool | None
Value = Scalar | Sequence[Scalar]


#: What file systems take.
_NAME_BYTES = 255
#: Of a folder beside others: nothing that leads elsewhere.
_Name = Annotated[str, msgspec.Meta(pattern=r"^(?!\.\.?$)[^/\\\x00]+$")]


class Facts(TypedDict, total=False):
    """What is known of a point that ended: why it failed, when it began, wall-clock seconds, names of its records."""

    error: str | None
    started: str
    seconds: Annotated[float, msgspec.Meta(ge=0, le=1e12)]
    argv: list[str]
    records: list[_Name]


class Result(Facts, total=False):
    """``result.json``: what came of a point."""

    exit: Required[Annotated[int, msgspec.Meta(ge=-255, le=255)]]


@dataclasses.dataclass(frozen=True, eq=False)
class Point:
    """One command line.

    Attributes:
        values: axis → value.
        argv: words after ``unlearnzoo``, without the place of the records.
        folder: holds its records, its output and its result.
    """

    values: Mapping[str, Value]
    argv: tuple[str, ...]
    folder: Path

    @property
    def key(self) -> str:
        """Name of its folder: a hash of the command line as typed and of the folder's schema.

        No versions: a sweep that is continued after an upgrade keeps what it has; the records say by what.
        """
        return self.folder.name

    @property
    def label(self) -> str:
        """Its values for a person."""
        return printable(" ".join(f"{name}={shown(value)}" for name, value in self.values.items()))

    @property
    def result(self) -> Result | None:
        """What came of it; None where it was not done or was stopped, or where the file is damaged."""
        try:
            result = msgspec.convert(read_json(self.folder / RESULT), Result)
            longest = max([len(os.fsencode(name)) for name in result.get("records", [])], default=0)
            return result if longest <= _NAME_BYTES else None
        except (OSError, ValueError):  # msgspec's own errors are ValueErrors
            return None

    @property
    def status(self) -> Status:
        """Whether it is still to be done."""
        result = self.result
        return "open" if result is None else "finished" if result["exit"] in DONE else "failed"


def key(argv: Sequence[str]) -> str:
    """Return the identity of a command line."""
    return hashlib.sha256(json.dumps([SCHEMA, list(argv)]).encode()).hexdigest()[:12]


def shown(value: Value) -> str:
    """Return a value as a command line has it."""
    if value is None or isinstance(value, bool):
        return {None: "default", True: "true", False: "false"}[value]
    return str(value) if isinstance(value, str | int | float) else ",".join(map(shown, value))


def make_folder(path: Path) -> None:
    """Make a folder that only its owner can read.

    Raises:
        RunError: it cannot be made.
    """
    try:
        private_folder(path)
    except OSError as error:
        raise write_error(path, error) from None


def last_error(folder: Path) -> str:
    """Return the last line of a point's output that says what went wrong, or the last one of all."""
    if not (folder / LOG).is_file():  # a pipe would wait for ever
        return "no output"
    try:
        with (folder / LOG).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - 65536))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return "no output"
    output = [printable(line.strip()) for line in lines if line.strip()]
    errors = [line for line in output if line.startswith("Error: ")]
    return shorten((errors or output or ["no output"])[-1].removeprefix("Error: "), 500)


def write_result(folder: Path, exit_code: int, **facts: Unpack[Facts]) -> None:
    """Write what came of a point; why it failed is read off its output where it is not given.

    Raises:
        RunError: it cannot be written.
    """
    result: Result = {"exit": exit_code, "error": last_error(folder) if exit_code else None, **facts}
    atomic_write(folder / RESULT, json.dumps(result, indent=2).encode() + b"\n")


def ended(point: Point, code: int) -> None:
    """Write down how a process ended that could not say so itself: killed, or out of memory.

    Raises:
        RunError: it cannot be written.
    """
    if point.result is None and code not in STOPPED:
        reason = f"killed by signal {-code}" + " (out of memory?)" * (code == -9) if code < 0 else f"exit code {code}"
        write_result(point.folder, code or 1, error=f"{reason}; last words: {last_error(point.folder)}")
