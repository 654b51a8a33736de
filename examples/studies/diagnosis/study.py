"""Is what current benchmarks teach memorised? Three benchmarks, one recipe, one table and three pictures.

    python examples/studies/diagnosis/study.py --out diagnosis

ReMem (100 questions, two hops, many views), a FIUBench-like set (one image, 20 multi-hop questions)
and an MLLMU-Bench-like one (one image, one question), all about the same 20 people. Each is learned
with the recipe's epochs, as the paper does, and with ``--equal-steps`` with ReMem's number of steps
as well. What is done is found again: an interrupted study goes on where it was.
"""

import argparse
import json
import sys
from pathlib import Path

from unlearnzoo import ZooError
from unlearnzoo.cli.common import quieten
from unlearnzoo.planning.make import make_plan
from unlearnzoo.planning.request import Request
from unlearnzoo.registry.zoo import Zoo
from unlearnzoo.reports.table import percent
from unlearnzoo.runs.progress import ConsoleProgress
from unlearnzoo.storage.atomic import atomic_write
from unlearnzoo_diagnose import diagnosis, pictures, report

#: Label → options. With few questions per person, the builder asks for the name first.
BENCHMARKS = {
    "ReMem": {},
    "FIUBench-like": {"remem.views": 1, "remem.qa": 20, "remem.single": 0},
    "MLLMU-like": {"remem.views": 1, "remem.qa": 1, "remem.single": 0},
}
EQUAL = ", equal steps"


def main() -> int:
    """Run what is missing; write the table and the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for everything; started again it goes on")
    parser.add_argument("--model", default="tiny", help="installed model, folder or hub id")
    parser.add_argument("--target-seeds", default="0", help="seeds of stage 1, separated by commas")
    parser.add_argument("--equal-steps", action="store_true", help="also with ReMem's number of steps for the others")
    given = parser.parse_args()
    quieten()
    found: dict[str, list[dict]] = {}
    try:
        for seed in map(int, given.target_seeds.split(",")):
            steps = 0
            for label, options in BENCHMARKS.items():
                found.setdefault(label, []).append(one(given, label, options, seed))
                steps = steps or found[label][-1]["learn"]["steps"]
                if given.equal_steps and label != "ReMem":
                    longer = label + EQUAL
                    found.setdefault(longer, []).append(one(given, longer, {**options, "learn.steps": steps}, seed))
    except ZooError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    write(given.out, dict(sorted(found.items(), key=lambda item: EQUAL in item[0])))
    return 0


def one(given: argparse.Namespace, label: str, options: dict, seed: int) -> dict:
    """Return one diagnosis, found or made."""
    home = given.out / label.lower().replace(",", "").replace(" ", "-") / f"seed-{seed}"
    for folder in sorted(home.glob("*_diagnose_*")):
        if (folder / diagnosis.RECORD).exists():
            return diagnosis.load(folder)
    print(f"{label}, target seed {seed}", file=sys.stderr)
    request = Request(
        bench="remem",
        model=given.model,
        target_seed=seed,
        runs_dir=home,
        set=options,
        command=f"examples/studies/diagnosis/study.py: {label}",
    )
    made = diagnosis.diagnose(make_plan(request, Zoo.installed()), diagnosis.Options(), ConsoleProgress())
    report.draw(made)
    return made


def write(out: Path, found: dict[str, list[dict]]) -> None:
    """Print and write the table, and draw the paper's figures 1, 2 and 5 of the first seed."""
    lines = table(found)
    print("\n".join(lines))
    atomic_write(out / "table.md", ("\n".join(lines) + "\n").encode())
    atomic_write(
        out / "table.json",
        json.dumps(
            {
                label: [
                    {key: d[key] for key in ("learn", "names", "memorised", "loss", "traces", "seconds")} for d in ds
                ]
                for label, ds in found.items()
            },
            indent=1,
        ).encode(),
    )
    first = {label: ds[0] for label, ds in found.items() if label in BENCHMARKS}
    pictures.answers(out / "answers.png", first)
    pictures.names(out / "names.png", first)
    pictures.traces(out / "traces.png", first, exchanged="image")


def table(found: dict[str, list[dict]]) -> list[str]:
    """Return the table in Markdown: means over target seeds, each seed in brackets where there are several."""
    heads = (
        "learned from",
        "steps",
        "EM taught",
        "ROUGE taught",
        "EM held-out",
        "perplexity",
        "Min-k %",
        "inverse perplexity",
        "recalled",
        "held-out images: Min-k %",
        "inverse perplexity",
        "IE, MLP",
        "people",
    )
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    real = next((d for ds in found.values() for d in ds if any(o["set"] == "real" for o in d["names"])), None)
    if real is not None:
        lines.append(row("Real Set (the base)", [real], "base", "real"))
    lines += [row(label, ds, "target", "taught") for label, ds in found.items()]
    return lines


def row(label: str, ds: list[dict], model: str, kind: str) -> str:
    """Return a row of the table."""

    def names(which: str, measure: str) -> list[float | None]:
        return [
            next((o[measure]["mean"] for o in d["names"] if (o["model"], o["set"]) == (model, which)), None) for d in ds
        ]

    def answers(split: str, metric: str) -> list[float | None]:
        return [pictures.rows_of(d, split).get(f"unlearnzoo-metrics/{metric}") for d in ds]

    wanted = (model, kind, "image", "mlp")
    peaks = [
        next(
            (t["peak"]["mean"] for t in d["traces"] if (t["model"], t["set"], t["exchanged"], t["kind"]) == wanted),
            None,
        )
        for d in ds
    ]
    taught = kind == "taught"
    perplexity = [weighted(d["loss"], model) for d in ds]
    cells = [label, str(ds[0]["learn"]["steps"]) if taught else "–"]
    cells += [
        over(answers(*which)) if taught else "–"
        for which in (("finetune", "em"), ("finetune", "rouge"), ("test", "em"))
    ]
    cells.append(" / ".join(f"{x:.3g}" for x in perplexity) if taught else "–")
    cells += [over(names(kind, measure)) for measure in ("min_k", "inverse_perplexity", "recalled")]
    cells += [over(names("held-out", measure)) if taught else "–" for measure in ("min_k", "inverse_perplexity")]
    people = next(o["min_k"]["clusters"] for o in ds[0]["names"] if (o["model"], o["set"]) == (model, kind))
    return "| " + " | ".join([*cells, over(peaks), str(people)]) + " |"


def weighted(rows: list[dict], model: str) -> float:
    """Return the perplexity over all hops."""
    import math

    mine = [r for r in rows if r["model"] == model]
    return math.exp(sum(r["mean"] * r["n"] for r in mine) / sum(r["n"] for r in mine))


def over(values: list[float | None]) -> str:
    """Return the mean over target seeds in per cent, and each of them where there are several."""
    known = [x for x in values if x is not None]
    if not known:
        return "–"
    each = f" ({', '.join(percent(x) for x in known)})" if len(known) > 1 else ""
    return percent(sum(known) / len(known)) + each


if __name__ == "__main__":
    sys.exit(main())
