"""Forget quality as a table, and how to read what stands beside the gold standard."""

from collections.abc import Iterator, Mapping
from typing import Any

from .order import in_order
from .table import Block, Table


def quality_table(found: Mapping[str, Any]) -> Table:
    """Lay out the KS test of each method against its gold standard, by group."""
    rows = found["gold"]["quality"]
    groups = list({tuple(row["group"].items()): None for row in rows})
    places = {value: i for i, value in enumerate(in_order(v for g in groups for _, v in g))}
    groups.sort(key=lambda g: [places[v] for _, v in g])
    table = Table("Forget quality: are the true answers as likely as after retraining?",
                  [Block(", ".join(f"{v}-{k}" for k, v in group), ["KS", "p"]) for group in groups])
    for run in dict.fromkeys(row["run"] for row in rows):
        of = {tuple(row["group"].items()): row for row in rows if row["run"] == run}
        table.add(run, [[f"{of[g]['statistic']:.2f}", p_value(of[g]["p"])] if g in of else ["–", "–"] for g in groups])
        if run == "target" and len(rows) > len(of):
            table.rule()
    return table


def p_value(p: float) -> str:
    """Return a p-value with two digits."""
    return f"{p:.2f}" if p >= 0.01 else f"{p:.1e}"


def legend(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield how to read the gold standard's rows, and where there is none."""
    gold = found["gold"]
    if gold["names"]:
        name = gold["names"][0]
        yield (f"{name}: stage 1 without the forget set. Its row, not chance, is the floor of the forget columns "
               "(Exposure too: the kept people's values rank before those of people it never saw).")
    if gold["quality"]:
        yield ("KS: largest distance between the two distributions of the true answer's probability^(1/tokens), 0 is "
               "best; p is exact for independent answers, but answers about one person are not independent: compare "
               "KS and p between methods, do not take p for a proof.")
    if gold["missing"] and len(found["runs"]) > len(gold["names"]):
        some = ", ".join(gold["missing"]) if len(gold["missing"]) < 6 else f"{len(gold['missing'])} of the runs"
        yield (f"No gold standard for {some}: run it on the same data, forget set, model and "
               "stage 1, and distances to it stand here.")
