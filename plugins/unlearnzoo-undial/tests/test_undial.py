"""UNDIAL: a second formula, its minimum, and its limit at a small beta."""

import numpy as np
import pytest
import torch

from unlearnzoo.models.scores import Scores
from unlearnzoo.testing import check_loss, random_inputs
from unlearnzoo_undial import UNDIAL

LENGTHS = (1, 6, 3)


def adjusted(answer, beta, tokens):
    """Lower the true tokens' log-probability by beta and normalise again."""
    found = answer.distribution.copy()
    found[np.arange(len(tokens)), tokens] -= beta
    return np.exp(found) / np.exp(found).sum(-1, keepdims=True)


def formula(beta):
    def forget(forget, forget_ref):
        found = []
        for ours, theirs in zip(forget, forget_ref, strict=True):
            tokens = [
                int(np.flatnonzero(np.isclose(row, logp))[0])
                for row, logp in zip(ours.distribution, ours.logps, strict=True)
            ]
            found.append(-(adjusted(theirs, beta, tokens) * ours.distribution).sum(-1).mean())
        return {"forget": found}

    return forget


@pytest.mark.parametrize("beta", [10.0, 0.5])
def test_plain(beta):
    check_loss(UNDIAL(beta=beta), formula(beta))


def test_with_a_retain_term():
    check_loss(
        UNDIAL(retain_weight=2),
        lambda retain, **inputs: {**formula(10.0)(**inputs), "retain": [-2 * a.logps.mean() for a in retain]},
    )


def test_its_minimum_is_the_adjusted_reference():
    inputs = random_inputs({"forget", "forget_ref"}, {"forget_ref"})
    forget, ref = inputs["forget"], inputs["forget_ref"]
    lowered = ref.logits - 10 * torch.nn.functional.one_hot(forget.targets, ref.logits.shape[-1])
    best = Scores(forget.targets, forget.row, forget.n, raw_logits=lowered.clone().requires_grad_())
    loss = UNDIAL().loss(best, ref)["forget"].sum()
    (grad,) = torch.autograd.grad(loss, best.raw_logits)
    assert grad.abs().max() < 1e-5
    assert (loss <= UNDIAL().loss(forget, ref)["forget"].sum()).item()


def test_it_needs_distributions():
    assert UNDIAL().reference == {"forget_ref": "logits"} and UNDIAL().needs == {"forget", "forget_ref"}
