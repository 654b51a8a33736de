"""Refusal training: its two terms, and what it asks for."""

import pytest

from unlearnzoo.testing import check_loss, random_inputs
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


def test_one_mean_over_all_tokens_is_a_retain_weight_by_lengths():
    """Public code's joint mean, on answers of equal length within each kind: 3 for retain answers 3 times as long."""
    inputs = random_inputs({"refusal", "retain"}, lengths={"refusal": (2, 2, 2), "retain": (6, 6, 6)})
    tokens = [inputs[role].token_logps for role in ("refusal", "retain")]
    theirs = -sum(t.sum() for t in tokens) / sum(len(t) for t in tokens)
    ours = sum(term.mean() for term in IDK(retain_weight=3).loss(**inputs).values())
    assert (ours / 4).item() == pytest.approx(theirs.item(), rel=1e-6)
