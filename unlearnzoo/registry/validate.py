"""Check what a plugin provides before anybody uses it, so that mistakes show at once and alone."""

import dataclasses
import inspect
import re
from collections.abc import Iterable
from typing import Any

import pluggy

from .. import hookspecs
from ..benchmark import Benchmark
from ..errors import PluginError
from ..metric import METRIC_INPUTS, Metric
from ..options import Configurable, nearest
from ..unlearner import INPUTS, Unlearner, has_loss, offered

KINDS: dict[str, type[Configurable]] = {"algorithm": Unlearner, "benchmark": Benchmark, "metric": Metric}
HOOK_OF = {"algorithm": "unlearnzoo_unlearners", "benchmark": "unlearnzoo_benchmarks", "metric": "unlearnzoo_metrics"}


def provided(plugin: Any) -> list[tuple[str, type[Configurable]]]:
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
    found = []
    for kind, hook in HOOK_OF.items():
        caller = getattr(manager.hook, hook)
        if caller.get_hookimpls():
            results = caller()
            if not results:
                raise PluginError(f"{hook} returned None; return a list of classes")
            found += [(kind, cls) for result in results for cls in _listed(hook, result)]
    for kind, cls in found:
        vet(kind, cls)
    return found


def _check_hook_names(manager: pluggy.PluginManager, plugin: Any) -> None:
    """Refuse hooks that nobody would ever call: misspelt, without the marker, or none at all."""
    marked = [n for n in dir(plugin) if manager.parse_hookimpl_opts(plugin, n) is not None]
    for name in marked:
        opts = manager.parse_hookimpl_opts(plugin, name)
        called = (opts and opts["specname"]) or name
        if called not in HOOK_OF.values():
            raise PluginError(f"unknown hook {called!r}{nearest(called, HOOK_OF.values())}")
    bare = [n for n in dir(plugin) if n in HOOK_OF.values() and n not in marked]
    if bare:
        raise PluginError(f"{bare[0]} is not marked; write @hookimpl above it")
    if not marked:
        raise PluginError(f"it implements no hook; define one of {', '.join(sorted(HOOK_OF.values()))} under @hookimpl")


def _listed(hook: str, result: Any) -> list[Any]:
    if isinstance(result, str) or not isinstance(result, Iterable):
        raise PluginError(f"{hook} returned {_short(result)}; return a list of classes")
    return list(result)


def vet(kind: str, cls: Any) -> None:
    """Check one class against its contract.

    Raises:
        PluginError: what is wrong and what would be right.
    """
    base = KINDS[kind]
    if not (inspect.isclass(cls) and issubclass(cls, base)):
        raise PluginError(f"{HOOK_OF[kind]} returned {_short(cls)}, which is no subclass of {base.__name__}")
    name = getattr(cls, "name", None)
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9_-]+", name):
        raise PluginError(f"{cls.__name__}.name is {name!r}; use lower-case letters, digits, - and _")
    if missing := sorted(getattr(cls, "__abstractmethods__", ())):
        raise PluginError(f"{cls.__name__} lacks {', '.join(missing)}")
    if issubclass(cls, Unlearner):
        _check_algorithm(cls)
    elif issubclass(cls, Metric):
        _check_inputs(cls.__name__, "score", cls.score, METRIC_INPUTS)
    elif issubclass(cls, Benchmark):
        _check_columns(cls)
    _check_defaults(cls)


def _check_inputs(owner: str, method: str, function: Any, offered: dict[str, str]) -> None:
    """Check that every argument is one that can be handed over by name."""
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "self":
            continue
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise PluginError(f"{owner}.{method} takes {parameter}; name its inputs: {', '.join(offered)}")
        if name not in offered or parameter.kind is parameter.POSITIONAL_ONLY:
            raise PluginError(f"{owner}.{method} asks for {name!r}; there is {', '.join(offered)}")


def _check_algorithm(cls: type[Unlearner]) -> None:
    if not has_loss(cls) and cls.unlearn is Unlearner.unlearn:
        raise PluginError(f"{cls.__name__} lacks loss (or unlearn, where there is more to it than a loss)")
    for name, pool in cls.inputs.items():
        if name in INPUTS or name.endswith("_ref") or pool not in ("forget", "retain"):
            raise PluginError(
                f"{cls.__name__}.inputs has {name!r}: {pool!r}; write a name of its own, not on _ref, "
                'and "forget" or "retain"'
            )
        if not inspect.isfunction(getattr(cls, name, None)):
            raise PluginError(f"{cls.__name__} lacks the method {name}(self, example) of its input {name!r}")
    if has_loss(cls):
        _check_inputs(cls.__name__, "loss", cls.loss, offered(cls))
    for name, what in cls.reference.items():
        if name not in offered(cls) or not name.endswith("_ref") or what != "logits":
            raise PluginError(
                f"{cls.__name__}.reference has {name!r}: {what!r}; "
                'write {"retain_ref": "logits"} for an input that ends in _ref'
            )


def _check_columns(cls: type[Benchmark]) -> None:
    columns = [e.name for e in (*cls.evals, *cls.baselines)]
    for column in columns:
        if columns.count(column) > 1:
            raise PluginError(f"{cls.__name__} has two columns {column!r}")
    for one in (*cls.evals, *cls.baselines):
        if one.metric.count("/") != 1:
            raise PluginError(
                f"{cls.__name__}: column {one.name!r} names the metric {one.metric!r}; write distribution/name"
            )
    if lost := sorted(set(cls.curve) - {e.name for e in cls.evals}):
        raise PluginError(f"{cls.__name__}.curve names the column {lost[0]!r}, which evals lacks")


def _check_defaults(cls: type[Configurable]) -> None:
    """Check that the class can be built as it is and asks only for what exists."""
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise PluginError(
                f"{cls.__name__} has no default for {field.name!r}; write {field.name}: ... = option(default, help)"
            )
    try:
        built = cls.configure({})
    except Exception as error:  # noqa: BLE001 - the plugin's own code
        raise PluginError(f"{cls.__name__} cannot be built with its defaults: {error}") from None
    if isinstance(built, Unlearner) and (odd := sorted(built.needs - set(offered(type(built))))):
        raise PluginError(f"{cls.__name__}.needs names {odd[0]!r}; there is {', '.join(offered(type(built)))}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
