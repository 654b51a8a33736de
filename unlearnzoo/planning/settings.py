"""Values from ``--set`` and ``--config``, allotted to whatever has such an option."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import OptionError
from ..options import Configurable, nearest, option_names
from ..storage.documents import read_yaml
from ..terminal import printable

#: What starts code, as a configuration and as a sweep file call it.
PLUGINS, TRUST = ("plugins", "plugin"), ("trust_remote_code", "trust-remote-code")


def parse_assignments(texts: Sequence[str]) -> dict[str, object]:
    """Turn ``["npo.beta=0.05"]`` into a mapping.

    Raises:
        OptionError: a text is not an assignment.
    """
    assignments: dict[str, object] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise OptionError(f"--set {text!r}: write NAME=VALUE, for example --set npo.beta=0.05")
        assignments[name.strip()] = value.strip()
    return assignments


def read_config(path: Path) -> tuple[dict[str, object], dict[str, object]]:
    """Read a YAML file: scalars are run arguments, sections hold the options of their owner.

    Returns:
        Arguments (``{"algo": "npo"}``) and assignments (``{"npo.beta": 0.05}``).

    Raises:
        OptionError: no such file, no YAML, or no mapping.
    """
    try:
        loaded = read_yaml(path) or {}
    except OSError as error:
        raise OptionError(f"--config {path}: cannot be read ({error.strerror or error})") from None
    except ValueError as error:
        raise OptionError(f"--config {path}: {error}") from None
    if not isinstance(loaded, dict):
        raise OptionError(f"--config {path}: expected `name: value` lines, got a {type(loaded).__name__}")
    # `tuned` says how the values were found; it is for the record.
    arguments = {str(k): v for k, v in loaded.items() if not isinstance(v, dict) or k == "tuned"}
    sections = {str(k): v for k, v in loaded.items() if str(k) not in arguments}
    return arguments, {f"{owner}.{name}": value for owner, values in sections.items() for name, value in values.items()}


def refuse_code(where: str, named: Mapping[str, object], typed: Mapping[str, object], again: str) -> None:
    """Refuse to run code because a file names it: files are sent around, and whoever types one may not have read it.

    Args:
        where: the file, as typed.
        named: what it says; only ``plugins`` and ``trust_remote_code``, in either spelling, are looked at.
        typed: the same of the command line.
        again: the command line so far, to which the flag is to be added.

    Raises:
        OptionError: the file names a plugin, or trusts a model's repository, and the command line does not.
    """
    allowed = {name for key in PLUGINS for name in _listed(typed.get(key))}
    lacking = {
        key: [f"--plugin {shlex.quote(name)}" for name in _listed(named.get(key)) if name not in allowed]
        for key in PLUGINS
    }
    if not any(typed.get(key) for key in TRUST):
        lacking |= {key: ["--trust-remote-code"] for key in TRUST if named.get(key)}
    lacking = {key: flags for key, flags in lacking.items() if flags}
    if lacking:
        flags = " ".join(flag for flags in lacking.values() for flag in flags)
        told = f"{where}: {', '.join(lacking)}: no file starts code by itself; if you trust it, type `{again} {flags}`"
        raise OptionError(printable(told))


def _listed(value: object) -> list[str]:
    return list(map(str, value)) if isinstance(value, list | tuple) else [] if value is None else [str(value)]


def allot(assignments: Mapping[str, object], owners: Mapping[str, type[Configurable]]) -> dict[str, dict[str, object]]:
    """Give each assignment to its owner; a bare name goes to the one owner that has such an option.

    Args:
        assignments: ``npo.beta`` or ``beta`` → value.
        owners: everything in this run that has options, by name.

    Raises:
        OptionError: no owner, several owners, or no such option, each with the nearest name.
    """
    found: dict[str, dict[str, object]] = {owner: {} for owner in owners}
    for full, value in assignments.items():
        owner, dot, name = full.rpartition(".")
        if not dot:
            having = [o for o, cls in owners.items() if full in option_names(cls)]
            if len(having) > 1:
                choice = " or ".join(f"{o}.{full}" for o in sorted(having))
                raise OptionError(f"option {full!r} is ambiguous in this run: write {choice}")
            if not having:
                every = {n for cls in owners.values() for n in option_names(cls)}
                raise OptionError(f"no part of this run has an option {full!r}{nearest(full, every)}")
            owner, name = having[0], full
        if owner not in owners:
            raise OptionError(f"{full}: this run has no {owner!r}{nearest(owner, owners)}")
        if name not in option_names(owners[owner]):
            raise OptionError(f"{owner} has no option {name!r}{nearest(name, option_names(owners[owner]))}")
        found[owner][name] = value
    return found
