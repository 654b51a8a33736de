"""Find what is installed for unlearnzoo without importing any of it.

Each distribution is read on its own, because one damaged ``entry_points.txt`` must not hide the
others, and two distributions may use the same entry-point name.
"""

import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ..errors import PluginError, first_line, with_class

#: Hooks (`hookspecs.py`), model cards, and click groups for the command line.
HOOKS, MODELS, COMMANDS = "unlearnzoo", "unlearnzoo.models", "unlearnzoo.commands"
#: How the module of a file given by ``--plugin`` is called, before its stem.
FILE_MODULE = "unlearnzoo_file_"
Status = Literal["loaded", "found", "broken", "off"]


@dataclass
class PluginInfo:
    """One row of ``unlearnzoo plugins``: an entry point, or a file given by ``--plugin``.

    Attributes:
        name: of the entry point; the stem of a file.
        group: ``HOOKS``, ``MODELS`` or ``COMMANDS``.
        distribution: normalised name; the stem of a file.
        where: folder or file it is imported from.
        summary: the distribution's one line about itself.
        provides: ``algorithm npo``, ...
        status: ``found`` is not imported yet (models and commands are imported on use).
        reason: why it is broken or off.
        seconds: what importing it took; 0 where it is not imported.
    """

    name: str
    group: str
    distribution: str
    version: str
    where: str
    summary: str = ""
    provides: list[str] = field(default_factory=list)
    status: Status = "found"
    reason: str = ""
    seconds: float = 0.0
    load: Callable[[], object] = field(default=lambda: None, repr=False, compare=False)

    @property
    def label(self) -> str:
        """Distribution and version, for messages."""
        return f"{self.distribution} {self.version}".strip()


def find() -> list[PluginInfo]:
    """Return all entry points of this environment, sorted; unfit ones say why."""
    by_name: dict[str, list[PluginInfo]] = {}
    for distribution in metadata.distributions():
        name, rows = _read(distribution)
        # As for imports, what comes first on the path hides what comes later.
        if rows:
            by_name.setdefault(name, rows)
    entries = [row for name in sorted(by_name) for row in by_name[name]]
    _switch_off(entries)
    return entries


def limit() -> set[str] | None:
    """Return what ``UNLEARNZOO_PLUGINS`` allows, or None where it is not set."""
    text = os.environ.get("UNLEARNZOO_PLUGINS")
    return None if text is None else {name.strip() for name in text.split(",") if name.strip()}


def allows(names: set[str] | None, row: PluginInfo) -> bool:
    """Return whether a limit lets this entry point load, by its own or its distribution's name."""
    return names is None or row.name in names or row.distribution in {canonicalize_name(name) for name in names}


def _switch_off(rows: list[PluginInfo]) -> None:
    names = limit()
    for row in rows:
        if not allows(names, row):
            row.status, row.reason = "off", "UNLEARNZOO_PLUGINS does not name it"


def _read(distribution: metadata.Distribution) -> tuple[str, list[PluginInfo]]:
    """Return a distribution's name and entry points, or one row that says what is wrong with it."""
    name = Path(getattr(distribution, "_path", "unnamed")).stem
    try:
        if f"[{HOOKS}" not in (distribution.read_text("entry_points.txt") or ""):
            return name, []
        name = canonicalize_name(distribution.metadata["Name"])
        return name, _entries(distribution, name)
    except Exception as error:  # noqa: BLE001 - whatever the metadata hold, the others go on
        return name, [
            PluginInfo(
                name=name,
                group=HOOKS,
                distribution=name,
                version="",
                where="",
                status="broken",
                reason=f"its metadata cannot be read ({reason(error)})",
            )
        ]


def _entries(distribution: metadata.Distribution, name: str) -> list[PluginInfo]:
    points = sorted(
        (p.group, p.name, p.value, p) for p in distribution.entry_points if p.group in (HOOKS, MODELS, COMMANDS)
    )
    unfit = _unfit(distribution)
    where, summary = _where(distribution), distribution.metadata["Summary"] or ""
    return [
        PluginInfo(
            name=point_name,
            group=group,
            distribution=name,
            version=distribution.version,
            where=where,
            summary=summary,
            status="broken" if unfit else "found",
            reason=unfit,
            load=point.load,
        )
        for group, point_name, _, point in points
    ]


def _unfit(distribution: metadata.Distribution) -> str:
    """Say why this distribution is not made for this unlearnzoo; empty if it is."""
    from .. import __version__

    for text in distribution.requires or ():
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            if text.lower().startswith("unlearnzoo"):
                raise
            continue  # of another package: whoever installs it will be told
        if canonicalize_name(wanted.name) == "unlearnzoo":
            applies = wanted.marker is None or wanted.marker.evaluate({"extra": ""})
            if applies and not wanted.specifier.contains(__version__, prereleases=True):
                return f"it is made for unlearnzoo {wanted.specifier}, this is {__version__}"
    return ""


def _where(distribution: metadata.Distribution) -> str:
    """Return the source folder of an editable install, else the folder it is installed in."""
    import json
    from urllib.parse import unquote, urlsplit

    try:
        url = json.loads(distribution.read_text("direct_url.json") or "{}")
        if url.get("dir_info", {}).get("editable"):
            return unquote(urlsplit(url["url"]).path)
    except (ValueError, KeyError, AttributeError):
        pass
    return str(distribution.locate_file(""))


def reason(error: BaseException) -> str:
    """Return an error as one line; the zoo's own errors speak for themselves."""
    return first_line(error) if isinstance(error, PluginError) else with_class(error)


def origin(row: PluginInfo) -> dict[str, str]:
    """Return distribution, version and place of a plugin, for a record."""
    return {"distribution": row.distribution, "version": row.version, "where": row.where}


def advice(row: PluginInfo) -> str:
    """Say what to do about a broken or switched-off plugin."""
    if row.status == "off":
        return f"add {row.name} to UNLEARNZOO_PLUGINS"
    if "Error: No module named" in row.reason:
        return f"install what it lacks or reinstall it: pip install --force-reinstall {row.distribution}"
    if row.reason.startswith("it is made for unlearnzoo"):
        return f"install one that fits: pip install --upgrade {row.distribution} unlearnzoo"
    return f"fix it, or update or remove it: pip uninstall {row.distribution}"


def run_file(path: Path) -> ModuleType:
    """Import a file under a name of its own; kept in ``sys.modules``, where dataclasses look."""
    name = f"{FILE_MODULE}{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
