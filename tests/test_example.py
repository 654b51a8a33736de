"""Whom a row is about: one person, or several of whom any may be forgotten."""

import dataclasses

import pytest

from tests.support.couples import Couples
from unlearnzoo import DataError, Example


def test_one_person_is_named_once():
    one = Example("a", "ann", (), "?", "A.")
    assert (one.identity, one.identities) == ("ann", ("ann",))
    assert one == Example("a", identities=("ann",), question="?", answer="A.")
    # No separator is looked for: a name may hold any sign.
    assert Example("a", "Smith; Sons").identities == ("Smith; Sons",)


def test_of_several_the_order_makes_no_difference():
    both = Example("a", identities=("bob", "ann", "bob"), question="?", answer="A.")
    assert (both.identity, both.identities) == ("ann; bob", ("ann", "bob"))
    assert both == Example("a", identities=["ann", "bob"], question="?", answer="A.")
    assert both.about({"bob"}) and both.about({"ann", "cid"}) and not both.about({"cid"}) and not both.about(set())
    assert not both.about({"ann; bob"})  # what is shown is nobody


def test_a_changed_row_stays_about_everybody():
    both = Example("a", identities=("ann", "bob"), answer="A.")
    assert dataclasses.replace(both, answer="B.").identities == ("ann", "bob")
    assert dataclasses.replace(both, identity="", identities=("cid",)).identity == "cid"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            {"identity": "ann", "identities": ("ann", "bob")},
            r"row 'a': identity='ann', but identities=\('ann', 'bob'\)",
        ),
        ({"identities": "ann"}, r"row 'a': identities='ann' is one text; write identities=\('ann',\)"),
    ],
)
def test_two_answers_to_who_it_is_are_refused(given, says):
    with pytest.raises(DataError, match=says):
        Example("a", **given)
    with pytest.raises(DataError, match="row 'a': identity='bob', but"):
        dataclasses.replace(Example("a", "ann"), identity="bob")


def test_a_row_is_forgotten_with_any_of_its_people_and_kept_with_all():
    bench = Couples()
    bench.prepare()
    shared = {"finetune/ann-bob", "finetune/bob-cid", "finetune/cid-dora"}
    forget, retain = ({e.id for e in pool} & shared for pool in (bench.forget_pool(), bench.retain_pool()))
    assert (forget, retain) == ({"finetune/ann-bob"}, shared - {"finetune/ann-bob"})
    assert not any("ann" in e.identities for e in bench.retain_pool())
    assert len(bench.forget_pool()) + len(bench.retain_pool()) == len(bench.learn_pool())
