"""Refusal training: its two terms, and what it asks for."""

import pytest

from unlearnzoo.testing import check_loss
from unlearnzoo_idk import IDK


def nll(answers):
    return [-answer.logps.mean() for answer in answers]


@pytest.mark.parametrize("weight", [1.0, 0.25])
def test_with_retain(weight):
    check_loss(
        IDK(retain_weight=weight),
        lambda refusal, retain: {"refusal": nll(refusal), "retain": [weight * x for x in nll(retain)]},
    )


def test_alone():
    check_loss(IDK(retain_weight=0), lambda refusal: {"refusal": nll(refusal)})


def test_it_never_sees_the_forgotten_answer():
    assert IDK().needs == {"refusal", "retain"} and IDK(retain_weight=0).needs == {"refusal"}
