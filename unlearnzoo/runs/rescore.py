"""Score the answers that a run kept by one more metric: no model is loaded, nothing is generated.

For what could not be scored when the run ended: an endpoint that was down, a judge that nobody had
asked for. What was scored by the same version of the metric with the same options is not scored again.
"""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..benchmark import Benchmark, Column, Utility, utility_part
from ..data.model_rows import read
from ..errors import DataError, OptionError
from ..evaluation import aggregate
from ..evaluation.metric_inputs import FROM_ANSWER, metric_inputs, scored
from ..evaluation.samples import Sample
from ..example import Example
from ..metric import Metric
from ..options import named_by_record
from ..planning import utility
from ..planning.columns import added, full_name
from ..planning.settings import allot
from ..records import rules, store, verdict
from ..records.purge import is_redacted
from ..records.record import Record, plain
from ..records.run_file import RUN, SAMPLES, locked
from ..records.secrets import MASK, Masker
from ..records.types import AnyRecord, RunRecord
from ..registry.zoo import Zoo
from ..storage.atomic import file_hash, refuse_links
from .distrust import type_again
from .progress import ConsoleProgress

B = TypeVar("B", bound=Benchmark)
#: Inputs of a metric that a sample holds; of the others, rows of the data know all but what takes a model.
IN_SAMPLES = {"question", "prediction", "answer"}


def rescore(folder: Path, name: str, values: Mapping[str, object], zoo: Zoo, progress: ConsoleProgress) -> RunRecord:
    """Fill in the columns of one metric and return the record; its folder is locked meanwhile.

    Args:
        folder: of the run.
        name: the metric, as typed.
        values: its options, as typed; the others are as the run had them.
        zoo: where metric and benchmark are looked up.
        progress: told what happens.

    Raises:
        DataError: the run kept no answers, or none to read, or its data or the rules are no longer the same.
        OptionError: the metric needs the model, or the run has other options.
        RunError: another process works on the run, or something in its folder is a link.
    """
    refuse_links(folder)
    with locked(folder):
        return _rescored(folder, name, values, zoo, progress)


def _rescored(folder: Path, name: str, values: Mapping[str, object], zoo: Zoo, progress: ConsoleProgress) -> RunRecord:
    record = store.load(folder)
    if is_redacted(record):
        raise DataError(f"{folder}: its answers were left out by --redact; to have them scored by {name}, run it again")
    samples = store.samples(record)
    if samples is None:
        raise DataError(f"{folder}: it kept no answers (it did not get so far, or they were purged)")
    known = record.get("files", {}).get(SAMPLES)
    if known and known != file_hash(folder / SAMPLES):
        raise DataError(
            f"{folder}: {SAMPLES} is not what the run wrote; `unlearnzoo report --verify` says what differs"
        )
    if why := rules.read_otherwise(record):
        raise DataError(f"{folder}: {why}, so that {name} would stand beside columns of another kind; run it again")
    full, cls = full_name(name, zoo), zoo.get("metric", name)
    before: Mapping[str, Any] = record.get("metrics", {}).get(full) or {}
    typed = allot(values, {cls.name: cls})[cls.name]
    options = {**before.get("options", {}), **typed}
    if sent := named_by_record(cls, before.get("options", {}), typed):
        raise OptionError(type_again(f"{cls.name}.{sent}", options[sent], folder))
    if hidden := [option for option, value in options.items() if value == MASK]:
        raise OptionError(
            f"{cls.name}.{hidden[0]}: the record hides what it was; give it again (--set {cls.name}.{hidden[0]}=…)"
        )
    metric = cls.configure(options)
    if lost := sorted(metric.needs - FROM_ANSWER):
        raise OptionError(
            f"--metric {name}: it needs {lost[0]}, for which the model must be there; name a metric over answers"
        )
    metric.prepare()
    evals, forget = _columns(record, name, full, zoo), frozenset(_said(record, "benchmark", "forget_identities"))
    masker = Masker(record.get("command", ""), metric.values())
    about = _about(metric, masker, zoo)
    same = about == before
    places = [
        i
        for i, s in enumerate(samples)
        if any(aggregate.concerns(e, s, forget) for e in evals)
        and not (same and not math.isnan(s.scores.get(full, math.nan)))
    ]
    rows = _rows([samples[i] for i in places], metric, record, zoo)
    with progress.stage(f"scoring by {name}"):
        found = scored(metric, rows, progress)
    own = {e.detail for e in evals}
    for i, one in zip(places, found, strict=True):
        sample = samples[i]
        rest = {detail: value for detail, value in sample.details.items() if detail not in own}
        samples[i] = dataclasses.replace(
            sample, scores={**sample.scores, full: one.value}, details={**rest, **one.details}
        )
    return _keep(record, samples, evals, full, about, forget, masker)


def _about(metric: Metric, masker: Masker, zoo: Zoo) -> Mapping[str, object]:
    """Return what the record says of a metric."""
    origin = zoo.origin(type(metric))
    return plain(
        {"distribution": origin["distribution"], "version": origin["version"], "options": metric.values()}, masker
    )


def _columns(record: RunRecord, name: str, full: str, zoo: Zoo) -> list[Column]:
    """Return the metric's columns: the record's own, or those that ``run --metric`` adds."""
    own = [e for e in store.evals(record) if e.metric == full]
    return own or list(added(zoo.get("benchmark", _said(record, "benchmark", "name")), [name], zoo))


def _said(record: AnyRecord, key: str, name: str) -> Any:
    """Return what a record says under two keys that one of an unfinished run may lack.

    Raises:
        DataError: it lacks one; names it.
    """
    about = record.get(key) or {}
    if name not in about:
        raise DataError(f"{record['folder']}/{RUN}: damaged; `{key}.{name}` is missing")
    return about[name]


def _rows(samples: Sequence[Sample], metric: Metric, record: RunRecord, zoo: Zoo) -> list[dict[str, object]]:
    """Return what the metric can be given of some samples; what a sample does not hold is looked up in the data."""
    if metric.needs <= IN_SAMPLES:
        examples = [Example(s.id, question=s.question, answer=s.answer, identities=s.identities) for s in samples]
    else:
        known = _examples({s.split for s in samples}, record, zoo)
        if lost := [s for s in samples if (s.split, s.id) not in known]:
            raise DataError(f"{record['folder']}: {lost[0].split!r} has no row {lost[0].id!r} any more")
        examples = [known[s.split, s.id] for s in samples]
    return [metric_inputs(e, prediction=s.prediction or "") for e, s in zip(examples, samples, strict=True)]


def _examples(splits: Collection[str], record: RunRecord, zoo: Zoo) -> dict[tuple[str, str], Example]:
    """Return the rows behind some splits by split and id, from the benchmark, from utility benchmarks and the model."""
    parts = {split: utility_part(split) for split in splits}
    named = {part.partition("/")[0] for part in parts.values() if part is not None}
    bench = {name: _said(record, "benchmark", name) for name in ("name", "options", "data")}
    utilities = record.get("utility", {})
    classes = {name: zoo.get("benchmark", name) for name in named & set(utilities)}
    used = {name: _as_it_was(cls, utilities[name], record) for name, cls in classes.items() if issubclass(cls, Utility)}
    card = zoo.model(_said(record, "model", "name")) if named - set(utilities) else None
    own = read(Path(card.utility)) if card is not None and card.utility else []
    benchmark = _as_it_was(zoo.get("benchmark", bench["name"]), bench, record)
    known: dict[tuple[str, str], Example] = {}
    for split, part in parts.items():
        rows = benchmark.examples(split) if part is None else utility.rows(used, own, part)
        known |= {(split, example.id): example for example in rows}
    return known


def _as_it_was(cls: type[B], about: Mapping[str, Any], record: RunRecord) -> B:
    """Return a benchmark of the run, prepared with its options.

    Raises:
        DataError: its data have changed since.
    """
    benchmark = cls.configure(about["options"])
    benchmark.prepare()
    if benchmark.fingerprint() != about["data"]:
        raise DataError(f"{record['folder']}: the data of {cls.name} are not those of this run any more")
    return benchmark


def _keep(
    record: RunRecord,
    samples: Sequence[Sample],
    evals: Sequence[Column],
    full: str,
    about: Mapping[str, object],
    forget: frozenset[str],
    masker: Masker,
) -> RunRecord:
    """Write samples and record; columns of other metrics stay as they are."""
    names, metrics = [e.name for e in evals], record.get("metrics", {})
    kept = Record(Path(record["folder"]), {key: value for key, value in record.items() if key != "folder"}, masker)
    kept.samples(samples)
    plan = {**record["plan"], "columns": list(dict.fromkeys([*record["plan"].get("columns", []), *names]))}
    changes: dict[str, object] = {}
    if "baselines" in record and metrics.get(full) != about:
        # Over everybody: the answers to those rows were not kept and cannot be scored again.
        changes["baselines"] = [row for row in record["baselines"] if row["metric"] != full]
    kept.update(
        results=[row for row in record["results"] if row["column"] not in names]
        + aggregate.results(samples, evals, forget),
        metrics={**metrics, full: about},
        plan=plan,
        **changes,
    )
    if "verdict" in record:
        kept.update(verdict=verdict.of(kept.data))
    return kept.data
