"""What a verdict rests on: scores held against levels, and what speaks against believing them."""

from collections.abc import Iterator, Mapping, Sequence

from ..benchmark import utility_part
from ..evaluation.aggregate import group_name
from ..evaluation.matched import LEVELS
from .plan_types import Aims
from .types import AnyRecord, ResultRow
from .verdict_types import Believable, HeldRow

#: A column counts as forgotten at the lowest level of the matched tables, unless a user asks for another.
FORGOTTEN = min(LEVELS)
#: And as kept from this share of the target's score.
KEPT = 0.5


def aims(curve: Sequence[str], stop_at: float | None, require: Mapping[str, float]) -> Aims:
    """Return what a run is held against.

    Args:
        curve: columns that show forgetting and keeping.
        stop_at: level of ``--stop-at``.
        require: column → share, of ``--require``.
    """
    forget, retain = curve
    asked = {"--require": require.get(forget), "--stop-at": stop_at, "default": FORGOTTEN}
    by, level = next((by, level) for by, level in asked.items() if level is not None)
    return {
        "forget": forget,
        "retain": retain,
        "level": level,
        "level_from": by,
        "kept_share": KEPT,
        "stop_at": stop_at,
        "require": dict(require),
    }


def aims_of(record: AnyRecord) -> Aims | None:
    """Return what a record is held against; one of before there were aims by the columns of its curve."""
    known: Aims | None = (record.get("plan") or {}).get("aims")
    columns = [name for name in (record["curve"] or [{}])[0] if name != "step"]
    return known or (aims(columns[:2], None, {}) if len(columns) > 1 else None)


def rows_of(record: AnyRecord, model: str, *columns: str) -> Iterator[ResultRow]:
    """Yield a model's rows of the results, of all columns or of some."""
    return (row for row in record["results"] if row["model"] == model and (not columns or row["column"] in columns))


def held(record: AnyRecord, column: str, level: float | None, share: float = 0.0) -> list[HeldRow]:
    """Hold each group of a column against a level; without one against a share of the target's score."""
    return [row for row, _ in _judged(record, column, level, share)]


def untold(record: AnyRecord, column: str, level: float | None, share: float = 0.0) -> list[str]:
    """Return why groups of a column can be held against nothing, one sentence each; arguments as of ``held``."""
    return [why for _, why in _judged(record, column, level, share) if why]


def _judged(record: AnyRecord, column: str, level: float | None, share: float) -> Iterator[tuple[HeldRow, str | None]]:
    """Yield each group held against its level, and why that says nothing."""
    targets = {str(row["group"]): row for row in rows_of(record, "target", column)}
    for row in rows_of(record, "unlearned", column):
        target, value = targets.get(str(row["group"])), row["mean"]
        before = target["mean"] if target else None
        against = share * before if level is None and before is not None else level
        right, why = None, None
        if target and (nothing := measures_nothing(target)):
            why = f"{name_of(row)} measures nothing: {nothing}"
        elif value is not None and against is not None:
            of_target = _between(target) if level is None and target else None
            why = _turned_round(row, (share * of_target[0], share * of_target[1]) if of_target else (against, against))
            right = None if why else _right(row, value, against)
        yield (
            {
                "column": column,
                "group": group_name(row["group"], row["group"]),
                "value": value,
                "high": row.get("high"),
                "people": row.get("clusters", 0),
                "target": before,
                "level": against,
                "holds": right,
            },
            why,
        )


def _right(row: ResultRow, value: float, level: float) -> bool:
    return value <= level if row["want"] == "low" else value >= level


def _between(row: ResultRow) -> tuple[float, float]:
    """Return the least and the greatest mean that a row would have, had each of its answers been scored."""
    mean, lacking = row["mean"] or 0.0, row.get("unscored", 0)
    every = row.get("n", 0) + lacking
    return (mean * (every - lacking) / every, (mean * (every - lacking) + lacking) / every) if lacking else (mean, mean)


def _turned_round(row: ResultRow, levels: tuple[float, float]) -> str | None:
    """Return that answers which were not scored decide on which side of a level a row is; None where they do not.

    Args:
        row: of the unlearned model.
        levels: the least and the greatest that the level could be.
    """
    (low, high), (least, greatest) = _between(row), levels
    # One of these is the best that could be, and the other the worst, whichever direction is good.
    if _right(row, low, greatest) == _right(row, high, least):
        return None
    lacking = row.get("unscored", 0)
    which = f"{lacking} of {row.get('n', 0) + lacking} answers were" if lacking else "answers of the target were"
    return f"{name_of(row)}: {which} not scored, which could turn it round"


def holds(rows: Sequence[HeldRow]) -> bool | None:
    """Return whether each row holds; None where one says nothing and none fails, or there is none."""
    answers = [row["holds"] for row in rows]
    return False if False in answers else None if None in answers or not answers else True


def name_of(row: ResultRow) -> str:
    """Return a column and its group: ``EMf single``."""
    return f"{row['column']} {group_name(row['group'], row['group'])}".strip()


def percent(share: float | None) -> str:
    """Return a share in per cent, with a decimal where it has one."""
    return "–" if share is None else f"{100 * share:.1f}".removesuffix(".0") + " %"


def measures_nothing(target: ResultRow) -> str | None:
    """Return why a column says nothing where the model before unlearning has this score; None where it does."""
    mean, chance = target["mean"], target.get("chance")
    if mean is None:
        return "no answer of the target was scored"
    if mean == 0:
        return "the target is at 0 % already"
    if chance is not None and mean <= chance:
        return f"the target is at {percent(mean)}, where guessing gives {percent(chance)}"
    return None


def believable(record: AnyRecord, against: Aims, low: Sequence[HeldRow], high: Sequence[HeldRow]) -> Believable:
    """Say what speaks against a verdict.

    Args:
        record: of the run.
        against: what it is held against.
        low: rows of the column that shows forgetting.
        high: rows of the column that shows what was kept.
    """
    doubts = list(_doubts(record, against, low))
    cautions = list(_cautions(record, against, low))
    if not doubts and None in (holds(low), holds(high)):
        doubts.append("nothing was scored that tells it")
    return {"holds": not doubts, "doubts": doubts, "cautions": cautions}


def _doubts(record: AnyRecord, against: Aims, low: Sequence[HeldRow]) -> Iterator[str]:
    """Yield what makes a verdict worthless."""
    if not any(rows_of(record, "unlearned")):
        yield f"stage 2 left no model ({record.get('error') or 'it has not ended'})"
        return
    if record.get("valid") is False:
        yield "stage 1 stayed below the gate: what was never memorised cannot be forgotten"
    if not any(rows_of(record, "target")):
        yield "no target was asked, so it may never have known what it is to have forgotten (--target)"
    yield from untold(record, against["forget"], against["level"])
    yield from untold(record, against["retain"], against["require"].get(against["retain"]), against["kept_share"])
    for held in low:
        if held["target"] and held["target"] <= against["level"]:
            yield (
                f"{_place(held)}: the target is at {percent(held['target'])}, "
                f"at or below {percent(against['level'])} before anything was unlearned"
            )


def _place(row: HeldRow) -> str:
    return f"{row['column']} {row['group']}".strip()


def _cautions(record: AnyRecord, against: Aims, low: Sequence[HeldRow]) -> Iterator[str]:
    """Yield what to bear in mind."""
    columns = against["forget"], against["retain"]
    few = [held for held in low if held["holds"] and held["high"] is None]
    if few:
        named = ", ".join(filter(None, (held["group"] for held in few)))
        people = min(held["people"] for held in few)
        yield f"{' '.join(filter(None, (against['forget'], named)))}: no interval over so few people ({people})"
    roomy: dict[tuple[int, float], list[HeldRow]] = {}
    for held in low:
        if held["holds"] and held["high"] is not None and held["high"] > against["level"]:
            roomy.setdefault((held["people"], held["high"]), []).append(held)
    for (people, high), alike in roomy.items():
        groups = ", ".join(filter(None, (held["group"] for held in alike)))
        yield (
            f"{against['forget']} {groups}".strip()
            + f": {people} people leave room for up to {percent(high)}, more than {percent(against['level'])}"
        )
    for row in (r for model in ("target", "unlearned") for r in rows_of(record, model, *columns)):
        if row.get("unscored"):
            n = row.get("n", 0)
            yield f"{name_of(row)} of the {row['model']} model: {n} of {n + row['unscored']} answers were scored"
    targets = {(row["column"], str(row["group"])): row["mean"] for row in rows_of(record, "target")}
    for row in rows_of(record, "unlearned"):
        before = targets.get((row["column"], str(row["group"])))
        if utility_part(row["split"]) is not None and before and (row["mean"] or 0) < against["kept_share"] * before:
            yield f"{name_of(row)}, what else the model can do: {percent(row['mean'])} left of {percent(before)}"
    if changed := sorted({line for one in record.get("resumed") or () for line in one["changed"]}):
        yield f"it was resumed under other circumstances: {'; '.join(changed)}"
