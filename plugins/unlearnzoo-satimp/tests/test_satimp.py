"""SatImp: a second formula, tokens of known probability, its limits, and where it pushes hardest."""

import math

import pytest
import torch

from unlearnzoo import OptionError
from unlearnzoo.models.scores import Scores
from unlearnzoo.testing import check_loss, random_inputs
from unlearnzoo_satimp import SatImp
from unlearnzoo_wga import WGA


def forget_term(beta1, beta2):
    def value(logps):
        return sum(p**beta1 * (1 - p) ** beta2 * math.log(p) for p in map(math.exp, logps)) / len(logps)

    return lambda answers: [value(answer.logps) for answer in answers]


@pytest.mark.parametrize(("beta1", "beta2"), [(5.0, 1.0), (0.5, 2.0), (1.0, 0.0)])
def test_plain(beta1, beta2):
    check_loss(
        SatImp(beta1=beta1, beta2=beta2, retain_weight=0), lambda forget: {"forget": forget_term(beta1, beta2)(forget)}
    )


def test_with_its_retain_term():
    check_loss(
        SatImp(),
        lambda forget, retain: {
            "forget": forget_term(5.0, 1.0)(forget),
            "retain": [-0.1 * a.logps.mean() for a in retain],
        },
    )


def test_on_a_token_of_known_probability():
    """p = 1/2: 2^-5 * 1/2 * ln(1/2), and the gradient is the weight times onehot - p."""
    logits = torch.zeros(1, 2, requires_grad=True)
    forget = Scores(torch.tensor([0]), torch.tensor([0]), 1, raw_logits=logits)
    found = SatImp(retain_weight=0).loss(forget)["forget"]
    assert found.tolist() == pytest.approx([2**-6 * math.log(0.5)], abs=1e-6)
    found.sum().backward()
    assert logits.grad.tolist()[0] == pytest.approx([2**-7, -(2**-7)], abs=1e-6)


def test_without_importance_it_is_weighted_ascent():
    forget = random_inputs({"forget"})["forget"]
    ours = SatImp(beta1=2, beta2=0, retain_weight=0).loss(forget)["forget"]
    assert torch.allclose(ours, WGA(beta=2, retain_weight=0).loss(forget)["forget"], atol=1e-6)


def test_the_weight_is_largest_at_beta1_over_the_sum_of_both():
    """p^a (1 - p)^b has its maximum at a / (a + b): 5/6 by default. A certain token still counts in fp32."""
    chances = torch.linspace(0.01, 0.999, 990).double()
    logps = chances.log().float()
    forget = Scores(torch.arange(990), torch.arange(990), 990, kept_logps=logps)
    weights = SatImp(retain_weight=0).loss(forget)["forget"] / logps
    assert chances[weights.argmax()].item() == pytest.approx(5 / 6, abs=2e-3)
    sure = Scores(torch.tensor([0]), torch.tensor([0]), 1, kept_logps=torch.tensor([-1e-9]))
    assert SatImp(retain_weight=0).loss(sure)["forget"].item() == pytest.approx(-1e-18, rel=1e-3)


def test_inputs_and_options():
    assert SatImp().needs == {"forget", "retain"} and SatImp(retain_weight=0).needs == {"forget"}
    with pytest.raises(OptionError, match="beta2"):
        SatImp(beta2=-0.5)
