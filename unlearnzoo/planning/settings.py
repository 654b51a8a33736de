"""Values from ``--set`` and ``--config``, allotted to whatever has such an option."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import OptionError
from ..options import Configurable, nearest, option_names
from ..storage.documents import read_yaml


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
        raise OptionError(f"--config {path}: cannot be read ({error})") from None
    except ValueError as error:
        raise OptionError(f"--config {path}: {error}") from None
    if not isinstance(loaded, dict):
        raise OptionError(f"--config {path}: expected `name: value` lines, got a {type(loaded).__name__}")
    # `tuned` says how the values were found; it is for the record.
    arguments = {str(k): v for k, v in loaded.items() if not isinstance(v, dict) or k == "tuned"}
    sections = {str(k): v for k, v in loaded.items() if str(k) not in arguments}
    return arguments, {f"{owner}.{name}": value for owner, values in sections.items() for name, value in values.items()}


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
