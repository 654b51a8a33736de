"""Did a run do what it was for? Forgotten, kept, best step, believable: read off its own record, which keeps it.

How each is decided, and why, is on the page "Verdict" (``docs/explanation/verdict.md``).
"""

import math
from collections.abc import Mapping, Sequence

from ..benchmark import utility_part
from ..evaluation.aggregate import group_name
from ..evaluation.matched import Point, groups_of, highest, path
from .evidence import aims_of, believable, held, holds, percent, rows_of, untold
from .plan_types import Aims
from .types import AnyRecord, Groups
from .verdict_types import BestStep, HeldRow, Judgement, Stopped, Verdict, Word

_WORDS: Mapping[tuple[bool | None, bool | None], tuple[Word, str]] = {
    (True, True): ("forgotten", "forgotten, and kept"),
    (True, False): ("destroyed", "forgotten, and not kept"),
    (False, True): ("remembered", "not forgotten, and kept"),
    (False, False): ("neither", "neither forgotten nor kept"),
}


#: Why there is no step to choose: nothing was unlearned here, or at once.
NO_CURVE, NO_STEP = "no curve was followed", "the curve has no step to choose from"


def shown(record: AnyRecord) -> Verdict | None:
    """Return a record's verdict; of an earlier version's that has ended, what this one says of it."""
    if "verdict" in record or record["status"] not in ("finished", "diverged"):
        kept: Verdict | None = record.get("verdict")
        return kept
    return of(record)


def of(record: AnyRecord) -> Verdict | None:
    """Judge a run by its record; None where nothing was to be forgotten."""
    against = aims_of(record)
    if against is None or not record["algorithm"].get("name"):
        return None
    require = against["require"]
    low = held(record, against["forget"], against["level"])
    high = held(record, against["retain"], require.get(against["retain"]), against["kept_share"])
    forgotten, kept = _forgotten(low, against), _kept(high, against)
    trust = believable(record, against, low, high)
    word, text = _WORDS.get((forgotten["holds"], kept["holds"]), ("doubtful", "cannot be told"))
    if trust["doubts"]:
        word, text = "doubtful", f"not to be believed: {trust['doubts'][0]}"
    return {
        "word": word,
        "text": text,
        "forgotten": forgotten,
        "kept": kept,
        "best": _best(record, against),
        "believable": trust,
        "stopped": _stopped(record, against),
        "required": _required(record, require) if require else None,
    }


def unmet(record: AnyRecord) -> str | None:
    """Return what ``--require`` asked for and a record did not reach; None where it did, or nothing was asked."""
    found = shown(record)
    required = found and found["required"]
    if not required or required["holds"]:
        return None
    return required["reason"]


def _forgotten(rows: list[HeldRow], against: Aims) -> Judgement:
    parts = [
        f"{row['group']} {percent(row['value'])}"
        + (f" (up to {percent(row['high'])})" if (row["high"] or 0) > (row["value"] or 0) else "")
        for row in rows
    ]
    reason = f"at most {percent(against['level'])} ({against['level_from']})"
    return {"holds": holds(rows), "reason": _reason(against["forget"], parts, reason), "rows": rows}


def _kept(rows: list[HeldRow], against: Aims) -> Judgement:
    asked = against["require"].get(against["retain"])
    parts = [
        f"{row['group']} {percent(row['value'])}"
        + (f" (target {percent(row['target'])})" if row["target"] is not None else "")
        for row in rows
    ]
    least = f"at least {percent(against['kept_share'])} of the target's" if asked is None else percent(asked)
    reason = f"{least} (default)" if asked is None else f"at least {least} (--require)"
    return {"holds": holds(rows), "reason": _reason(against["retain"], parts, reason), "rows": rows}


def _reason(column: str, parts: Sequence[str], level: str) -> str:
    told = ", ".join(part.strip() for part in parts) if parts else "nothing was scored"
    return f"{column} {told}; {level}"


def _required(record: AnyRecord, require: Mapping[str, float]) -> Judgement:
    """Hold each required column against its share: by the point value, without its interval."""
    rows = [row for name, share in require.items() for row in held(record, name, share)]
    # Of a run that diverged base and target alone have rows.
    wants = {row["column"]: row["want"] for row in record["results"]}
    lacking: list[str] = []
    reached: list[str] = []
    for name, share in require.items():
        own = [row for row in rows if row["column"] == name]
        told = ", ".join(f"{row['group']} {percent(row['value'])}".strip() for row in own) or "nothing was scored"
        text = f"{name} {told} (asked: at {'most' if wants.get(name) == 'low' else 'least'} {percent(share)}"
        text += "".join(f"; {why}" for why in untold(record, name, share)) + ")"
        (reached if holds(own) else lacking).append(text)
    lost = set(require) - {row["column"] for row in rows}
    return {"holds": False if lost else holds(rows), "reason": "; ".join(lacking or reached), "rows": rows}


def _best(record: AnyRecord, against: Aims) -> BestStep:
    """Choose among the points of the curve that forgot enough the one whose worst group lost least of what was kept."""
    forget, retain = against["forget"], against["retain"]
    start, *points = path(record["curve"]) or [{"step": 0}]
    if not points:
        return {"step": None, "reason": NO_STEP if record["curve"] else NO_CURVE, "seen": {}, "test": {}}
    least = min(points, key=lambda point: highest(point, forget))
    if (lowest := highest(least, forget)) > against["level"]:
        came = f"comes down to {percent(lowest)} at best, at step {least['step']}"
        if lowest >= highest(start, forget):
            came = "was scored at no step" if math.isinf(lowest) else "never comes down"
        return {"step": None, "reason": f"none: {forget} {came}", "seen": {}, "test": {}}
    enough = [point for point in points if highest(point, forget) <= against["level"]]
    chosen = min(enough, key=lambda point: _lost(start, point, retain))
    step, last = _step(chosen), _step(points[-1])
    seen = {name: groups_of(chosen, name) for name in (forget, retain)}
    test = _test(record, against) if step == last else {}
    when = "before it diverged" if record["status"] == "diverged" else f"of {last}"
    reason = f"{step} {when}, with {', '.join(_groups(name, groups) for name, groups in seen.items())}"
    if test:
        reason += f"; on test rows {', '.join(_groups(name, groups) for name, groups in test.items())}"
    elif step != last:
        earlier = f"--stop-at {forget}={100 * against['level']:g}% ends earlier"
        reason += f"; test rows were asked after step {last} alone ({earlier})"
    return {"step": step, "reason": reason, "seen": seen, "test": test}


def _lost(start: Point, point: Point, retain: str) -> float:
    """Return how much of what was kept the worst group lost since the start."""
    before = groups_of(start, retain)
    pairs = [(before.get(group), now) for group, now in groups_of(point, retain).items()]
    return max((was - now for was, now in pairs if was is not None and now is not None), default=0.0)


def _test(record: AnyRecord, against: Aims) -> dict[str, Groups]:
    """Return the unlearned model's columns over rows of the same kind that were never trained on."""
    seen = list(rows_of(record, "unlearned", against["forget"], against["retain"]))
    found: dict[str, Groups] = {}
    for row in rows_of(record, "unlearned"):
        same = row["metric"] in {s["metric"] for s in seen} and row["who"] in {s["who"] for s in seen}
        part = any(key in row for key in ("detail", "all_of", "tagged"))
        if same and not part and utility_part(row["split"]) is None and row["split"] not in {s["split"] for s in seen}:
            found.setdefault(row["column"], {})[group_name(row["group"], row["group"])] = row["mean"]
    return found


def _stopped(record: AnyRecord, against: Aims) -> Stopped | None:
    level = against["stop_at"]
    if level is None:
        return None
    points = [p for p in path(record["curve"])[1:] if highest(p, against["forget"]) <= level]
    last = _step(record["curve"][-1]) if record["curve"] else 0
    planned = ((record.get("plan") or {}).get("unlearn") or {}).get("steps", last)
    # Nothing else ends stage 2 early: an estimate was at the level, and all rows, asked at the end, lie above it.
    estimated = last if record["status"] == "finished" and last < planned else None
    return {"level": level, "step": _step(points[0]) if points else estimated, "last": last}


def _groups(column: str, groups: Groups) -> str:
    """Return a column's scores: ``EMf single 6 %, multi 7 %``."""
    return f"{column} " + ", ".join(f"{group} {percent(value)}".strip() for group, value in groups.items())


def _step(point: Point) -> int:
    step = point["step"]
    return step if isinstance(step, int) else 0
