"""A diagnosis for a person: three tables in a terminal, two pictures where matplotlib is installed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unlearnzoo import printable
from unlearnzoo.reports import table as tables
from unlearnzoo.reports.table import Block, Table, percent
from unlearnzoo_diagnose.names import PROMPT
from unlearnzoo_diagnose.pairs import EXCHANGED_IN_WORDS
from unlearnzoo_diagnose.people import SETS_IN_WORDS

NO_PLOT = "no pictures (pip install 'unlearnzoo[plot]' for them)"
WIDTH = 120


def render(found: Mapping[str, Any]) -> str:
    """Return the tables.

    Args:
        found: from ``diagnosis.diagnose`` or ``diagnosis.load``.
    """
    learn = found["learn"]
    head = (
        f"Stage 1 of {found['benchmark']['name']} with {found['model']['name']}: {learn['pool']['rows']} answers "
        f"about {learn['pool']['identities']} people on {learn['pool']['images']} images, {learn['steps']} steps, "
        f"target seed {found['target_seed']}"
    )
    if found["model"]["is_target"]:
        head = f"{found['benchmark']['name']}: {found['model']['name']}, learned elsewhere"
    verdict = "memorised: the gate is passed" if found["valid"] else found["complaint"].partition(";")[0]
    parts = [printable(head), printable(f"Verdict: {verdict}"), _answers(found).text(WIDTH), _names(found).text(WIDTH)]
    if found["traces"]:
        parts.append(_traces(found).text(WIDTH))
    parts += [printable(f"Note: {note}") for note in found["notes"]]
    return "\n\n".join(parts)


def draw(found: Mapping[str, Any]) -> list[str]:
    """Draw the pictures into the diagnosis' folder; return their names, none without matplotlib."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return []
    from unlearnzoo_diagnose import pictures

    home = Path(found["folder"])
    label = str(found["benchmark"]["name"])
    pictures.names(home / "names.png", {label: found})
    if not found["traces"]:
        return ["names.png"]
    pictures.traces(home / "traces.png", {label: found})
    return ["names.png", "traces.png"]


def _answers(found: Mapping[str, Any]) -> Table:
    """Lay out what the gate's questions gave, by split and hop, and how well taught answers are known."""
    rows = {(r["split"], r["group"]["hop"], r["metric"], r["model"]): r for r in found["memorised"]}
    loss = {(r["group"]["hop"], r["model"]): r for r in found["loss"]}
    metrics = list(dict.fromkeys(r["metric"] for r in found["memorised"]))
    groups = sorted({key[:2] for key in rows})
    taught = next(iter(dict.fromkeys(r["split"] for r in found["gate"])))
    names = [name.upper() if len(name) == 2 else name for name in (m.rpartition("/")[2] for m in metrics)]
    table = Table(
        "What it answers, per cent; perplexity of the taught answers",
        [Block(f"{split}, {hop}-hop", [*names, "perplexity"] if split == taught else names) for split, hop in groups],
    )
    for model in dict.fromkeys(key[3] for key in rows):
        cells = [
            [percent(rows[*group, m, model]["mean"]) if (*group, m, model) in rows else "–" for m in metrics]
            for group in groups
        ]
        for (split, hop), block in zip(groups, cells, strict=True):
            if split == taught:
                block.append(f"{loss[hop, model]['perplexity']:.3g}" if (hop, model) in loss else "–")
        table.add(model, cells)
    table.rule()
    counts = [[_count(rows[*group, m, "target"]) for m in metrics] for group in groups]
    for (split, hop), block in zip(groups, counts, strict=True):
        if split == taught:
            block.append(_count(loss[hop, "target"]) if (hop, "target") in loss else "–")
    table.add("n/people", counts)
    return table


def _count(row: Mapping[str, Any]) -> str:
    return f"{row['n']}/{row['clusters']}"


def _names(found: Mapping[str, Any]) -> Table:
    k = format(found["options"]["k"], "g")
    heads = [
        f"Min-{k} %{' geometric' * found['options'].get('geometric', False)}",
        "inverse perplexity",
        "recalled",
        "n/people",
    ]
    table = Table(f'The name after "{PROMPT}", per cent', [Block("mean [95 % interval over people]", heads)])
    for row in sorted(found["names"], key=lambda r: (list(SETS_IN_WORDS).index(r["set"]), r["model"])):
        cells = [interval(row[name]) for name in ("min_k", "inverse_perplexity")]
        table.add(
            f"{SETS_IN_WORDS[row['set']]}: {row['model']}",
            [[*cells, percent(row["recalled"]["mean"]), _count(row["min_k"])]],
        )
    return table


def _traces(found: Mapping[str, Any]) -> Table:
    # Of a whole layer's output the last one at the last token always gives everything back.
    kinds = [k for k in dict.fromkeys(r["kind"] for r in found["traces"]) if k != "hidden"]
    table = Table(
        "Probability of the answer; with another subject; and the most that one window brings back, per cent",
        [Block("", ["clean", "corrupted", "n"]), *[Block(f"{k} output", ["IE", "where"]) for k in kinds]],
    )
    for key in dict.fromkeys((r["set"], r["model"], r["exchanged"]) for r in found["traces"]):
        rows = {r["kind"]: r for r in found["traces"] if (r["set"], r["model"], r["exchanged"]) == key}
        first = rows[kinds[0]]
        cells = [[percent(first["clean"]["mean"]), percent(first["corrupted"]["mean"]), str(first["clean"]["n"])]]
        cells += [[percent(rows[kind]["peak"]["mean"], signed=True), _place(rows[kind]["peak"])] for kind in kinds]
        table.add(f"{SETS_IN_WORDS[key[0]].partition(',')[0]}: {key[1]}, {EXCHANGED_IN_WORDS[key[2]]}", cells)
    return table


def _place(peak: Mapping[str, Any]) -> str:
    return f"{peak['group']}, layer {peak['layer']}"


def interval(row: Mapping[str, Any]) -> str:
    """Return a mean in per cent with its interval, where there is one."""
    return " ".join(filter(None, (percent(row["mean"]), tables.interval(row["low"], row["high"], percent))))
