"""Means over people: those who share a row are one, and what a person was taught with others counts as theirs."""

import dataclasses
from types import SimpleNamespace

from unlearnzoo import Example, Metric
from unlearnzoo.evaluation.samples import Sample
from unlearnzoo_diagnose import numbers
from unlearnzoo_diagnose.people import Person

ROWS = [
    Example("1", "ann", question="?", answer="a b", keywords=("a",), tags={"hop": "single"}),
    Example("2", "bob", question="?", answer="c d", keywords=("c",), tags={"hop": "single"}),
    Example("3", "cid", question="?", answer="e f", keywords=("e",), tags={"hop": "single"}),
    Example("4", identities=("bob", "ann"), question="?", answer="g h", keywords=("g",), tags={"hop": "single"}),
]


class Share(Metric):
    """Scores 1 where the answer was given."""

    name = "share"

    def score(self, prediction, answer):
        return float(prediction == answer)


def test_what_is_memorised_is_over_connected_people():
    bench = SimpleNamespace(gate={"train": 0.8}, examples=lambda split: ROWS, learn_pool=lambda: ROWS)
    plan = SimpleNamespace(benchmark=bench, examples=bench.examples, metrics={"x/share": Share()})
    samples = [
        Sample("target", "train", e.id, e.identity, e.tags, e.question, e.answer, "a b", {}, identities=e.identities)
        for e in ROWS
    ]
    (row,) = numbers.memorised(plan, SimpleNamespace(samples={"target": samples}))
    assert (row["mean"], row["n"], row["clusters"]) == (0.25, 4, 2)
    (row,) = numbers.memorised(plan, SimpleNamespace(samples={"target": samples[:3]}))
    assert (row["n"], row["clusters"]) == (3, 3)


def test_the_loss_is_of_all_that_somebody_was_taught_with():
    plan = SimpleNamespace(benchmark=SimpleNamespace(learn_pool=lambda: ROWS))
    logps = {"1": [-1.0], "2": [-2.0], "3": [-50.0], "4": [-4.0, -6.0]}
    engine = SimpleNamespace(
        encode=lambda e: e.id, score=lambda encoded, state: [SimpleNamespace(logps=logps[i]) for i in encoded]
    )
    (row,) = numbers.loss(plan, SimpleNamespace(engine=engine), "target", [Person("ann", "Ann", ())])
    assert (row["mean"], row["n"]) == (3.0, 2)  # hers, and hers with bob
    people = [Person(who, who, ()) for who in ("ann", "bob")]
    (row,) = numbers.loss(plan, SimpleNamespace(engine=engine), "target", people)
    assert (row["n"], row["clusters"]) == (3, 1)
    alone = [dataclasses.replace(e) for e in ROWS[:3]]
    plan = SimpleNamespace(benchmark=SimpleNamespace(learn_pool=lambda: alone))
    (row,) = numbers.loss(plan, SimpleNamespace(engine=engine), "target", people)
    assert (row["mean"], row["n"], row["clusters"]) == (1.5, 2, 2)
