"""What a file must not decide: which code runs, and where people's answers are sent.

A record or a configuration is data, and may have been sent or edited by anybody; such things are typed in each command.
"""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.problems import quoted
from ..errors import OptionError, RunError
from ..options import named_by_record, option_names, per_command
from ..records import store
from ..records.types import RunRecord
from ..registry.zoo import Zoo
from ..storage.atomic import file_hash
from ..terminal import printable

if TYPE_CHECKING:
    from ..launch.configs import Launch


def refuse_code(record: RunRecord, given: Mapping[str, object]) -> None:
    """Refuse to run code because a record names it: a record is data, and may have been sent by anybody.

    Raises:
        OptionError: a flag that the run was started with is not typed again, or a file is not what it was.
    """
    recorded, typed = record["arguments"]["plugins"], given.get("plugins") or ()
    files = [str(name) for name in typed] if isinstance(typed, list | tuple) else [str(typed)]
    untrusted = bool(record["arguments"].get("trust_remote_code")) and not given.get("trust_remote_code")
    if untrusted or not set(recorded) <= set(files):
        raise OptionError(
            f"{printable(record['folder'])}: the run was started with code, which a record must not start; if "
            f"you trust it, type: {store.resume_command(record)}"
        )
    for name in recorded:
        if not Path(name).is_file() or file_hash(Path(name)) != recorded[name]:
            raise RunError(
                printable(
                    f"{record['folder']}: cannot be resumed: {name} is not there, or not the file that the run was "
                    "started with; put back what was changed, or start a new run"
                )
            )


def refuse_sent(where: Path, named: Mapping[str, object], typed: Mapping[str, object], zoo: Zoo) -> None:
    """Refuse to send anybody's answers where only a file says; called before a metric looks whether it is there.

    Args:
        where: the file: a record, a configuration, a sweep's.
        named: option → value, as it has them.
        typed: ``--set`` of this command.
        zoo: what is installed.

    Raises:
        OptionError: an option such as a judge's address is not typed again.
    """
    for name in zoo.names("metric"):
        cls = zoo.get("metric", name)
        own = set(option_names(cls))
        by_file = {option: value for option, value in _of(cls.name, named).items() if option in own}
        if sent := named_by_record(cls, by_file, _of(cls.name, typed)):
            raise OptionError(type_again(f"{cls.name}.{sent}", by_file[sent], where))


def refuse_judges(
    where: Path, metrics: Sequence[str], typed: Mapping[str, object], zoo: Zoo, again: str | None = None
) -> None:
    """Refuse a metric that sends anybody's answers away, be it to its default address, where only a file names it.

    Args:
        where: the file, as of ``refuse_sent``.
        metrics: as it has them; none where ``--metric`` is typed.
        typed: ``--set`` of this command: who types an address knows that answers are sent.
        zoo: what is installed.
        again: the flag that names these metrics; None where the command has no ``--metric``.

    Raises:
        OptionError: nothing of such a metric is typed.
    """
    asked = {metric.rpartition("/")[2] for metric in metrics}
    for name in zoo.names("metric"):
        cls = zoo.get("metric", name)
        sends = per_command(cls)
        if cls.name not in asked or not sends or set(sends) & set(_of(cls.name, typed)):
            continue
        to = [f"{cls.name}.{option}={value}" for option, value in sends.items()]
        raise OptionError(
            printable(
                f"metric {cls.name}: only {where} names it, and it sends people's answers away ({', '.join(to)}), "
                f"which no file decides: if it is right, type {again or f'--set {to[0]}'}"
            )
        )


def refuse_machines(name: str, launch: "Launch") -> None:
    """Refuse to join processes on other machines because a file says so: they are sent objects, and may send code.

    Args:
        name: of the launch, as a record, a configuration or a sweep's file has it.
        launch: what it says.

    Raises:
        OptionError: it is over several machines.
    """
    if launch.number("num_machines", 1) > 1:
        raise OptionError(
            printable(
                f"--launch {name}: it is over several machines, which run what they send each other; no file starts "
                f"it: if it is right, type `unlearnzoo run` with --launch {shlex.quote(name)}"
            )
        )


def type_again(option: str, value: object, where: Path) -> str:
    """Return why an option is not taken from a file, and what to type."""
    return (
        f"{option}: {where} says {quoted(value)}; where people's answers are sent, and with which key, is never taken "
        f"from a file: if it is right, type --set {option}=…"
    )


def _of(owner: str, assignments: Mapping[str, object]) -> dict[str, object]:
    """Return option → value of what is named in full or by its bare name."""
    parts = {full: full.rpartition(".") for full in assignments}
    return {name: assignments[full] for full, (named, _, name) in parts.items() if named in ("", owner)}
