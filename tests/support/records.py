"""Records as runs leave them, made up without a model: real folders, real parquet."""

import random
from pathlib import Path

from tests.support.samples import EM
from unlearnzoo import Column
from unlearnzoo.data.words import TEXT_RULE
from unlearnzoo.evaluation import aggregate
from unlearnzoo.evaluation.matched import matched
from unlearnzoo.evaluation.samples import TRUTH, Sample
from unlearnzoo.image import PICTURE_RULE
from unlearnzoo.records.record import Record

EXPOSURE = "unlearnzoo-remem/exposure"
EVALS = (
    Column("EMr", "retain", EM, who="retain", want="high"),
    Column("EMf", "finetune", EM, who="forget", want="low"),
    Column("Exp", "finetune", EXPOSURE, who="forget", want="low"),
    Column("public EM", "utility", EM, who="all", want="high", by=()),
)
BASELINES = (Column("Exp all", "retain", EXPOSURE, who="all", want="low"),)
FORGET = frozenset({"p00", "p01", "p02", "p03"})
HOPS = ("single", "multi")


def judged(model, share, people=20, rows=6, seed=0):
    """Return samples of one model.

    Args:
        share: split → how often it is right.
    """
    draw = random.Random(f"{model} {seed} {sorted(share.items())}")
    truth = random.Random(f"truth {model} {seed}")
    found = []
    for split, right in share.items():
        for i in range(people):
            for j in range(rows):
                score = float(draw.random() < right)
                scores = {EM: score} if split == "utility" else {EM: score, EXPOSURE: 0.2 + score / 2}
                found.append(
                    Sample(
                        model,
                        split,
                        f"{split}-{i}-{j}",
                        f"p{i:02}",
                        {"hop": HOPS[j % 2]},
                        "Who?",
                        "Ann.",
                        "Ann." if score else "Bob.",
                        scores,
                        {f"chance/{EXPOSURE}": 0.293, TRUTH: truth.random() ** (1 / 9 if score else 1)}
                        if split != "utility"
                        else {},
                    )
                )
    return found


def rules(tokens=26, **more):
    """Return today's rules, as a record has them; ``more`` is what it says otherwise."""
    limit = {"tokens": tokens, "origin": "longest answer + 8", "longest": tokens - 8, "row": "r-0"}
    generation = dict.fromkeys(("retain", "finetune", "utility"), limit)
    rules = {"pictures": PICTURE_RULE, "text": TEXT_RULE, "special_tokens": "refuse", "generation": generation}
    return {**rules, **more}


def line(kept, length=7):
    """Return a curve that forgets everything and keeps a share."""
    parts = [i / (length - 1) for i in range(length)]
    return [
        {
            "step": 4 * i,
            "EMf": {"single": 1 - x, "multi": (1 - x) ** 2},
            "EMr": {"single": 1 - (1 - kept) * x**2, "multi": 1 - (1 - kept) * x},
        }
        for i, x in enumerate(parts)
    ]


def finished(runs_dir: Path, algo="npo", kept=0.6, seed=0, forgot=0.1, redactor=None, **more):
    """Write a finished record and return it as the run does."""
    fields = {
        "algorithm": {"name": algo, "distribution": f"unlearnzoo-{algo}", "version": "0.1.0", "options": {}},
        "benchmark": {"name": "remem", "data": "d1", "forget_identities": sorted(FORGET)},
        "model": {"name": "tiny"},
        "seed": seed,
        "target_seed": 0,
        "plan": {"rules": rules()},
        **more,
    }
    samples = [
        *judged("base", {"retain": 0.0, "finetune": 0.0, "utility": 0.9}),
        *judged("target", {"retain": 1.0, "finetune": 1.0, "utility": 0.9}),
        *judged("unlearned", {"retain": kept, "finetune": forgot, "utility": 0.8}, seed=algo),
    ]
    known = [s for s in samples if s.model != "unlearned"]
    with Record.open(runs_dir, algo=algo, bench="remem", redactor=redactor, **fields) as record:
        record.update(valid=True, target={"key": "t1"}, baselines=aggregate.results(known, BASELINES, FORGET))
        record.samples(samples)
        record.finish(
            results=aggregate.results(samples, EVALS, FORGET),
            curve=line(kept),
            matched=matched(line(kept)),
            seconds={"total": 12.0},
            **more,
        )
    return record.data


def measures(**em):
    """Return what a record says of its metrics; ``em`` is what it says otherwise of EM."""
    return {
        EM: {"distribution": "unlearnzoo-metrics", "version": "0.1.0", "options": {}} | em,
        EXPOSURE: {"distribution": "unlearnzoo-remem", "version": "0.1.0", "options": {"n": 3}},
    }


def retrained(runs_dir: Path, **more):
    """Write the record of a gold standard: everything kept, nothing ever known of the forgotten."""
    algorithm = {
        "name": "retrain",
        "distribution": "unlearnzoo-retrain",
        "version": "0.1.0",
        "options": {},
        "gold_standard": True,
    }
    return finished(runs_dir, "retrain", 1.0, forgot=0.0, **{"algorithm": algorithm, **more})
