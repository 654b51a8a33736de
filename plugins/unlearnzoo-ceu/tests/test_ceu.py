"""CE-U: a second formula, its value and gradient where they are known, and the token that is left out."""

import math

import numpy as np
import pytest
import torch

from unlearnzoo.models.scores import Scores
from unlearnzoo.testing import check_loss, random_inputs
from unlearnzoo_ceu import CEU


def one_token(distribution, logp):
    """Rest of the vocabulary, normalised again: p_j / (1 - p) for all j but the true one."""
    true = int(np.abs(distribution - logp).argmin())
    rest = [j for j in range(len(distribution)) if j != true]
    mass = sum(math.exp(distribution[j]) for j in rest)
    return -sum(math.exp(distribution[j]) / mass * distribution[j] for j in rest)


def forget_term(answers, skipped):
    found = []
    for answer in answers:
        each = [one_token(d, x) for d, x in zip(answer.distribution, answer.logps, strict=True)][skipped:]
        found.append(sum(each) / len(each) if each else 0.0)
    return {"forget": found}


@pytest.mark.parametrize("first", [False, True])
def test_plain(first):
    check_loss(CEU(first=first), lambda forget: forget_term(forget, 0 if first else 1))


def test_with_a_retain_term():
    check_loss(
        CEU(retain_weight=0.5),
        lambda forget, retain: forget_term(forget, 1) | {"retain": [-0.5 * a.logps.mean() for a in retain]},
    )


def known():
    """An opening token, and one whose probabilities are 1/2 (true), 1/3 and 1/6."""
    logits = torch.tensor([[3.0, -1.0, 0.5], [math.log(3), math.log(2), 0.0]], requires_grad=True)
    return Scores(torch.tensor([1, 0]), torch.tensor([0, 0]), 1, raw_logits=logits)


def test_on_a_token_of_known_probability():
    """The rest is 2/3 and 1/3: -(2/3 ln 1/3 + 1/3 ln 1/6); the gradient is p minus the target."""
    forget = known()
    found = CEU().loss(forget)["forget"]
    assert found.tolist() == pytest.approx([(2 * math.log(3) + math.log(6)) / 3], abs=1e-6)
    found.sum().backward()
    wanted = torch.tensor([[0.0, 0.0, 0.0], [1 / 2, 1 / 3 - 2 / 3, 1 / 6 - 1 / 3]])
    assert torch.allclose(forget.raw_logits.grad, wanted, atol=1e-6)


def test_a_step_takes_from_the_true_token_and_leaves_the_others_in_their_proportion():
    """The gradient is p on the true token, and on each other one its probability times -p / (1 - p)."""
    forget = random_inputs({"forget"}, lengths={"forget": (4,)})["forget"]
    CEU(first=True).loss(forget)["forget"].sum().backward()
    chances = forget.logits.detach().softmax(-1)
    true = torch.nn.functional.one_hot(forget.targets, chances.shape[-1]).bool()
    p = chances[true][:, None]
    wanted = torch.where(true, p, -chances * p / (1 - p)) / 4
    assert torch.allclose(forget.raw_logits.grad, wanted, atol=1e-6)


def test_an_answer_of_one_token_adds_nothing():
    """At either end of a batch."""
    for lengths in ((1, 3), (3, 1)):
        forget = random_inputs({"forget"}, lengths={"forget": lengths})["forget"]
        found = CEU().loss(forget)["forget"]
        assert found[lengths.index(1)] == 0 and found[lengths.index(3)] > 0


def test_it_asks_for_no_reference_and_no_retain_answers():
    assert CEU().needs == {"forget"} and CEU(retain_weight=1).needs == {"forget", "retain"}
