"""What came of each run: before the tables where it did not end well, and after them the verdict."""

from collections.abc import Iterator, Mapping, Sequence

from ..records import store
from ..records.types import AnyRecord
from ..records.verdict import shown
from ..records.verdict_types import Verdict
from .cautions import each
from .methods import Records
from .text import Section

#: With more runs than these a report gives the words alone.
IN_FULL = 5
_STATES: Mapping[object, str] = {
    "started": "not finished: it is still running, or it was killed",
    "interrupted": "not finished: it was interrupted",
    "failed": "failed",
    "diverged": "diverged: stage 2 left no model",
}
_ANSWERS: Mapping[tuple[str, bool | None], str] = {
    ("forgotten", True): "Forgotten",
    ("forgotten", False): "Not forgotten",
    ("forgotten", None): "Forgotten cannot be told",
    ("kept", True): "Kept",
    ("kept", False): "Not kept",
    ("kept", None): "Kept cannot be told",
}


def data(names: Sequence[str], records: Records) -> dict[str, Verdict | None]:
    """Return each run's verdict by label; None where it did not end, or nothing was to be forgotten."""
    return {name: shown(record) for name, record in each(names, records)}


def states(names: Sequence[str], records: Records) -> list[str]:
    """Return a sentence for each run that is no result, without a full stop."""
    return [sentence for name, record in each(names, records) for sentence in _of_one(name, record)]


def section(verdicts: Mapping[str, Verdict | None], sentences: Sequence[str]) -> Section:
    """Return both parts, from ``data`` and ``states``."""
    known = {name: verdict for name, verdict in verdicts.items() if verdict is not None}
    if len(known) > IN_FULL:
        last = list(_words(known))
    else:
        last = [line for name, verdict in known.items() for line in _in_full(name, verdict)]
    return Section(first=[f"{sentence}." for sentence in sentences], last=last)


def _of_one(name: str, record: AnyRecord) -> Iterator[str]:
    if record["status"] != "finished":
        reason, steps = record.get("error"), [point["step"] for point in record["curve"][1:]]
        told = _STATES[record["status"]]
        if reason and reason != record["status"]:
            told += f" ({reason})"
        if steps and not record["results"]:
            told += f"; its curve ends at step {steps[-1]}"
        again = record["status"] in ("started", "interrupted") and record.get("group")
        yield f"{name}: {told}; no result" + (f"; {store.resume_command(record)}" if again else "")
    if record.get("valid") is False:
        yield f"{name}: not valid; stage 1 stayed below the gate, so what it forgot was never memorised"


def _in_full(name: str, verdict: Verdict) -> Iterator[str]:
    """Yield a verdict line by line."""
    yield f"Verdict on {name}: {verdict['text']}."
    if verdict["forgotten"]["rows"]:
        for question, judged in (("forgotten", verdict["forgotten"]), ("kept", verdict["kept"])):
            yield f"  {_ANSWERS[question, judged['holds']]}: {judged['reason']}."
    if stopped := verdict["stopped"]:
        steps = f"{stopped['last']} step{'s' * (stopped['last'] != 1)}"
        reached = f"not reached in {steps}" if stopped["step"] is None else f"reached at step {stopped['step']}"
        yield f"  --stop-at {100 * stopped['level']:g} %: {reached}."
    if (required := verdict["required"]) is not None:
        yield f"  --require: {'' if required['holds'] else 'not '}reached: {required['reason']}, by point values."
    yield f"  Best step: {verdict['best']['reason']}."
    # The first doubt is in the heading.
    yield from (f"  Doubt: {doubt}." for doubt in verdict["believable"]["doubts"][1:])
    yield from (f"  Beware: {caution}." for caution in verdict["believable"]["cautions"])


def _words(known: Mapping[str, Verdict]) -> Iterator[str]:
    """Yield which runs have which verdict."""
    for word in dict.fromkeys(verdict["word"] for verdict in known.values()):
        yield f"Verdict {word}: {', '.join(name for name, verdict in known.items() if verdict['word'] == word)}."
    yield "  `unlearnzoo report RUN` gives the reasons of one."
