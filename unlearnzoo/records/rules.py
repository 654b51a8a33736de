"""By what rules a record was made: how pictures and texts were read, and where answers were cut."""

from ..data.words import TEXT_RULE
from .plan_types import Rules
from .types import AnyRecord

#: How a record reads that tells none: it is of before there were any.
UNTOLD = "not told by its older version"


def of(record: AnyRecord) -> Rules | None:
    """Return the rules that a record tells."""
    rules: Rules | None = (record.get("plan") or {}).get("rules")
    return rules


def reading(record: AnyRecord) -> str:
    """Return how pictures and texts were read; what differs in it is not compared."""
    rules = of(record)
    return UNTOLD if rules is None else f"pictures {rules['pictures']}, text {rules['text']}"


def cuts(record: AnyRecord) -> dict[str, int]:
    """Return split → after how many new tokens answers were cut; of what columns can ask alone."""
    rules, asked = of(record), {row["split"] for row in record.get("results") or ()}
    return {split: limit["tokens"] for split, limit in rules["generation"].items() if split in asked} if rules else {}


def read_otherwise(record: AnyRecord) -> str | None:
    """Return why answers of a record cannot be scored beside those that are there; None where they can."""
    rules = of(record)
    if rules is None or rules["text"] != TEXT_RULE:
        return f"its texts were read by an older rule (its rules: {reading(record)}; now text {TEXT_RULE})"
    return None
