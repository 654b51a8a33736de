"""Write down the public API: ``python -m tests.public_api``.

``public_api.txt`` opens with two hashes: of the changelog's section of this version as it was when the file was
written, and of the file's own lines with it. So a change of the API is written down by this program alone, and it
refuses while the changelog says nothing new. Whether the new line speaks of the change, only a reader can tell.
"""

import dataclasses
import hashlib
import inspect
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click

import unlearnzoo
from unlearnzoo.cli.app import COMMANDS, app
from unlearnzoo.metric import METRIC_INPUTS
from unlearnzoo.records.run_file import SCHEMA
from unlearnzoo.registry import entry_points
from unlearnzoo.registry.kinds import HOOKS
from unlearnzoo.unlearner import INPUTS

ROOT = Path(__file__).parents[1]
FILE, CHANGELOG = ROOT / "tests/public_api.txt", ROOT / "CHANGELOG.md"


def lines() -> list[str]:
    """Return the public API, one line per name."""
    found = [f"record: schema {SCHEMA}"]
    found += [f"entry points: {group}" for group in (entry_points.HOOKS, entry_points.MODELS, entry_points.COMMANDS)]
    found += [f"hook: {name}" for name in HOOKS]
    found += [f"loss input: {name}" for name in INPUTS] + [f"metric input: {name}" for name in METRIC_INPUTS]
    for name in ("", *COMMANDS):
        command = app.get_command(click.Context(app), name) if name else app
        assert command is not None
        found += [f"command: {' '.join(['unlearnzoo', name, _flag(p)]).replace('  ', ' ')}" for p in command.params]
    for module in ("unlearnzoo", "unlearnzoo.testing"):
        for name in import_module(module).__all__:
            found += _of(f"{module}.{name}", getattr(import_module(module), name))
    return sorted(found)


def section() -> str:
    """Return what the changelog says of this version."""
    version = re.escape(unlearnzoo.__version__)
    match = re.search(rf"^## {version}\b.*?(?=^## |\Z)", CHANGELOG.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert match, f"CHANGELOG.md has no section {unlearnzoo.__version__}"
    return " ".join(match[0].split())


def written(api: list[str], changelog: str) -> str:
    """Return the text of the file."""
    return "\n".join([f"changelog {changelog} api {_hash([changelog, *api])}", *api, ""])


def read(text: str) -> tuple[str, list[str]]:
    """Return the changelog's hash and the API of a file.

    Raises:
        ValueError: it was changed by hand.
    """
    first, *api = text.splitlines()
    changelog = first.split()[1]
    if text != written(api, changelog):
        raise ValueError(
            "tests/public_api.txt was changed by hand; take the committed one and run python -m tests.public_api"
        )
    return changelog, api


def renew(old: str, api: list[str], changelog: str) -> str:
    """Return the file's new text.

    Raises:
        ValueError: the API changed, and the changelog did not since the file was written.
    """
    before, known = read(old)
    if api == known:
        return old
    if before == changelog:
        raise ValueError("the public API changed: add a line to this version's section of CHANGELOG.md, then run again")
    return written(api, changelog)


def now() -> str:
    """Return the hash of the changelog's section as it is."""
    return _hash([section()])


def _hash(texts: list[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def _flag(parameter: click.Parameter) -> str:
    """Return a parameter as a user types it."""
    if isinstance(parameter, click.Argument):
        return parameter.make_metavar(click.Context(app))
    if isinstance(parameter.type, click.Choice):
        return f"{parameter.opts[0]} {'|'.join(map(str, parameter.type.choices))}"
    value = "" if getattr(parameter, "is_flag", False) else f" {parameter.type.name.upper()}"
    names = "/".join([*parameter.opts, *parameter.secondary_opts])
    return f"{names}{value}{' (repeatable)' if parameter.multiple else ''}"


def _of(name: str, thing: object) -> Iterator[str]:
    """Yield a public name, and for a class its own and inherited public attributes."""
    yield name + _signature(thing)
    if not inspect.isclass(thing):
        return
    fields = {f.name for f in dataclasses.fields(thing)} if dataclasses.is_dataclass(thing) else set()
    for base in thing.__mro__:
        if base.__module__.startswith("unlearnzoo"):
            fields |= set(vars(base)) | set(inspect.get_annotations(base))
    for attribute in sorted(f for f in fields if not f.startswith("_")):
        value = inspect.getattr_static(thing, attribute, None)
        value = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        yield f"{name}.{attribute}{_signature(value) if inspect.isfunction(value) else ''}"


def _signature(thing: object) -> str:
    """Return names, kinds and defaults; annotations are spelt otherwise in each version of Python."""
    if not inspect.isclass(thing) and not inspect.isfunction(thing):
        return ""
    if inspect.isclass(thing) and issubclass(thing, BaseException):
        return " (error)"
    found = inspect.signature(thing)
    bare = [p.replace(annotation=p.empty) for p in found.parameters.values()]
    return str(found.replace(parameters=bare, return_annotation=found.empty))


if __name__ == "__main__":
    try:
        old = FILE.read_text("utf-8") if FILE.exists() else written([], "none")
        FILE.write_text(renew(old, lines(), now()), "utf-8")
    except ValueError as error:
        sys.exit(str(error))
