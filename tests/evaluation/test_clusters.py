"""Connected people are one cluster: in intervals, in tests between models, and where ``all_of`` joins rows."""

import dataclasses
import math
import random

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tests.support.examples import couple
from tests.support.samples import EM, EMF, EMR, sample
from unlearnzoo import Column
from unlearnzoo.evaluation import people
from unlearnzoo.evaluation.aggregate import asks, paired, results
from unlearnzoo.evaluation.clusters import cluster_of
from unlearnzoo.evaluation.evaluator import select

ALL = Column("EM", "finetune", EM, who="all", want="low", by=("hop",))


def clusters(rows):
    """Return each row's cluster."""
    found = cluster_of(rows)
    return [found[row.identities[-1]] for row in rows]


def shared(score, *who, **more):
    """Return a sample about several people."""
    return dataclasses.replace(sample(score, identity="-".join(who), **more), identity="", identities=who)


def test_of_one_person_each_they_are_the_people():
    rows = [sample(1.0, identity=who) for who in ("eve", "ann", "eve", "bob")]
    assert clusters(rows) == ["eve", "ann", "eve", "bob"]
    assert clusters([]) == []


def test_who_shares_a_row_is_one_by_any_way_round():
    rows = [
        shared(1.0, "dora", "cid"),
        sample(1.0, identity="ann"),
        shared(1.0, "bob", "cid"),
        sample(1.0, identity="dora"),
    ]
    for order in (rows, rows[::-1]):
        assert dict(zip((r.id for r in order), clusters(order), strict=True)) == {
            rows[0].id: "bob", rows[1].id: "ann", rows[2].id: "bob", rows[3].id: "bob"
        }  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_they_are_the_connected_components_of_the_graph(seed):
    draw = random.Random(seed)
    names = [f"p{i:02}" for i in range(30)]
    rows = [shared(1.0, *draw.sample(names, draw.choice((1, 1, 2, 3))), number=i) for i in range(draw.randint(1, 30))]
    pairs = [(names.index(r.identities[0]), names.index(other)) for r in rows for other in r.identities]
    graph = coo_array((np.ones(len(pairs)), tuple(zip(*pairs, strict=True))), (30, 30))
    labels = connected_components(graph, directed=False)[1]
    first = {}
    for name, label in sorted(zip(names, labels, strict=True)):
        first.setdefault(label, name)
    assert clusters(rows) == [first[labels[names.index(r.identities[0])]] for r in rows]


def test_the_interval_is_over_connected_people():
    """Six people, of whom a row about two makes five clusters: as if those two were one person."""
    scores = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0]
    alone = [sample(s, identity=f"p{i}") for i, s in enumerate(scores)]
    (row,) = results([*alone, shared(1.0, "p0", "p1")], [ALL], frozenset())
    low, high = people.interval(np.array([2.0, 1.0, 1.0, 0.0, 1.0]), np.array([3, 1, 1, 1, 1]), "share")
    assert (row["mean"], row["n"], row["clusters"]) == (5 / 7, 7, 5)
    assert (row["low"], row["high"]) == (pytest.approx(low), pytest.approx(high))
    joined = [dataclasses.replace(s, identity="", identities=("p0",)) if s.identity == "p1" else s for s in alone]
    same = sample(1.0, identity="p0", number=9)
    (as_one,) = results([*joined, same], [ALL], frozenset())
    assert {k: row[k] for k in ("mean", "low", "high", "clusters")} == {
        k: as_one[k] for k in ("mean", "low", "high", "clusters")
    }


def test_a_row_of_one_group_joins_people_in_the_others():
    """Two people with one address depend on each other in all that is asked about them in the column."""
    rows = [sample(1.0), sample(0.0, identity="bob"), shared(1.0, "ann", "bob", tags={"hop": "multi"})]
    multi, single = results(rows, [ALL], frozenset())
    assert (single["n"], single["clusters"], single["low"]) == (2, 1, None) and multi["clusters"] == 1
    elsewhere = [*rows[:2], shared(1.0, "ann", "bob", split="retain")]  # another column's
    assert results(elsewhere, [ALL], frozenset())[0]["clusters"] == 2


def test_the_test_between_models_is_over_connected_people():
    def answered(model, *scores):
        return [sample(s, identity=f"p{i}", model=model) for i, s in enumerate(scores)]

    a, b = answered("a", *[1.0] * 6), answered("b", *[0.0] * 6)
    link = [shared(1.0, "p0", "p1", model=m) for m in ("a", "b")]
    (without,), (row,) = (paired(x, y, [ALL], frozenset()) for x, y in ((a, b), ([*a, link[0]], [*b, link[1]])))
    assert without["p"] == pytest.approx(2 / 2**6) and row["p"] == pytest.approx(2 / 2**5)
    assert (without["clusters"], row["clusters"]) == (6, 5)


def test_a_shared_row_is_never_kept_where_one_of_its_people_is_forgotten():
    both = shared(0.0, "ann", "bob")
    for gone, forgotten in (({"ann"}, True), ({"bob"}, True), ({"ann", "bob"}, True), ({"cid"}, False)):
        row = dataclasses.replace(both, split="retain")
        assert asks(EMF, both, frozenset(gone)) is forgotten and asks(EMR, row, frozenset(gone)) is not forgotten
    kept = [sample(1.0, identity=who, split="retain") for who in ("bob", "cid")]
    (row,) = results([*kept, dataclasses.replace(both, split="retain")], [EMR], frozenset({"ann"}))
    assert (row["mean"], row["n"]) == (1.0, 2)


def test_what_a_column_asks_follows_its_people():
    rows = [couple("finetune", "ann", "bob"), couple("finetune", "bob", "cid"), couple("finetune", "cid")]
    items = select([EMF], lambda split: rows, frozenset({"ann"}))
    assert [item.example.id for item in items] == ["finetune/ann-bob"]


def test_rows_that_count_together_are_about_the_same_people():
    one = dataclasses.replace(ALL, all_of="asked", by=())
    rows = [shared(s, *who, number=i, tags={"asked": "q"}) for i, (s, who) in enumerate(
        [(1.0, ("ann", "bob")), (0.0, ("bob", "ann")), (1.0, ("ann",)), (1.0, ("cid",))]
    )]  # fmt: skip
    (row,) = results(rows, [one], frozenset())
    assert (row["n"], row["mean"], row["clusters"]) == (3, pytest.approx(2 / 3), 2)


def test_what_cannot_be_scored_joins_people_too():
    rows = [sample(1.0), sample(0.0, identity="bob"), shared(math.nan, "ann", "bob", tags={"hop": "single"})]
    (row,) = results(rows, [ALL], frozenset())
    assert (row["n"], row["clusters"], row["unscored"]) == (2, 1, 1)
