"""SimNPO: a second formula, its value where an answer is certain, and where it lets go."""

import math

import numpy as np
import pytest
import torch

from unlearnzoo.models.scores import Scores
from unlearnzoo.testing import check_loss, random_inputs
from unlearnzoo_simnpo import SimNPO


def forget_term(beta, delta):
    """-log sigmoid(x) is log(1 + exp(-x))."""
    return lambda answers: [2 / beta * np.logaddexp(0, -beta * (-a.logps.mean() - delta)) for a in answers]


@pytest.mark.parametrize(("beta", "delta"), [(4.5, 0.0), (1.0, 0.5)])
def test_plain(beta, delta):
    check_loss(SimNPO(beta=beta, delta=delta), lambda forget: {"forget": forget_term(beta, delta)(forget)})


def test_with_a_retain_term():
    check_loss(
        SimNPO(retain_weight=0.5),
        lambda forget, retain: {
            "forget": forget_term(4.5, 0.0)(forget),
            "retain": [-0.5 * a.logps.mean() for a in retain],
        },
    )


@pytest.mark.parametrize("beta", [0.5, 4.5])
def test_a_certain_answer_costs_two_over_beta_times_ln_two(beta):
    targets, row = torch.tensor([0, 1, 2]), torch.tensor([0, 0, 1])
    certain = Scores(targets, row, 2, kept_logps=torch.zeros(3))
    assert SimNPO(beta=beta).loss(certain)["forget"].tolist() == pytest.approx([2 / beta * math.log(2)] * 2)


def test_what_is_forgotten_is_let_go():
    forget = random_inputs({"forget"})["forget"]
    for beta, bound in ((50.0, 1e-6), (0.01, 1.0)):
        found = SimNPO(beta=beta).loss(forget)["forget"].sum()
        (grad,) = torch.autograd.grad(found, forget.raw_logits, retain_graph=True)
        assert (grad.abs().max() < bound) and (beta > 1 or grad.abs().max() > 1e-2)


def test_public_code_with_its_two_weights_is_this_one_scaled():
    """0.125 of the forget term and 1 of the retain loss: 0.125 of ours with a retain weight of 8."""
    inputs = random_inputs({"forget", "retain"})
    forget, retain = inputs["forget"], inputs["retain"]
    theirs = 0.125 * (2 / 4.5) * torch.log1p(torch.exp(-4.5 * forget.nll)).mean() + retain.nll.mean()
    ours = SimNPO(retain_weight=8).loss(**inputs)
    assert 0.125 * sum(term.mean().item() for term in ours.values()) == pytest.approx(theirs.item(), rel=1e-6)
