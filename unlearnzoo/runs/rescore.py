"""Judge the answers that a run kept by one more metric: no model is loaded, nothing is generated.

For what could not be judged when the run ended: an endpoint that was down, a judge that nobody had
asked for. What was scored by the same version of the metric with the same options is not scored again.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..benchmark import Column
from ..errors import DataError, OptionError
from ..evaluation import aggregate
from ..evaluation.evaluator import scored
from ..evaluation.samples import Sample
from ..metric import Metric
from ..planning.columns import added, full_name
from ..planning.settings import allot
from ..records import store
from ..records.record import Record, plain
from ..records.secrets import MASK, Masker
from ..registry.zoo import Zoo
from .progress import ConsoleProgress

#: What the samples and the benchmark know without a model.
KNOWN = {"question", "prediction", "answer", "keywords"}


def rescore(folder: Path, name: str, values: Mapping[str, Any], zoo: Zoo, progress: ConsoleProgress) -> dict[str, Any]:
    """Fill in the columns of one metric and return the record.

    Args:
        folder: of the run.
        name: the metric, as typed.
        values: its options, as typed; the others are as the run had them.
        zoo: where metric and benchmark are looked up.
        progress: told what happens.

    Raises:
        DataError: the run kept no answers, or none to read, or its data are no longer the same.
        OptionError: the metric needs the model, or the run has other options.
    """
    record = store.load(folder)
    if record.get("arguments", {}).get("redact"):
        raise DataError(f"{folder}: its answers were left out by --redact; to have them judged by {name}, run it again")
    samples = store.samples(record)
    if samples is None:
        raise DataError(f"{folder}: it kept no answers (it did not get so far, or they were purged)")
    full, cls = full_name(name, zoo), zoo.get("metric", name)
    before = record.get("metrics", {}).get(full, {})
    options = {**before.get("options", {}), **allot(values, {cls.name: cls})[cls.name]}
    if hidden := [option for option, value in options.items() if value == MASK]:
        raise OptionError(
            f"{cls.name}.{hidden[0]}: the record hides what it was; give it again (--set {cls.name}.{hidden[0]}=…)"
        )
    metric = cls.configure(options)
    if lost := sorted(metric.needs - KNOWN):
        raise OptionError(
            f"--metric {name}: it needs {lost[0]}, for which the model must be there; name a metric over answers"
        )
    metric.prepare()
    evals, forget = _columns(record, name, full, zoo), frozenset(record["benchmark"]["forget_identities"])
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
    with progress.stage(f"judging by {name}"):
        found = scored(metric, rows, progress)
    own = {e.detail for e in evals}
    for i, one in zip(places, found, strict=True):
        sample = samples[i]
        rest = {detail: value for detail, value in sample.details.items() if detail not in own}
        samples[i] = dataclasses.replace(
            sample, scores={**sample.scores, full: one.value}, details={**rest, **one.details}
        )
    return _keep(record, samples, evals, full, about, forget, masker)


def _about(metric: Metric, masker: Masker, zoo: Zoo) -> dict[str, Any]:
    """Return what the record says of a metric."""
    origin = zoo.origin(type(metric))
    found: dict[str, Any] = plain(
        {"distribution": origin["distribution"], "version": origin["version"], "options": metric.values()}, masker
    )
    return found


def _columns(record: Mapping[str, Any], name: str, full: str, zoo: Zoo) -> list[Column]:
    """Return the metric's columns: the record's own, or those that ``run --metric`` adds."""
    own = [e for e in store.evals(record) if e.metric == full]
    return own or list(added(zoo.get("benchmark", record["benchmark"]["name"]), [name], zoo))


def _rows(samples: Sequence[Sample], metric: Metric, record: Mapping[str, Any], zoo: Zoo) -> list[dict[str, Any]]:
    """Return what the metric needs of some samples; keywords are the benchmark's to tell."""
    rows: list[dict[str, Any]] = [
        {"question": s.question, "prediction": s.prediction or "", "answer": s.answer} for s in samples
    ]
    if "keywords" not in metric.needs:
        return rows
    about = record["benchmark"]
    benchmark = zoo.get("benchmark", about["name"]).configure(about["options"])
    benchmark.prepare()
    if benchmark.fingerprint() != about["data"]:
        raise DataError(f"{record['folder']}: the data of {about['name']} are not those of this run any more")
    splits = {s.split for s in samples}
    words = {(split, e.id): e.keywords for split in splits for e in benchmark.examples(split)}
    return [{**row, "keywords": words[s.split, s.id]} for row, s in zip(rows, samples, strict=True)]


def _keep(
    record: dict[str, Any],
    samples: Sequence[Sample],
    evals: Sequence[Column],
    full: str,
    about: Mapping[str, Any],
    forget: frozenset[str],
    masker: Masker,
) -> dict[str, Any]:
    """Write samples and record; columns of other metrics stay as they are."""
    names, metrics = [e.name for e in evals], record.get("metrics", {})
    kept = Record(Path(record.pop("folder")), record, masker)
    kept.samples(samples)
    plan = {**record["plan"], "columns": list(dict.fromkeys([*record["plan"].get("columns", []), *names]))}
    changes: dict[str, Any] = {}
    if "baselines" in record and metrics.get(full) != about:
        # Over everybody: the answers to those rows are not here to be judged anew.
        changes["baselines"] = [row for row in record["baselines"] if row["metric"] != full]
    kept.update(
        results=[row for row in record["results"] if row["column"] not in names]
        + aggregate.results(samples, evals, forget),
        metrics={**metrics, full: about},
        plan=plan,
        **changes,
    )
    return kept.data
