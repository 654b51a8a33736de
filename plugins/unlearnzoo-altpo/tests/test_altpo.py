"""AltPO: a second formula, its value at the reference, and which alternates are taken."""

import math

import numpy as np
import pytest
import torch

from unlearnzoo import DataError, Example
from unlearnzoo.models.scores import Scores
from unlearnzoo.testing import random_inputs
from unlearnzoo_altpo import AltPO

LENGTHS = {"forget": (1, 6, 3), "made": (2, 4, 7), "retain": (4, 2)}


def sums(scores, lengths):
    """Each answer's log-probability in float64, from logits where there are some."""
    if scores.raw_logits is None:
        each = scores.kept_logps.double().numpy()
    else:
        logits = scores.raw_logits.detach().double().numpy()
        each = logits[np.arange(len(logits)), scores.targets] - np.log(np.exp(logits).sum(-1))
    return np.array([part.sum() for part in np.split(each, np.cumsum(lengths)[:-1])])


@pytest.mark.parametrize(("beta", "weight"), [(0.1, 1.0), (0.5, 0.0)])
def test_its_terms(beta, weight):
    one = AltPO(beta=beta, retain_weight=weight)
    inputs = random_inputs(one.needs, lengths=LENGTHS)
    found = one.loss(**inputs)
    won, lost = (
        sums(inputs[role], LENGTHS[role]) - sums(inputs[f"{role}_ref"], LENGTHS[role]) for role in ("made", "forget")
    )
    wanted = {"preference": [2 / beta * math.log(1 + math.exp(-beta * x)) for x in won - lost]}
    if weight:
        wanted["retain"] = -weight * sums(inputs["retain"], LENGTHS["retain"]) / LENGTHS["retain"]
    assert found.keys() == wanted.keys()
    for name, values in found.items():
        assert values.tolist() == pytest.approx(list(wanted[name]), rel=1e-6, abs=1e-6)


def test_at_the_reference_it_is_two_over_beta_times_ln_two():
    one = AltPO(retain_weight=0)
    inputs = random_inputs(one.needs, lengths=LENGTHS)
    for role in ("forget", "made"):
        same = inputs[role]
        inputs[f"{role}_ref"] = Scores(same.targets, same.row, same.n, kept_logps=same.token_logps.detach())
    found = one.loss(**inputs)["preference"]
    assert found.tolist() == pytest.approx([20 * math.log(2)] * 3)
    gradients = torch.autograd.grad(found.sum(), [inputs[role].raw_logits for role in ("made", "forget")])
    for gradient, role, sign in zip(gradients, ("made", "forget"), (-1, 1), strict=True):
        assert (sign * gradient.gather(1, inputs[role].targets[:, None]) >= 0).all()


ROWS = [Example(f"r{i}", "Ann", (), "Her job?", f"Ann is a {job}.", (job,)) for i, job in enumerate(("chef", "nurse"))]


class Target:
    """A trainer whose target says what is written, one list per draw."""

    def __init__(self, *said):
        self.pools, self.said, self.asked = {"forget": ROWS}, list(said), []

    def generate(self, examples, which="target", max_new_tokens=None, temperature=0.0, draw=0):
        assert which == "target" and draw == len(self.asked)
        self.asked.append((temperature, [e.question for e in examples]))
        return self.said.pop(0)[: len(examples)]


def test_what_holds_a_keyword_is_drawn_again_for_that_row_alone():
    target = Target(["Ann is a pilot.", "A NURSE, I think."], [""], ["Ann is a chef."])
    one = AltPO(temperature=0.7)
    one.prepare(target)
    assert [one.made(row).answer for row in ROWS] == ["Ann is a pilot.", "Ann is a chef."]
    assert [one.made(row).question for row in ROWS] == ["Her job?"] * 2
    assert [(t, len(asked)) for t, asked in target.asked] == [(0.7, 2), (0.7, 1), (0.7, 1)]
    assert all("Her job?" in q and "Ann is a nurse." in q for q in target.asked[1][1])


def test_the_answer_itself_is_no_alternate_of_a_row_without_keywords():
    row = Example("r", "Ann", (), "Q?", "Yes.")
    one, target = AltPO(), Target(["Yes."], ["No."])
    target.pools = {"forget": [row]}
    one.prepare(target)
    assert one.made(row).answer == "No."


def test_a_row_without_an_alternate_is_named():
    with pytest.raises(DataError, match=r"altpo: row 'r0' and 1 more: no alternate .* raise altpo.tries=2 or"):
        AltPO(tries=2).prepare(Target(["chef", "nurse"], ["a chef", "a nurse"]))


def test_before_a_run_the_memory_estimate_takes_the_row():
    assert AltPO().made(ROWS[0]) == ROWS[0]
