"""``unlearnzoo check``: the conformance checks of everything that a distribution or a file provides."""

import contextlib
import difflib
import json
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from ..errors import PluginError, PluginWarning, UnknownName
from ..registry.entry_points import HOOKS, PluginInfo, advice, normalise
from ..registry.validate import KINDS
from ..registry.zoo import WORDS, Zoo
from .common import as_json_option


@click.command()
@click.argument("name", metavar="DIST|FILE")
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="NAME=VALUE",
    help="Check with another option: npo.retain_weight=1, folder.data=FILE. Repeatable.",
)
@as_json_option
def check(name: str, sets: tuple[str, ...], as_json: bool) -> int:
    """Check algorithms, benchmarks and metrics of a distribution, or of a Python file.

    Each check is a rule of the contract; docs/reference/checks.md lists them. Exit code 1 where one
    fails.
    """
    rows = []
    for row in run_checks(name, sets):
        rows.append(row)
        if not as_json:
            click.echo("\n".join(_lines(row)))
    failed = sum(not row["ok"] for row in rows)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        click.echo(f"{len(rows)} checks of {name}: " + (f"{failed} FAILED" if failed else "all ok"))
    return 1 if failed else 0


def run_checks(name: str, sets: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Run all checks of a distribution or file; yield a row each, as they finish.

    Args:
        name: of the distribution; what ends in ``.py`` is a file.
        sets: options, as ``npo.beta=0.05``.

    Raises:
        OptionError: nothing there has such an option, or not with that value.
        UnknownName: no such distribution is installed.
        PluginError: it is broken, or provides nothing that can be checked.
    """
    zoo, owner = _owner(name)
    provided = [
        (kind, cls)
        for kind in KINDS
        for known in zoo.names(kind)
        if zoo.owner(kind, known) in owner and (cls := zoo.get(kind, known))
    ]  # type: ignore[call-overload]
    if not provided:
        has = ", ".join(text for row in owner for text in row.provides) or "nothing"
        raise PluginError(f"{name} provides {has}; checks are for algorithms, benchmarks and metrics")
    from ..planning.settings import allot, parse_assignments

    values = allot(parse_assignments(sets), {cls.name: cls for _, cls in provided})
    things = [(kind, cls.configure(values[cls.name]) if values.get(cls.name) else cls) for kind, cls in provided]
    from ..testing.checks import checks_of

    for kind, thing in things:
        for one in checks_of(kind, thing, zoo):
            row = _result(WORDS[kind], thing.name, one)
            yield row
            if row["check"] == "prepares" and not row["ok"]:
                break  # the others could only say the same


def _owner(name: str) -> tuple[Zoo, list[PluginInfo]]:
    """Return a zoo that holds what is to be checked, and the rows of its entry points."""
    is_file = name.endswith(".py")
    with warnings.catch_warnings():
        # What is wrong with this one is an error below; others do not matter here.
        warnings.simplefilter("ignore", PluginWarning)
        zoo = Zoo.installed()
    if is_file:
        try:
            zoo.add_file(Path(name))
        except PluginError as error:
            raise PluginError(str(error).removeprefix("--plugin ")) from error
        return zoo, zoo.plugins[-1:]
    rows = [row for row in zoo.plugins if row.distribution == normalise(name)]
    if not rows:
        known = sorted({row.distribution for row in zoo.plugins})
        short = {one.removeprefix("unlearnzoo-"): one for one in known}
        close = difflib.get_close_matches(name, [*known, *short], n=1)
        hint = (
            f"did you mean {short.get(close[0], close[0])!r}?"
            if close
            else f"installed: {', '.join(known) or 'none'}; a file ends in .py"
        )
        raise UnknownName(f"no distribution {name!r} with plugins; {hint}")
    for row in rows:
        if row.group == HOOKS and row.status in ("broken", "off"):
            raise PluginError(f"{row.label} is {row.status}: {row.reason}; {advice(row)}")
    return zoo, rows


def _result(word: str, name: str, one: Callable[[], None]) -> dict[str, Any]:
    from ..testing.rules import CheckFailed

    row = {"kind": word, "name": name, "check": one.__name__, "ok": True, "what": "", "why": "", "fix": ""}
    try:
        # What a plugin prints must not end up in the output of --json.
        with contextlib.redirect_stdout(sys.stderr):
            one()
    except CheckFailed as error:
        row |= {"ok": False, "what": error.what, "why": error.why, "fix": error.fix}
    return row


def _lines(row: dict[str, Any]) -> Iterator[str]:
    yield f"{'ok' if row['ok'] else 'FAILED':<7} {row['kind']} {row['name']}: {row['check']}"
    if not row["ok"]:
        for part in (row["what"], f"Why it matters: {row['why']}", f"How to fix it: {row['fix']}"):
            yield textwrap.indent(part, "        ")
