"""``unlearnzoo check``: the conformance checks of everything that a distribution or a file provides."""

import contextlib
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypedDict

import click
from packaging.utils import canonicalize_name

from ..errors import PluginError, PluginWarning, UnknownName
from ..options import closest
from ..registry.entry_points import HOOKS, PluginInfo, advice
from ..registry.kinds import CLASS_KINDS
from ..registry.zoo import Zoo
from ..terminal import printable
from .common import as_json_option, set_option, show_json


class CheckRow(TypedDict):
    """What came of one check; of one that failed, what is wrong, why it matters and how to fix it."""

    kind: str
    name: str
    check: str
    ok: bool
    what: str
    why: str
    fix: str


@click.command()
@click.argument("name", metavar="DIST|FILE")
@set_option(help="Check with another option: npo.retain_weight=1, folder.data=FILE. Repeatable.")
@as_json_option()
def check(name: str, sets: tuple[str, ...], as_json: bool) -> int:
    """Check algorithms, benchmarks and metrics of a distribution, or of a Python file.

    Each check is a rule of the contract; docs/reference/checks.md lists them. Exit code 1 where one
    fails.
    """
    rows = []
    for row in run_checks(name, sets):
        rows.append(row)
        if not as_json:
            click.echo(printable("\n".join(_lines(row)), keep="\n"))
    failed = sum(not row["ok"] for row in rows)
    if as_json:
        show_json(rows)
    else:
        click.echo(f"{len(rows)} checks of {name}: " + (f"{failed} FAILED" if failed else "all ok"))
    return 1 if failed else 0


def run_checks(name: str, sets: Sequence[str] = ()) -> Iterator[CheckRow]:
    """Run all checks of a distribution or file; yield one row per check, as they finish.

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
        (kind, zoo.get(kind, known))
        for kind in CLASS_KINDS
        for known in zoo.names(kind)
        if zoo.owner(kind, known) in owner
    ]
    if not provided:
        has = ", ".join(text for row in owner for text in row.provides) or "nothing"
        raise PluginError(f"{name} provides {has}; checks are for algorithms, benchmarks and metrics")
    import torch

    from ..planning.settings import allot, parse_assignments
    from ..testing.checks import checks_of

    # Tensors of some dozen numbers: threads only wait for each other.
    torch.set_num_threads(1)

    values = allot(parse_assignments(sets), {cls.name: cls for _, cls in provided})
    things = [(kind, cls.configure(values[cls.name]) if values.get(cls.name) else cls) for kind, cls in provided]
    for kind, thing in things:
        for check_one in checks_of(kind, thing, zoo):
            row = _result(kind, thing.name, check_one)
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
    rows = [row for row in zoo.plugins if row.distribution == canonicalize_name(name)]
    if not rows:
        raise UnknownName(f"no distribution {name!r} with plugins; {_hint(name, zoo)}")
    for row in rows:
        if row.group == HOOKS and row.status in ("broken", "off"):
            raise PluginError(f"{row.label} is {row.status}: {row.reason}; {advice(row)}")
    return zoo, rows


def _hint(name: str, zoo: Zoo) -> str:
    """Return which distribution may have been meant; most leave out ``unlearnzoo-``, some name what it provides."""
    owners = {text.partition(" ")[2]: (text, row.distribution) for row in zoo.plugins for text in row.provides}
    if name in owners:
        text, distribution = owners[name]
        return f"{text} is of {distribution}: unlearnzoo check {distribution}"
    known = sorted({row.distribution for row in zoo.plugins})
    if Path(name).is_dir() and Path(name).resolve().name not in known:
        return f"a folder is installed first (pip install -e {name}); or name its .py file"
    by_name = {distribution.removeprefix("unlearnzoo-"): distribution for distribution in known}
    by_name |= {word: distribution for word, (_, distribution) in owners.items()}
    close = closest(name, [*known, *by_name])
    if close is not None:
        return f"did you mean {by_name.get(close, close)!r}?"
    return f"installed: {', '.join(known) or 'none'}; a file ends in .py"


def _result(kind: str, name: str, check_one: Callable[[], None]) -> CheckRow:
    from ..testing.rules import CheckFailed

    row = CheckRow(kind=kind, name=name, check=check_one.__name__, ok=True, what="", why="", fix="")
    try:
        # What a plugin prints must not end up in the output of --json.
        with contextlib.redirect_stdout(sys.stderr):
            check_one()
    except CheckFailed as error:
        row["ok"], row["what"], row["why"], row["fix"] = False, error.what, error.why, error.fix
    return row


def _lines(row: CheckRow) -> Iterator[str]:
    yield f"{'ok' if row['ok'] else 'FAILED':<7} {row['kind']} {row['name']}: {row['check']}"
    if not row["ok"]:
        for part in (row["what"], f"Why it matters: {row['why']}", f"How to fix it: {row['fix']}"):
            yield textwrap.indent(part, "        ")
