"""NPO: its closed form at the reference, its limit at beta 0, and a second formula."""

import math

import numpy as np
import pytest
import torch

from unlearnzoo import OptionError
from unlearnzoo.models.scores import Scores
from unlearnzoo.testing import check_loss, random_inputs
from unlearnzoo_npo import NPO

NEEDS = {"forget", "forget_ref"}


def forget_term(beta):
    """-log sigmoid(-x) is log(1 + exp(x))."""
    return lambda forget, forget_ref: [
        2 / beta * np.logaddexp(0, beta * (f.logps.sum() - r.logps.sum()))
        for f, r in zip(forget, forget_ref, strict=True)
    ]


@pytest.mark.parametrize("beta", [0.1, 1.0])
def test_plain(beta):
    check_loss(NPO(beta=beta), lambda **inputs: {"forget": forget_term(beta)(**inputs)})


def test_with_a_retain_term():
    check_loss(
        NPO(retain_weight=0.5),
        lambda retain, **inputs: {
            "forget": forget_term(0.1)(**inputs),
            "retain": [-0.5 * answer.logps.mean() for answer in retain],
        },
    )


@pytest.mark.parametrize("beta", [0.05, 0.1, 2.0])
def test_at_the_reference_it_is_two_over_beta_times_ln_two(beta):
    forget = random_inputs({"forget"})["forget"]
    reference = Scores(forget.targets, forget.row, forget.n, kept_logps=forget.token_logps.detach())
    found = NPO(beta=beta).loss(forget, reference)["forget"]
    assert found.tolist() == pytest.approx([2 / beta * math.log(2)] * 3)


def gradient(loss, inputs):
    return torch.autograd.grad(loss.sum(), inputs["forget"].raw_logits, retain_graph=True)[0]


def test_its_gradient_tends_to_ascent_on_the_answers_log_probability():
    inputs = random_inputs(NEEDS)
    ascent = gradient(inputs["forget"].logps, inputs)
    errors = [
        (gradient(NPO(beta=b).loss(**inputs)["forget"], inputs) - ascent).abs().max().item() for b in (1e-1, 1e-2, 1e-3)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.01 * ascent.abs().max()


def test_with_equal_lengths_the_limit_is_gradient_ascents_direction():
    inputs = random_inputs(NEEDS, lengths={"forget": (5, 5, 5)})
    ours = gradient(NPO(beta=1e-4).loss(**inputs)["forget"], inputs).flatten()
    ga = gradient(-inputs["forget"].nll, inputs).flatten()
    assert torch.cosine_similarity(ours, ga, dim=0) > 0.9999
    assert (ours.norm() / ga.norm()).item() == pytest.approx(5, rel=1e-2)


def test_what_is_forgotten_is_let_go():
    inputs = random_inputs(NEEDS)
    forget = inputs["forget"]
    sure = Scores(forget.targets, forget.row, 3, kept_logps=forget.token_logps.detach() + 90)
    assert gradient(NPO().loss(forget, sure)["forget"], inputs).abs().max() < 1e-3


def test_inputs_and_options():
    assert NPO().needs == NEEDS
    assert NPO(retain_weight=1).needs == NEEDS | {"retain"}
    assert NPO().values() == {"beta": 0.1, "retain_weight": 0.0}
    with pytest.raises(OptionError, match="beta"):
        NPO(beta=0)
