"""What a sweep's points are as command lines: of its file, and of what is typed with it."""

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import OptionError
from ..options import nearest
from ..terminal import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..registry.zoo import Zoo
    from ..sweeps.spec import Spec
    from ..sweeps.state import Point, Value

#: Of the core's commands, those that a point may be.
MAKE_RECORDS = ("evaluate", "learn", "run")
#: Parameters of submitit, with or without the name of an engine before, that put commands into a job's script.
_COMMANDS = ("additional_parameters", "python", "setup", "srun_args", "teardown")


def with_typed(
    spec: "Spec", file: Path, plugins: Sequence[Path], trust: bool | None, sets: Mapping[str, object]
) -> "Spec":
    """Return a sweep whose points have what was typed, and no code or judge that only its file names.

    Args:
        spec: what the file says.
        file: for messages.
        plugins: files given by ``--plugin``.
        trust: ``--trust-remote-code``.
        sets: ``--set``, option → value.

    Raises:
        OptionError: the file names what must be typed, or an option is in both.
    """
    from ..planning.settings import refuse_code
    from ..registry.zoo import Zoo

    for name in sets:
        if "." not in name:
            raise OptionError(f"--set {name}: write OWNER.NAME, such as npo.{name}")
        if any(name in grid for grid in spec.grids):
            raise OptionError(f"--set {name}: {file} has it as an axis; take it out of one of the two")
    typed: dict[str, Value] = {"plugin": [str(path) for path in plugins]} if plugins else {}
    typed |= {"trust-remote-code": True} if trust else {}
    refuse_code(f"{file}: fixed", spec.fixed, typed, f"unlearnzoo sweep {shlex.quote(str(file))}")
    _refuse_named(spec, file, sets, Zoo.installed(plugins))
    fixed = {**spec.fixed, **typed, **{name: str(value) for name, value in sets.items()}}
    return dataclasses.replace(spec, fixed=fixed)


def _refuse_named(spec: "Spec", file: Path, sets: Mapping[str, object], zoo: "Zoo") -> None:
    """Refuse what would send answers, join other machines or run commands because only the file says so.

    Raises:
        OptionError: naming it.
    """
    from ..launch import configs
    from ..planning.request import listed
    from ..planning.settings import parse_assignments
    from ..runs.distrust import refuse_judges, refuse_machines, refuse_sent

    _refuse_commands(file, spec.cluster)
    axes = ({name: value} for grid in spec.grids for name, values in grid.items() for value in values)
    metrics = [name for text in _given(spec.command, "--metric") for name in listed(text)]
    for named in (_set_in(file, spec.command), spec.fixed, *axes):
        if "set" in named:
            raise OptionError(f"{file}: set: write each option on a line of its own, such as npo.beta: 0.05")
        # As a point reads them: with what stands before the first `=` as the name.
        texts = [f"{name}={value}" for name, value in named.items() if value is not None]
        refuse_sent(file, parse_assignments(texts), sets, zoo)
        metrics += listed(named.get("metric"))
        for launch in filter(None, [named.get("launch"), *_given(spec.command, "--launch")]):
            if launch not in configs.NAMES:
                refuse_machines(str(launch), configs.read(str(launch)))
    refuse_judges(file, metrics, sets, zoo)


def _given(words: Sequence[str], flag: str) -> list[str]:
    """Return what the words of a command give to a flag."""
    return [
        word.removeprefix(f"{flag}=") if word.startswith(f"{flag}=") else after
        for word, after in zip(words, (*words[1:], ""), strict=True)
        if word == flag or word.startswith(f"{flag}=")
    ]


def _set_in(file: Path, words: Sequence[str]) -> dict[str, object]:
    """Return what the words of a command give to options by ``--set``.

    Raises:
        OptionError: it is no assignment.
    """
    from ..planning.settings import parse_assignments

    try:
        return parse_assignments(_given(words, "--set"))
    except OptionError as error:
        raise OptionError(f"{file}: command: {error}") from None


def _refuse_commands(file: Path, cluster: Mapping[str, object]) -> None:
    """Refuse what would stand as a command in the script of a job: a line of its own is one, too.

    Raises:
        OptionError: naming the parameter.
    """
    for name, value in cluster.items():
        if any(f"_{name}".endswith(f"_{known}") for known in _COMMANDS):
            raise OptionError(
                printable(
                    f"{file}: cluster: {name}: no file starts code; do it in your shell before `unlearnzoo sweep`, "
                    "whose environment the jobs have"
                )
            )
        if not isinstance(value, str | int | float | None) or printable(str(value)) != str(value):
            raise OptionError(printable(f"{file}: cluster: {name}: expected a number or a word, got {value!r}"))


def points(spec: "Spec", home: Path) -> "list[Point]":
    """Return the points; each command line is parsed now, so that a wrong flag is told before anything runs."""
    from ..sweeps.state import Point, key

    parser, flags = command(spec.command)
    found: list[Point] = []
    for values in spec.values():
        argv = (*spec.command, *_arguments({**spec.fixed, **values}, flags, shlex.join(spec.command)))
        try:
            parser.make_context(spec.command[-1], list(argv[1:]))
        except click.ClickException as error:
            raise OptionError(f"unlearnzoo {shlex.join(argv)}: {error.format_message()}") from None
        point = Point(values, argv, home / "points" / key(argv))
        if point.folder not in {other.folder for other in found}:
            found.append(point)
    return found


def command(words: Sequence[str]) -> tuple[click.Command, Mapping[str, click.Option]]:
    """Look a command up; return it and its options by name without dashes."""
    from .app import COMMANDS, app

    context = click.Context(app)
    if words and words[0] in COMMANDS and words[0] not in MAKE_RECORDS:
        raise OptionError(
            f"command: no sweep runs `unlearnzoo {words[0]}`, which makes no records; "
            f"write {', '.join(MAKE_RECORDS)} or a plugin's command, and type it yourself"
        )
    found = app.get_command(context, words[0]) if words else None
    if found is None:
        name = words[0] if words else ""
        raise OptionError(f"command: there is no {name!r}{nearest(name, app.list_commands(context))}")
    flags = {
        text.removeprefix("--"): p
        for p in found.params
        if isinstance(p, click.Option)
        for text in p.opts
        if text.startswith("--")
    }
    if "runs-dir" not in flags:
        raise OptionError(f"command: {words[0]} has no --runs-dir, so its points would write into one another")
    return found, flags


def _arguments(options: "Mapping[str, Value]", flags: Mapping[str, click.Option], words: str) -> "Iterator[str]":
    """Yield options as words, sorted: the order in a file is no part of what a point is."""
    from ..sweeps.state import shown

    for name, value in sorted(options.items()):
        if name in flags and flags[name].is_flag:
            if not isinstance(value, bool):
                raise OptionError(f"{name}: expected true or false, got {value!r}")
            yield from [f"--{name}"] * value
        elif name in flags and value is not None:
            each = value if flags[name].multiple and isinstance(value, list) else [value]
            yield from (f"--{name}={shown(one)}" for one in each)
        elif name not in flags and "set" in flags and value is not None:
            yield f"--set={name}={shown(value)}"
        elif name not in flags and "set" not in flags:
            raise OptionError(f"`unlearnzoo {words}` has no option --{name}{nearest(name, flags)}")
