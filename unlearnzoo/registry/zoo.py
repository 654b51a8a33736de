"""The zoo: every algorithm, benchmark, metric and model that plugins provide, by name.

A broken plugin is one warning and one row; it is an error only for who asks for it by name.
"""

import contextlib
import re
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, overload

from packaging.utils import canonicalize_name

from ..benchmark import Benchmark
from ..errors import PluginError, PluginWarning, UnknownName
from ..metric import Metric
from ..model import ModelCard
from ..options import Configurable
from ..unlearner import Unlearner
from . import entry_points
from .entry_points import HOOKS, MODELS, PluginInfo
from .kinds import CLASS_KINDS, KINDS, MODEL
from .names import Table
from .validate import provided


class Zoo:
    """What a set of plugins provides.

    Attributes:
        plugins: one row each, also of the broken and the switched-off ones.
    """

    def __init__(self) -> None:
        self.plugins: list[PluginInfo] = []
        self._classes: dict[str, Table[type[Configurable]]] = {kind: Table(kind) for kind in CLASS_KINDS}
        self._models: Table[PluginInfo] = Table(MODEL.name)
        self._owners: dict[type[Configurable], PluginInfo] = {}

    @classmethod
    def installed(cls, files: Sequence[str | Path] = ()) -> "Zoo":
        """Load the plugins of this environment, and some files.

        ``UNLEARNZOO_PLUGINS=npo,unlearnzoo-remem`` limits what loads of the environment (empty:
        nothing). A plugin that fails becomes a ``PluginWarning``.

        Args:
            files: modules with hooks that need no packaging.

        Raises:
            PluginError: a file cannot be used; it was asked for by name.
        """
        zoo = cls()
        rows = entry_points.find()
        for name in sorted(entry_points.limit() or ()):
            if not any(entry_points.allows({name}, row) for row in rows):
                warnings.warn(f"UNLEARNZOO_PLUGINS names {name!r}, which is not installed", PluginWarning, stacklevel=2)
        for row in rows:
            zoo._load(row)
        for file in files:
            zoo.add_file(Path(file))
        return zoo

    def add(self, row: PluginInfo, plugin: object) -> None:
        """Take in a plugin object: all that it provides, or nothing.

        Raises:
            PluginError: what is wrong with it.
        """
        things = [(kind, f"{row.distribution}/{cls.name}", cls) for kind, cls in provided(plugin)]
        for i, (kind, full, cls) in enumerate(things):
            if full in self._classes[kind] or full in [f for k, f, _ in things[:i] if k == kind]:
                raise PluginError(f"{row.distribution} provides two {kind}s {cls.name!r}")
            if cls in self._owners:
                raise PluginError(f"{cls.__name__} is already provided by {self._owners[cls].distribution}")
        for kind, full, cls in things:
            self._classes[kind][full] = cls
            self._owners[cls] = row
        row.provides = sorted(f"{kind} {cls.name}" for kind, _, cls in things)
        row.status = "loaded"

    def add_file(self, path: Path) -> None:
        """Take in a module file; its stem stands for the distribution.

        Raises:
            PluginError: it is missing, fails, has no hooks, or its stem is taken.
        """
        stem = path.stem
        if path.suffix != ".py" or not path.is_file():
            raise PluginError(f"--plugin {path}: give an existing .py file")
        if not re.fullmatch(r"[A-Za-z0-9._-]+", stem):
            raise PluginError(f"--plugin {path}: use letters, digits, - and _ in the file's name")
        if any(row.distribution == stem for row in self.plugins):
            raise PluginError(f"--plugin {path}: a plugin {stem!r} is already there; rename the file")
        row = PluginInfo(
            name=stem,
            group=HOOKS,
            distribution=stem,
            version="",
            where=str(path.resolve()),
            load=lambda: entry_points.run_file(path),
        )
        try:
            self.add(row, self._import(row))
        except (Exception, SystemExit) as error:
            raise PluginError(f"--plugin {path}: {entry_points.reason(error)}") from error
        self.plugins.append(row)

    @overload
    def get(self, kind: Literal["algorithm"], name: str) -> type[Unlearner]: ...
    @overload
    def get(self, kind: Literal["benchmark"], name: str) -> type[Benchmark]: ...
    @overload
    def get(self, kind: Literal["metric"], name: str) -> type[Metric]: ...
    @overload
    def get(self, kind: str, name: str) -> type[Configurable]: ...
    def get(self, kind: str, name: str) -> type[Configurable]:
        """Look up a class by bare name, or by ``distribution/name``.

        Raises:
            UnknownName: nobody provides it, or several do.
            PluginError: the plugin that should is broken or switched off.
        """
        key = self._key(kind, name)
        if key is None:
            raise UnknownName(self._unknown(kind, name))
        return self._classes[kind][key]

    def model(self, name: str) -> ModelCard | None:
        """Look up a model's card; None where no plugin has that name.

        Raises:
            UnknownName: several plugins do.
            PluginError: the plugin that should have it is broken or switched off.
        """
        key = self._key("model", name)
        return None if key is None else self.card(self._models[key])

    def card(self, row: PluginInfo) -> ModelCard:
        """Import the card behind a row of the group ``unlearnzoo.models``.

        Raises:
            PluginError: it fails, or is no ``ModelCard``.
        """
        try:
            card = self._import(row)
            if not isinstance(card, ModelCard):
                raise PluginError(f"its entry point holds a {type(card).__name__}; expected a ModelCard")
        except (Exception, SystemExit) as error:
            row.status, row.reason = "broken", entry_points.reason(error)
            raise PluginError(f"model {row.name!r} of {row.label} is broken: {row.reason}") from error
        row.status = "loaded"
        return card

    def names(self, kind: str) -> list[str]:
        """Return the bare names of a kind, or ``distribution/name`` where several share one."""
        return self._table(kind).names()

    def has(self, kind: str, name: str) -> bool:
        """Return whether a kind has this name.

        Raises:
            UnknownName: several distributions provide it.
        """
        return self._table(kind).find(name) is not None

    def origin(self, cls: type[Configurable]) -> dict[str, str]:
        """Return distribution, version and place of a class, for a record."""
        return entry_points.origin(self._owners[cls])

    def owner(self, kind: str, name: str) -> PluginInfo:
        """Return the row of the plugin that provides a name.

        Raises:
            UnknownName: nobody provides it, or several do.
        """
        if kind in CLASS_KINDS:
            return self._owners[self.get(kind, name)]
        key = self._key(kind, name)
        if key is None:
            raise UnknownName(self._unknown(kind, name))
        return self._models[key]

    def refuse_unusable(self, name: str) -> None:
        """Say why a plugin that would have this name is not used; nothing where there is none.

        Raises:
            PluginError: it is broken or switched off.
        """
        owner, _, bare = name.rpartition("/")
        guesses = {canonicalize_name(owner)} if owner else {bare, f"unlearnzoo-{bare}"}
        for row in self.plugins:
            if row.status not in ("broken", "off"):
                continue
            if row.distribution in guesses or (not owner and row.name == bare):
                word = "broken" if row.status == "broken" else "switched off"
                raise PluginError(f"{name!r}: {row.label} is {word}: {row.reason}; {entry_points.advice(row)}")

    def _load(self, row: PluginInfo) -> None:
        """Take in an installed entry point; a failure is a warning."""
        self.plugins.append(row)
        if row.status == "found" and row.group == HOOKS:
            try:
                self.add(row, self._import(row))
            except (Exception, SystemExit) as error:  # noqa: BLE001 - the others go on
                row.status, row.reason = "broken", entry_points.reason(error)
        elif row.status == "found" and row.group == MODELS:
            self._models[f"{row.distribution}/{row.name}"] = row
            row.provides = [f"model {row.name}"]
        elif row.status == "found":
            row.provides = [f"command {row.name}"]
        if row.status == "broken":
            warnings.warn(
                f"plugin {row.name!r} of {row.label} is not used: {row.reason} (`unlearnzoo plugins` says more)",
                PluginWarning,
                stacklevel=3,
            )

    @staticmethod
    def _import(row: PluginInfo) -> object:
        # What a plugin prints on import must not end up in the output of --json.
        start = time.perf_counter()
        try:
            with contextlib.redirect_stdout(sys.stderr):
                return row.load()
        finally:
            row.seconds = time.perf_counter() - start

    def _table(self, kind: str) -> Table[type[Configurable]] | Table[PluginInfo]:
        return self._models if kind == MODEL.name else self._classes[kind]

    def _key(self, kind: str, name: str) -> str | None:
        """Return the full name that a typed name means; None if nothing has it."""
        key = self._table(kind).find(name)
        if key is None:
            self.refuse_unusable(name)
        return key

    def _unknown(self, kind: str, name: str) -> str:
        for other in KINDS:
            if other != kind and name in self.names(other):
                return f"no {kind} {name!r}; it is {_article(other)}"
        owner = name.partition("/")[0]
        if "/" in name and not any(row.distribution == canonicalize_name(owner) for row in self.plugins):
            return f"no {kind} {name!r}: {owner} is not installed; try: pip install {owner}"
        return f"no {kind} {name!r}{self._table(kind).hint(name)}"


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
