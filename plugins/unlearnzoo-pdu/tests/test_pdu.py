"""PDU: values and gradients of known logits, and the way of its dual variable."""

import copy

import pytest
import torch

from unlearnzoo.models.scores import Scores
from unlearnzoo.testing import random_inputs
from unlearnzoo_pdu import PDU


def scores(logits, lengths):
    rows = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    return Scores(torch.zeros(len(rows), dtype=torch.long), rows, len(lengths), raw_logits=logits)


def test_the_forget_term_of_known_logits():
    """Logits 3, 0, 0: (3 - 1)^2 = 4; flat ones: 0. The gradient is 2 * 2 * (onehot - 1/3), halved by the mean."""
    logits = torch.tensor([[3.0, 0.0, 0.0], [2.0, 2.0, 2.0], [1.0, 4.0, 1.0]], requires_grad=True)
    forget, retain = scores(logits, (2, 1)), random_inputs({"retain"})["retain"]
    found = PDU().loss(forget, retain)["forget"]
    assert found.tolist() == pytest.approx([2.0, 4.0], abs=1e-6)
    found.sum().backward()
    assert logits.grad[0].tolist() == pytest.approx([4 / 3, -2 / 3, -2 / 3], abs=1e-6)
    assert logits.grad[2].tolist() == pytest.approx([-4 / 3, 8 / 3, -4 / 3], abs=1e-6)


@pytest.mark.parametrize("dual", [0.0, 7.0])
def test_the_gradient_is_that_of_the_lagrangian_and_the_value_the_retain_loss(dual):
    one = PDU(dual=dual)
    inputs = random_inputs(one.needs)
    retain = inputs["retain"]
    found = one.loss(**inputs)["retain"]
    logits = retain.logits.detach().clone().requires_grad_()
    each = torch.logsumexp(logits, -1) - logits[torch.arange(len(logits)), retain.targets]
    nll = torch.stack([each[retain.row == row].mean() for row in range(retain.n)])
    assert torch.allclose(found, nll, atol=1e-6)
    lagrangian = (dual * (nll - one.epsilon)).sum()
    (wanted,) = torch.autograd.grad(lagrangian, logits)
    (gradient,) = torch.autograd.grad(found.sum(), retain.raw_logits)
    assert torch.allclose(gradient, wanted, atol=1e-6)


def test_the_weight_grows_above_epsilon_falls_below_it_and_ends_at_0():
    one = PDU(dual=1, dual_step=5, epsilon=0.3)
    told = [one.after_step({"forget": 9.0, "retain": loss}) for loss in (0.5, 0.2, 0.0, 0.0, 0.4)]
    assert [t["weight"] for t in told] == pytest.approx([1.0, 2.0, 1.5, 0.0, 0.0])
    assert one.weight == pytest.approx(0.5)


def test_it_waits_for_the_warm_up_and_starts_anew():
    one = PDU(dual=1, warmup=2)
    for _ in range(2):
        one.after_step({"retain": 1.3})
    assert one.weight == 1
    one.after_step({"retain": 1.3})
    assert one.weight == pytest.approx(6)
    one.prepare(None)
    assert (one.weight, one.seen) == (1, 0)


def test_its_state_is_kept_and_put_back():
    from unlearnzoo.training.checkpointing.state import algorithm_state, load_algorithm_state

    one = PDU()
    for loss in (0.9, 0.1, 0.7):
        one.after_step({"retain": loss})
    facts, tensors = algorithm_state(one, set(one.values()))
    other = PDU()
    load_algorithm_state(other, facts, tensors, set(other.values()))
    assert (other.weight, other.seen) == (one.weight, 3) and one.weight != PDU().weight
    assert copy.copy(other).after_step({"retain": 0.4}) == one.after_step({"retain": 0.4})
