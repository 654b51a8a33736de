"""Paths as a record has them: absolute, so that a later command finds them from any folder.

Nothing that a run reads lies in its own folder, which is made for it; so there is no path to make relative to that.
"""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

#: Arguments that may be a folder.
_FOLDERS = ("model", "target")


def located(value: str) -> str:
    """Return a path that is there as absolute; a hub id, or the name of what is installed, as it is."""
    path = os.path.expanduser(value)
    return os.path.abspath(path) if value and os.path.exists(path) else value


def options(values: Mapping[str, object]) -> dict[str, object]:
    """Return option → value: located are those called ``data``, and what is spelled as a path and is one."""
    return {
        name: located(value)
        if isinstance(value, str) and (name.rpartition(".")[2] == "data" or "/" in value)
        else value
        for name, value in values.items()
    }


def arguments(typed: Mapping[str, object], installed: Collection[object]) -> dict[str, object]:
    """Return arguments of a command with its folders and files located.

    Args:
        typed: name → value, as of ``Request``.
        installed: names that are no folders here, though a folder may be called so.
    """
    found = dict(typed)
    for name in _FOLDERS:
        value = typed.get(name)
        if isinstance(value, str) and value not in installed:
            found[name] = located(value)
    return found | ({"plugins": files(typed["plugins"])} if "plugins" in typed else {})


def files(names: object) -> list[str]:
    """Return files with plugins, located: one, or several."""
    return [located(str(name)) for name in (names if isinstance(names, list | tuple) else [names])]


def expanded(value: object) -> object:
    """Return a value of a record with the user's home folder in the place of ``~``, in names and in values."""
    if isinstance(value, Mapping):
        return {os.path.expanduser(str(name)): expanded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [expanded(one) for one in value]
    if isinstance(value, str) and value.startswith("~/"):
        return str(Path(value).expanduser())
    return value
