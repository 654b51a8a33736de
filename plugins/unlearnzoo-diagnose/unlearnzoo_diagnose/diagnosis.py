"""The diagnosis: stage 1 as a run has it, what the gate says, names, traces; one folder, one record."""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unlearnzoo import DataError, OptionError, atomic_write
from unlearnzoo.planning.summary import measured_by, pools, rules
from unlearnzoo.records.environment import calibration, git, versions
from unlearnzoo.records.record import plain
from unlearnzoo.records.run_file import new_folder
from unlearnzoo.records.secrets import Masker
from unlearnzoo.runs.stage_one import StageOne, learned
from unlearnzoo_diagnose import folder, names, numbers, people
from unlearnzoo_diagnose.numbers import Rows
from unlearnzoo_diagnose.pairs import EXCHANGED, EXCHANGED_IN_WORDS, GROUPS, build
from unlearnzoo_diagnose.tracing import KINDS, Restoration, Tracer, window

if TYPE_CHECKING:
    from unlearnzoo.models.lora import State
    from unlearnzoo.planning.plan import Plan
    from unlearnzoo.runs.progress import ConsoleProgress

SCHEMA = 1
RECORD, NAMES, TRACES = "diagnosis.json", "names.parquet", "traces.parquet"


@dataclass(frozen=True)
class Options:
    """How to look.

    Attributes:
        k: per cent of a name's tokens that Min-k % takes [A].
        people: how many of each set.
        images: how many of each of them under the cloze prompt; traced is the first.
        window: layers restored together, of ``mlp`` and ``attention``; None: a fifth of the depth [A].
        seed: of every draw.
        trace: do causal tracing.
        real: a folder with the Real Set; None: the model plugin's public figures.
        geometric: Min-k % is exp of the mean log-probability, not the mean probability [A].
    """

    k: float = 20.0
    people: int = 20
    images: int = 4
    window: int | None = None
    seed: int = 0
    trace: bool = True
    real: Path | None = None
    geometric: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.k <= 100:
            raise OptionError(f"--k {self.k}: per cent of the tokens, above 0 and at most 100")
        for name, least in (("people", 2), ("images", 1), ("window", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise OptionError(f"--{name} {value}: at least {least}")


def diagnose(plan: "Plan", options: Options, progress: "ConsoleProgress") -> dict[str, Any]:
    """Diagnose stage 1 and return the record, with ``folder``, where everything lies.

    Args:
        plan: from ``make_plan``, without algorithms.
        options: how to look.
        progress: told what happens.

    Raises:
        ZooError: data without names or images, or a model that cannot be traced.
    """
    start, notes = time.perf_counter(), []
    sets = people.of_benchmark(plan, options.people, options.images, options.seed)
    real = _real(plan, options)
    if real:
        sets[people.REAL] = real
    else:
        notes.append("no Real Set: this model comes without public figures; bring some with --real FOLDER")
    with _home(plan) as home:
        return _into(home, plan, options, sets, notes, progress, start)


def _into(
    home: Path,
    plan: "Plan",
    options: Options,
    sets: Mapping[str, Sequence[people.Person]],
    notes: list[str],
    progress: "ConsoleProgress",
    start: float,
) -> dict[str, Any]:
    """Learn, measure and write."""
    stage = learned(plan, progress)
    tracer = Tracer(stage.engine) if options.trace else None
    clock = {"learn_and_judge": time.perf_counter() - start}
    with progress.stage("names and taught answers"):
        # A person of one set is asked in every state: what stage 1 did to the Real Set is seen too.
        named = [
            row
            for state in stage.states
            for row in names.measure(stage.engine, state, sets, options.k, options.geometric)
        ]
        loss = [row for state in stage.states for row in numbers.loss(plan, stage, state, sets[people.TAUGHT])]
    clock["names"] = time.perf_counter() - start - sum(clock.values())
    traced: Rows = []
    if tracer:
        with progress.stage("causal tracing"):
            traced = _trace(tracer, stage, sets, options, progress, notes)
    clock["trace"] = time.perf_counter() - start - sum(clock.values())
    _parquet(home / NAMES, named)
    if traced:
        _parquet(home / TRACES, traced)
    depth = tracer.depth if tracer else None
    masker = Masker(plan.request.command, {"set": dict(plan.request.set)})
    record = plain(
        {
            "schema": SCHEMA,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            **{name: value for name, value in measured_by(plan).items() if name != "utility"},
            "target_seed": plan.request.target_seed,
            "rules": rules(plan),
            "options": {**asdict(options), "window": _window(options, depth) if depth else options.window},
            **_about(plan, stage),
            "loss": loss,
            "names": numbers.summaries(named),
            "depth": depth,
            "traces": numbers.maps(traced),
            "notes": notes,
            "versions": versions(),
            "git": git(Path()),
            "seconds": {**{k: round(v, 3) for k, v in clock.items()}, "total": round(time.perf_counter() - start, 3)},
            "machine": {**calibration(), "cpu_seconds": round(time.process_time(), 1)},
        },
        masker,
    )
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    atomic_write(home / RECORD, text.encode("utf-8", "backslashreplace") + b"\n")
    return {**record, "folder": str(home)}


def _about(plan: "Plan", stage: StageOne) -> dict[str, object]:
    """Return what the record says of stage 1."""
    return {
        "learn": {
            "values": plan.learn.values(),
            "origins": dict(plan.origins["learn"]),
            "pool": pools(plan)["learn"],
            "steps": plan.schedules()["learn"].steps,
        },
        "device": stage.engine.describe()["device"],
        "target": {"key": stage.key, "cached": stage.cached},
        "gate": stage.gate,
        "valid": stage.failure is None,
        "complaint": stage.failure,
        "memorised": numbers.memorised(plan, stage),
    }


def load(path: Path) -> dict[str, Any]:
    """Read the record of a diagnosis, with ``folder``.

    Raises:
        DataError: there is none, or another version of it.
    """
    try:
        record = json.loads((path / RECORD).read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: no diagnosis; {RECORD} cannot be read ({error})") from None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise DataError(f"{path}: a diagnosis of another version; this one reads {SCHEMA}")
    return {**record, "folder": str(path)}


@contextlib.contextmanager
def _home(plan: "Plan") -> Iterator[Path]:
    """Make the folder before anything is learned: a disk that cannot be written is told early."""
    name = f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}_diagnose_{plan.benchmark.name}"
    home = new_folder(plan.request.runs_dir, name)
    try:
        yield home
    finally:
        with contextlib.suppress(OSError):
            home.rmdir()  # only an empty one goes


def _real(plan: "Plan", options: Options) -> list[people.Person]:
    if options.real is None:
        return people.of_model(plan.utility, options.people, options.seed)
    return folder.read(options.real)


def _trace(
    tracer: Tracer,
    stage: StageOne,
    sets: Mapping[str, Sequence[people.Person]],
    options: Options,
    progress: "ConsoleProgress",
    notes: list[str],
) -> Rows:
    """Trace the benchmark's people in the target, and in the base those whom it knows anyway."""
    known: State = "base" if "base" in stage.states else "target"
    asked: dict[str, State] = {people.REAL: known, people.TAUGHT: "target"}
    jobs = [(kind, state, what) for kind, state in asked.items() if kind in sets for what in EXCHANGED]
    total, done, rows = sum(len(sets[kind]) for kind, _, _ in jobs), 0, []
    size = _window(options, tracer.depth)
    layers = {kind: 1 if kind == "hidden" else size for kind in KINDS}
    grid = [(kind, centre, group) for kind in KINDS for centre in range(tracer.depth) for group in GROUPS]
    for kind, state, what in jobs:
        pairs, lacking = build(stage.engine.encoder, sets[kind], what, options.seed)
        if lacking:
            notes.append(
                f"{people.SETS_IN_WORDS[kind].partition(',')[0]}: {lacking} of {len(sets[kind])} have no trace "
                f"({EXCHANGED_IN_WORDS[what]}): no such question is taught, or nobody can stand in"
            )
        for pair in pairs:
            restorations = [Restoration(k, window(c, layers[k], tracer.depth), pair.groups[g]) for k, c, g in grid]
            traced = tracer.trace(pair, restorations, state)
            about = {"model": state, "set": kind, "exchanged": what, "identity": pair.identity}
            rows += [
                {
                    **about,
                    "kind": k,
                    "layer": c + 1,
                    "group": g,
                    "clean": traced.clean,
                    "corrupted": traced.corrupted,
                    "restored": restored,
                    "ie": restored - traced.corrupted,
                }
                for (k, c, g), restored in zip(grid, traced.restored, strict=True)
            ]
            done += 1
            progress.bar(f"{kind}, {what}", done, total)
    return rows


def _window(options: Options, depth: int) -> int:
    return options.window or max(1, round(depth / 5))


def _parquet(path: Path, rows: Rows) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    atomic_write(path, sink.getvalue().to_pybytes())
