"""What libraries say while they work, and nobody at the command line can act on: shown with ``--debug`` alone.

Warnings and log lines of the core, of plugins and of a user's own files are shown; so are errors that a library logs.
"""

import contextlib
import logging
import os
import sysconfig
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TextIO

import click

from ..errors import ZooWarning
from ..launch import worker
from ..registry import entry_points
from ..terminal import printable

#: What is printed without Python's warnings and logs: torch's C++ code, and the tokenizers' word on forks.
_SURROUNDINGS = {"TORCH_CPP_LOG_LEVEL": "ERROR", "TOKENIZERS_PARALLELISM": "false"}
_CORE = Path(__file__).parents[1]


class _Logger(logging.Logger):
    """Drops what a library logs below an error."""

    def handle(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or not _of_library(record.pathname):
            super().handle(record)


@contextlib.contextmanager
def hushed(debug: bool) -> Iterator[None]:
    """Show the zoo's own warnings as one line each, and of libraries' warnings and logs nothing unless ``debug``.

    Libraries are imported inside, by the command: loggers that are there already are left alone.
    """
    before, kind = dict(os.environ), logging.getLoggerClass()
    with warnings.catch_warnings():
        warnings.simplefilter("always", ZooWarning)
        _show_own(debug)
        if not debug:
            logging.setLoggerClass(_Logger)
            for name, value in _SURROUNDINGS.items():
                os.environ.setdefault(name, value)
        try:
            yield
        finally:
            logging.setLoggerClass(kind)
            for name in _SURROUNDINGS.keys() - before.keys():
                os.environ.pop(name, None)


def _show_own(debug: bool) -> None:
    """Replace what shows a warning, until ``catch_warnings`` puts it back."""
    others = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, ZooWarning):
            if worker.rank() == 0:
                click.echo(printable(f"Warning: {message}"), err=True)
        elif debug or not _of_use_to_nobody(category, filename):
            others(message, category, filename, lineno, file, line)

    warnings.showwarning = show


def _of_use_to_nobody(category: type[Warning], filename: str) -> bool:
    # The core's own are ZooWarnings: what else names one of its files is a library's, said of its caller.
    told_to_authors = issubclass(category, FutureWarning | DeprecationWarning | PendingDeprecationWarning)
    return told_to_authors or Path(filename).is_relative_to(_CORE) or _of_library(filename)


@cache
def _of_library(filename: str) -> bool:
    """Return whether a file is installed and no part of the core or of a plugin."""
    path, places = Path(filename), sysconfig.get_paths()
    if not path.is_absolute():
        return True  # <string>, <frozen importlib>, sys
    for place in (places["purelib"], places["platlib"]):
        if path.is_relative_to(place):
            return Path(path.relative_to(place).parts[0]).stem not in _plugins()
    elsewhere = path.is_relative_to(places["stdlib"]) or {"site-packages", "dist-packages"} & set(path.parts)
    return bool(elsewhere) and not path.is_relative_to(_CORE)


@cache
def _plugins() -> frozenset[str]:
    """Return the top modules of the core and of whatever has entry points of it."""
    from importlib import metadata

    found = {"unlearnzoo"}
    with contextlib.suppress(Exception):  # of a damaged distribution the registry says what is wrong
        for group in (entry_points.HOOKS, entry_points.MODELS, entry_points.COMMANDS):
            found |= {point.module.partition(".")[0] for point in metadata.entry_points(group=group)}
    return frozenset(found)
