"""Check what a plugin provides before anybody uses it, so that mistakes show at once and alone."""

import dataclasses
import inspect
import re
from collections.abc import Iterable

import pluggy

from .. import hookspecs
from ..errors import PluginError
from ..options import Configurable, nearest
from ..terminal import shorten
from .kinds import CLASS_KINDS, HOOKS


def provided(plugin: object) -> list[tuple[str, type[Configurable]]]:
    """Call the hooks of one plugin and return (kind, class), all checked.

    Each plugin has a manager of its own: what is wrong with one cannot reach another.

    Raises:
        PluginError: a hook or a class is not as the contract wants it.
        Exception: whatever the plugin's own code raises.
    """
    manager = pluggy.PluginManager("unlearnzoo")
    manager.add_hookspecs(hookspecs)
    _check_hook_names(manager, plugin)
    manager.register(plugin)
    manager.check_pending()
    classes = []
    for kind in CLASS_KINDS.values():
        caller = getattr(manager.hook, kind.hook)
        if caller.get_hookimpls():
            results = caller()
            if not results:
                raise PluginError(f"{kind.hook} returned None; return a list of classes")
            classes += [(kind.name, cls) for result in results for cls in _listed(kind.hook, result)]
    return [(kind, vet(kind, cls)) for kind, cls in classes]


def _check_hook_names(manager: pluggy.PluginManager, plugin: object) -> None:
    """Refuse hooks that nobody would ever call: misspelt, without the marker, or none at all."""
    options = {name: manager.parse_hookimpl_opts(plugin, name) for name in dir(plugin)}
    marked = {name: opts for name, opts in options.items() if opts is not None}
    for name, opts in marked.items():
        called = opts["specname"] or name
        if called not in HOOKS:
            raise PluginError(f"unknown hook {called!r}{nearest(called, HOOKS)}")
    unmarked = [name for name in options if name in HOOKS and name not in marked]
    if unmarked:
        raise PluginError(f"{unmarked[0]} is not marked; write @hookimpl above it")
    if not marked:
        raise PluginError(f"it implements no hook; define one of {', '.join(sorted(HOOKS))} under @hookimpl")


def _listed(hook: str, result: object) -> list[object]:
    if isinstance(result, str) or not isinstance(result, Iterable):
        raise PluginError(f"{hook} returned {shorten(repr(result))}; return a list of classes")
    return list(result)


def vet(kind: str, cls: object) -> type[Configurable]:
    """Return a class that is as the contract of its kind wants it.

    Args:
        kind: a key of ``kinds.CLASS_KINDS``.
        cls: what a hook returned.

    Raises:
        PluginError: what is wrong and what would be right.
    """
    row = CLASS_KINDS[kind]
    if not (inspect.isclass(cls) and issubclass(cls, row.base)):
        raise PluginError(f"{row.hook} returned {shorten(repr(cls))}, which is no subclass of {row.base.__name__}")
    name = getattr(cls, "name", None)
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9_-]+", name):
        raise PluginError(f"{cls.__name__}.name is {name!r}; use lower-case letters, digits, - and _")
    if missing := sorted(getattr(cls, "__abstractmethods__", ())):
        raise PluginError(f"{cls.__name__} lacks {', '.join(missing)}")
    _check_defaults(cls)
    row.validate(cls)
    return cls


def _check_defaults(cls: type[Configurable]) -> None:
    """Check that the class can be built as it is."""
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # every subclass is made a dataclass
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise PluginError(
                f"{cls.__name__} has no default for {field.name!r}; write {field.name}: ... = option(default, help)"
            )
    try:
        cls.configure({})
    except Exception as error:  # noqa: BLE001 - the plugin's own code
        raise PluginError(f"{cls.__name__} cannot be built with its defaults: {error}") from None
