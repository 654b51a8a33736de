"""DPO: its closed form at the reference, who wins and who loses, and a second formula."""

import math

import numpy as np
import pytest
import torch

from unlearnzoo import OptionError
from unlearnzoo.models.scores import Scores
from unlearnzoo.testing import check_loss, random_inputs
from unlearnzoo_dpo import DPO

NEEDS = {"forget", "forget_ref", "refusal", "refusal_ref"}


def preference(beta):
    """-log sigmoid(x) is log(1 + exp(-x))."""

    def ratios(model, reference):
        return np.array([m.logps.sum() - r.logps.sum() for m, r in zip(model, reference, strict=True)])

    return lambda forget, forget_ref, refusal, refusal_ref: np.logaddexp(
        0, -beta * (ratios(refusal, refusal_ref) - ratios(forget, forget_ref))
    )


@pytest.mark.parametrize("beta", [0.1, 0.7])
def test_plain(beta):
    check_loss(DPO(beta=beta), lambda **inputs: {"preference": preference(beta)(**inputs)})


def test_with_a_retain_term():
    check_loss(
        DPO(retain_weight=2),
        lambda retain, **inputs: {
            "preference": preference(0.1)(**inputs),
            "retain": [-2 * answer.logps.mean() for answer in retain],
        },
    )


def test_at_the_reference_it_is_ln_two():
    inputs = random_inputs(NEEDS)
    for role in ("forget", "refusal"):
        same = inputs[role]
        inputs[f"{role}_ref"] = Scores(same.targets, same.row, same.n, kept_logps=same.token_logps.detach())
    assert DPO().loss(**inputs)["preference"].tolist() == pytest.approx([math.log(2)] * 3)


def test_it_raises_the_refusal_and_lowers_the_answer():
    inputs = random_inputs(NEEDS)
    DPO().loss(**inputs)["preference"].sum().backward()
    for role, sign in (("refusal", -1), ("forget", 1)):
        scores = inputs[role]
        on_targets = scores.raw_logits.grad.gather(1, scores.targets[:, None])
        assert (sign * on_targets >= 0).all()
    assert torch.isfinite(inputs["forget"].raw_logits.grad).all()


def test_inputs_and_options():
    assert DPO().needs == NEEDS
    assert DPO(retain_weight=1).needs == NEEDS | {"retain"}
    with pytest.raises(OptionError, match="beta"):
        DPO(beta=-0.1)


@pytest.mark.parametrize(("beta", "alpha", "weight"), [(0.1, 1.0, 0.05), (0.5, 2.0, 0.5)])
def test_public_code_with_two_over_beta_is_this_one_scaled(beta, alpha, weight):
    """-(2 / beta) log sigmoid(...) + alpha nll, of equally many answers: (2 / beta) times ours at alpha beta / 2."""
    inputs = random_inputs(NEEDS | {"retain"})
    won, lost = (inputs[role].logps - inputs[f"{role}_ref"].logps for role in ("refusal", "forget"))
    theirs = 2 / beta * torch.log1p(torch.exp(-beta * (won - lost))).mean() + alpha * inputs["retain"].nll.mean()
    ours = DPO(beta=beta, retain_weight=weight).loss(**inputs)
    assert (2 / beta * sum(term.mean() for term in ours.values())).item() == pytest.approx(theirs.item(), rel=1e-6)
