"""Whose code an error comes from: a plugin's, the core's, or the core's as a plugin called it."""

import traceback
from dataclasses import dataclass
from importlib import metadata

from packaging.utils import canonicalize_name

from .entry_points import COMMANDS, FILE_MODULE, HOOKS, MODELS

_CORE = __name__.partition(".")[0]
#: Told as before: memory that runs out inside a plugin is most often nobody's mistake.
_NOBODYS = ("MemoryError", "OutOfMemoryError")


@dataclass(frozen=True)
class Blame:
    """The plugin that an error passed through.

    Attributes:
        plugin: distribution and version; of a file its name.
        place: file, line, function and what stands there.
        own: whether the plugin's code failed; if not, the core did, called from there.
    """

    plugin: str
    place: str
    own: bool


def blame(error: BaseException) -> Blame | None:
    """Return the last plugin that an error passed through; None where there is none.

    Libraries, and other modules of nobody's, count as whoever called them.
    """
    if type(error).__name__ in _NOBODYS:
        return None
    owners = _owners()
    frames = list(traceback.walk_tb(error.__traceback__))
    own = True
    for (frame, _), summary in zip(reversed(frames), reversed(traceback.extract_tb(error.__traceback__)), strict=True):
        top = frame.f_globals.get("__name__", "").partition(".")[0]
        if owner := owners.get(top) or _file(top, summary.filename):
            text = f": {summary.line}" if summary.line else ""
            return Blame(owner, f"{summary.filename}, line {summary.lineno}, in {summary.name}{text}", own)
        own = own and top != _CORE
    return None


def _owners() -> dict[str, str]:
    """Return top-level module → distribution and version, of all that are installed as plugins."""
    found = {}
    for group in (HOOKS, MODELS, COMMANDS):
        for point in metadata.entry_points(group=group):
            top = point.module.partition(".")[0]
            if point.dist and top != _CORE:
                found[top] = f"{canonicalize_name(point.dist.name)} {point.dist.version}"
    return found


def _file(module: str, path: str) -> str | None:
    """Return what a file given by ``--plugin`` is called; None for any other module."""
    return path.replace("\\", "/").rpartition("/")[2] if module.startswith(FILE_MODULE) else None
