"""What came of each run: before the tables where it did not end well, and after them the verdict."""

from collections.abc import Iterator, Mapping, Sequence

from ..records import store
from ..records.types import AnyRecord
from ..records.verdict import NO_CURVE, NO_STEP, shown
from ..records.verdict_types import Judgement, Stopped, Verdict, Word
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
#: What to try; of what forgot and kept nothing more is asked, and what is doubtful names its reason.
_NEXT: Mapping[Word, str] = {
    "destroyed": "an earlier step (--stop-at), a lower rate (--set unlearn.lr=…), or more weight on what is kept",
    "remembered": "more steps or a higher rate (--set unlearn.steps=…, --set unlearn.lr=…)",
    "neither": "another rate (--set unlearn.lr=…), or more weight on what is kept",
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
    if record.get("valid") is False and record["results"]:
        yield f"{name}: not valid; stage 1 stayed below the gate, so what it forgot was never memorised"


def _in_full(name: str, verdict: Verdict) -> Iterator[str]:
    """Yield a verdict line by line."""
    yield f"Verdict on {name}: {verdict['text']}."
    if verdict["forgotten"]["rows"]:
        for question, judged in (("forgotten", verdict["forgotten"]), ("kept", verdict["kept"])):
            yield f"  {_ANSWERS[question, judged['holds']]}: {judged['reason']}."
    if stopped := verdict["stopped"]:
        yield f"  --stop-at {100 * stopped['level']:g} %: {_reached(stopped, verdict['forgotten'])}."
    if (required := verdict["required"]) is not None:
        yield f"  --require: {'' if required['holds'] else 'not '}reached: {required['reason']}, by point values."
    yield f"  Best step: {verdict['best']['reason']}."
    if verdict["best"]["reason"] not in (NO_CURVE, NO_STEP) and (advice := _NEXT.get(verdict["word"])):
        yield f"  Next: {advice}."
    # The first doubt is in the heading.
    yield from (f"  Doubt: {doubt}." for doubt in verdict["believable"]["doubts"][1:])
    yield from (f"  Beware: {caution}." for caution in verdict["believable"]["cautions"])


def _reached(stopped: Stopped, forgotten: Judgement) -> str:
    """Return what became of ``--stop-at``; the curve estimates, and the end is asked in full."""
    if stopped["step"] is None:
        return f"not reached in {stopped['last']} step{'s' * (stopped['last'] != 1)}"
    above = stopped["step"] == stopped["last"] and any(
        (row["value"] or 0) > stopped["level"] for row in forgotten["rows"]
    )
    return f"reached at step {stopped['step']}" + (" by the curve's estimate; all rows together lie above" * above)


def _words(known: Mapping[str, Verdict]) -> Iterator[str]:
    """Yield which runs have which verdict."""
    for word in dict.fromkeys(verdict["word"] for verdict in known.values()):
        yield f"Verdict {word}: {', '.join(name for name, verdict in known.items() if verdict['word'] == word)}."
    yield "  `unlearnzoo report RUN` gives the reasons of one."
