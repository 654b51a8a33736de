"""WGA: a second formula, its value and gradient where they are known, and its limit at beta 0."""

import math

import pytest
import torch

from unlearnzoo import OptionError
from unlearnzoo.models.scores import Scores
from unlearnzoo.testing import check_loss, random_inputs
from unlearnzoo_ga import GA
from unlearnzoo_wga import WGA


def forget_term(beta):
    return lambda answers: [sum(math.exp(beta * x) * x for x in a.logps) / len(a.logps) for a in answers]


@pytest.mark.parametrize("beta", [1.0, 0.3, 0.0])
def test_plain(beta):
    check_loss(WGA(beta=beta, retain_weight=0), lambda forget: {"forget": forget_term(beta)(forget)})


def test_with_its_retain_term():
    check_loss(
        WGA(), lambda forget, retain: {"forget": forget_term(1.0)(forget), "retain": [-a.logps.mean() for a in retain]}
    )


def test_on_tokens_of_known_probability():
    """Two tokens of probability 1/2 and 1/4: (ln(1/2) / 2 + ln(1/4) / 4) / 2; p - onehot, weighed, as the gradient."""
    logits = torch.tensor([[0.0, 0.0, -200.0], [math.log(1 / 3), 0.0, -200.0]], requires_grad=True)
    forget = Scores(torch.tensor([0, 0]), torch.tensor([0, 0]), 1, raw_logits=logits)
    found = WGA(retain_weight=0).loss(forget)["forget"]
    assert found.tolist() == pytest.approx([(math.log(0.5) * 0.5 + math.log(0.25) * 0.25) / 2], abs=1e-6)
    found.sum().backward()
    wanted = torch.tensor([[0.5 * 0.5, -0.5 * 0.5, 0.0], [0.25 * 0.75, -0.25 * 0.75, 0.0]]) / 2
    assert torch.allclose(logits.grad, wanted, atol=1e-6)


def test_beta_zero_is_gradient_ascent():
    forget = random_inputs({"forget"})["forget"]
    ours, ascent = WGA(beta=0, retain_weight=0).loss(forget)["forget"], GA().loss(forget)
    assert torch.allclose(ours, ascent if isinstance(ascent, torch.Tensor) else next(iter(ascent.values())), atol=1e-6)


def test_what_is_forgotten_is_let_go():
    forget = random_inputs({"forget"})["forget"]
    unlikely = Scores(forget.targets, forget.row, 3, raw_logits=(30 * forget.logits).detach().requires_grad_())
    WGA(retain_weight=0).loss(unlikely)["forget"].sum().backward()
    gone = unlikely.token_logps < -20
    assert gone.any() and unlikely.raw_logits.grad[gone].abs().max() < 1e-7


def test_inputs_and_options():
    assert WGA().needs == {"forget", "retain"} and WGA(retain_weight=0).needs == {"forget"}
    with pytest.raises(OptionError, match="beta"):
        WGA(beta=-1)
