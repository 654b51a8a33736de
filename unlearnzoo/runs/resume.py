"""Resume a command that was interrupted: find it, ask for the same again, and refuse what is another run."""

import contextlib
import dataclasses
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NotRequired, TypedDict, cast

import msgspec
from msgspec import Meta

from .. import __version__
from ..errors import DataError, OptionError, RunError
from ..launch import worker
from ..planning import paths
from ..planning.request import Request, from_arguments
from ..planning.summary import arguments, fields
from ..records import store
from ..records.record import Record, plain
from ..records.run_file import SCHEMA
from ..records.secrets import MASK, Masker
from ..records.types import RunRecord
from ..storage.atomic import refuse_links
from ..terminal import printable
from .distrust import refuse_code

if TYPE_CHECKING:
    from ..planning.plan import Plan

NEWEST = "newest"
#: What may be another than before: it changes where and how, not what comes out.
_FREE = {"command", "runs_dir", "checkpoint_every", "launch", "processes"}
#: What a record holds of the plan; a difference would be another run.
_SAME = ("algorithm", "benchmark", "utility", "metrics", "model", "seed", "target_seed", "plan")
#: Where the same model lies is no difference; its weights are compared.
_ELSEWHERE = {"model.name", "model.source", "benchmark.options.data"}


@dataclasses.dataclass(frozen=True)
class Earlier:
    """What an interrupted command left.

    Attributes:
        records: one per algorithm, those that were opened.
        group: the word that all of them share.
        runs_dir: where they lie.
    """

    records: tuple[RunRecord, ...]
    group: str
    runs_dir: Path

    def of(self, plan: "Plan", name: str) -> RunRecord | None:
        """Return the record of an algorithm, as typed; None where it was not opened."""
        origin = plan.zoo.origin(type(plan.algorithms[name]))
        wanted = (plan.algorithms[name].name, origin["distribution"])
        return next(
            (r for r in self.records if (r["algorithm"]["name"], r["algorithm"]["distribution"]) == wanted), None
        )


def find(name: str, runs_dir: Path) -> Earlier:
    """Find the command that a run belongs to.

    Args:
        name: of one of its runs, a folder, or ``newest``: the newest unfinished one, by its name.
        runs_dir: where to look.

    Raises:
        UnknownName: there is no such run.
        DataError: its record is damaged.
        RunError: there is nothing to resume, or something in a run's folder is a link.
    """
    if name == NEWEST and not (runs_dir / name).exists():
        rows = [row["record"] for row in store.find(runs_dir) if row["record"] and _is_open(row["record"])]
        if not rows:
            raise RunError(f"{runs_dir}: no run is unfinished; `unlearnzoo runs` lists what is there")
        record = max(rows, key=lambda row: Path(row["folder"]).name)
    else:
        record = store.load(store.resolve(name, runs_dir))
    folder = Path(record["folder"])
    if not record.get("group"):
        raise RunError(f"{folder}: it cannot be resumed; it is no record of `unlearnzoo run`")
    if record["schema"] != SCHEMA:
        raise _other_version(folder, record.get("versions", {}).get("unlearnzoo") or "0.1")
    beside = [row["record"] for row in store.find(folder.parent) if row["record"]]
    records = tuple(sorted((r for r in beside if r.get("group") == record["group"]), key=lambda r: str(r["folder"])))
    for known in records:
        refuse_links(Path(known["folder"]))
        _check(known)
    names = len(record["arguments"]["algo"])
    if len(records) == names and not any(map(_is_open, records)):
        raise RunError(f"{folder}: nothing to resume: {', '.join(_outcome(r) for r in records)}")
    return Earlier(tuple(map(_expanded, records)), record["group"], folder.parent)


def _expanded(record: RunRecord) -> RunRecord:
    """Return a record with the user's home folder where redaction left `~`."""
    return cast(RunRecord, {**record, "arguments": paths.expanded(record["arguments"])})


class _Arguments(TypedDict):
    algo: Annotated[list[str], Meta(min_length=1)]
    set: dict[str, object]
    plugins: dict[str, str]
    allow_unmemorised: NotRequired[bool]
    trust_remote_code: NotRequired[bool]


class _Algorithm(TypedDict):
    name: str
    distribution: str


class _Resumable(TypedDict):
    """What resuming reads of a record and no other command does; the request is made of all arguments."""

    arguments: _Arguments
    algorithm: _Algorithm


def _check(record: RunRecord) -> None:
    """Refuse what no command can be made of.

    Raises:
        DataError: naming the key.
    """
    try:
        msgspec.convert(record, _Resumable)
    except msgspec.ValidationError as error:
        raise DataError(
            f"{record['folder']}: cannot be resumed; damaged; {printable(store.fault(str(error)))}"
        ) from None
    except UnicodeEncodeError:
        raise DataError(f"{record['folder']}: cannot be resumed; damaged; a text holds half of a character") from None


def request(earlier: Earlier, given: Mapping[str, object], assignments: Mapping[str, object]) -> Request:
    """Return what was asked for then; what is given now must be the same.

    Args:
        earlier: from ``find``.
        given: arguments of this command line, none that was left out.
        assignments: its ``--set``; needed again are values that a record hides (keys, passwords).

    Raises:
        OptionError: something differs, by name.
    """
    known = dict(earlier.records[0]["arguments"])
    given = paths.arguments(given, (known.get("model"), known.get("target")))
    refuse_code(earlier.records[0], given)
    chosen = {**known.pop("set"), **_same_options(known_set=earlier.records[0]["arguments"]["set"], now=assignments)}
    files = known.pop("plugins")
    if hidden := [name for name, value in chosen.items() if value == MASK]:
        raise OptionError(f"a record keeps no secrets: give --set {hidden[0]}=... again")
    before = from_arguments({**known, "plugins": list(files), "runs_dir": earlier.runs_dir}, chosen)
    free = {name: value for name, value in given.items() if name in _FREE - {"runs_dir"}}
    typed = from_arguments({**known, "plugins": list(files), **given, "runs_dir": earlier.runs_dir}, chosen)
    for field in dataclasses.fields(Request):
        then, now = getattr(before, field.name), getattr(typed, field.name)
        if field.name not in _FREE and then != now:
            raise OptionError(
                f"--{field.name.replace('_', '-')} {_shown(now)}: the run was started with "
                f"{_shown(then)}; leave it out, or start a new run"
            )
    return dataclasses.replace(before, **{name: getattr(typed, name) for name in free})


def _same_options(known_set: Mapping[str, object], now: Mapping[str, object]) -> dict[str, object]:
    """Return this command's ``--set``, all as before."""
    for name, value in now.items():
        then = known_set.get(name)
        if then is None or (then != MASK and str(then) not in (str(value), paths.located(str(value)))):
            before = "without it" if then is None else f"with {_shown(then)}"
            raise OptionError(f"--set {name}={value}: the run was started {before}; leave it out, or start a new run")
    return dict(now)


def check(earlier: Earlier, plan: "Plan") -> list[str]:
    """Return what is not as it was and may change last digits: libraries, the checkout.

    Raises:
        RunError: data, model, options or plugins are not what they were: it would be another run.
    """
    from ..records.environment import git, versions

    said: list[str] = []
    for name in plan.algorithms:
        record = earlier.of(plan, name)
        if record is None:
            continue
        masker = Masker(plan.request.command, {"arguments": arguments(plan.request, plan.zoo)})
        redactor = plan.redactor()
        now = plain(redactor.fields(fields(plan, name)) if redactor else fields(plan, name), masker)
        # A record of before there was `utility` lacks it.
        for key in (*(key for key in _SAME if key in record), "arguments.plugins"):
            then, here = (paths.expanded(_at(side, key)) for side in (record, now))
            for path, old, new in _differences(key, then, here):
                if path not in _ELSEWHERE:
                    raise RunError(
                        f"{record['folder']}: cannot be resumed: {path} was {_shown(old)} and is "
                        f"{_shown(new)}; put back what was changed, or start a new run"
                    )
        around = {"versions": versions(), "git": git(Path())}
        for key, value in around.items():
            for path, old, new in _differences(key, record.get(key), value):
                if path == "versions.unlearnzoo":
                    raise _other_version(Path(record["folder"]), old)
                said.append(f"{path}: {_shown(old)}, now {_shown(new)}")
    return sorted(set(said))


def notes(earlier: Earlier, plan: "Plan") -> Iterator[str]:
    """Yield lines that say what is resumed, and what is not as it was.

    Raises:
        RunError: as ``check``.
    """
    changed = check(earlier, plan)
    for record in earlier.records:
        yield f"resuming {record['folder']}: {_outcome(record)}"
    for line in changed:
        yield f"  not as it was, last digits may differ: {line}"


def open_records(
    plan: "Plan", stack: contextlib.ExitStack, earlier: Earlier | None, runs_dir: Path
) -> dict[str, Record | RunRecord]:
    """Open or reopen the record of each algorithm, locked; one that is done stays as it is.

    Of several processes only the main one continues these records; the others write aside.

    Raises:
        RunError: another process works on one of them, or it is another run.
    """
    changed = check(earlier, plan) if earlier else []
    group = earlier.group if earlier else secrets.token_hex(8)
    opened: dict[str, Record | RunRecord] = {}
    for name, algorithm in plan.algorithms.items():
        known = earlier.of(plan, name) if earlier else None
        if known is None or (worker.rank() and _is_open(known)):
            record = Record.open(
                runs_dir,
                algo=algorithm.name,
                bench=plan.benchmark.name,
                group=group,
                redactor=plan.redactor(),
                **fields(plan, name),
            )
        elif _is_open(known):
            record = Record.reopen(
                Path(known["folder"]), plan.request.command, fields(plan, name), changed, plan.redactor()
            )
        else:
            opened[name] = known
            continue
        opened[name] = stack.enter_context(record)
    return opened


def _is_open(record: RunRecord) -> bool:
    """Return whether a run can be resumed: not one that ended, well or badly, for reasons that stay."""
    if not record.get("group") or record.get("purged") or record.get("redacted"):
        return False
    stopped_by_gate = record.get("valid") is False and not (record.get("arguments") or {}).get("allow_unmemorised")
    return record["status"] in ("started", "interrupted") or (record["status"] == "failed" and not stopped_by_gate)


def _outcome(record: RunRecord) -> str:
    return f"{record['algorithm']['name']} {record['status']}" + (
        f" ({record['error']})" if record.get("error") else ""
    )


def _other_version(folder: Path, version: object) -> RunError:
    return RunError(f"{folder}: cannot be resumed: it was started with unlearnzoo {version}, this is {__version__}")


def _at(record: Mapping[str, object], path: str) -> object:
    value: object = record
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _differences(path: str, then: object, now: object) -> Iterator[tuple[str, object, object]]:
    """Yield each place where two JSON values differ."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key in sorted({*then, *now}):
            yield from _differences(f"{path}.{key}", then.get(key), now.get(key))
    elif then != now:
        yield path, then, now


def _shown(value: object) -> str:
    text = ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
