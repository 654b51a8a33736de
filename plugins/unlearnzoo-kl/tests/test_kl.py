"""KL: GA's term, and KL(reference || model) over the retain answers' own tokens."""

import numpy as np
import pytest
import torch

from unlearnzoo.models.scores import Scores
from unlearnzoo.testing import check_loss, random_inputs
from unlearnzoo_kl import KL

NEEDS = {"forget", "retain", "retain_ref"}


@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_terms(weight):
    def divergence(model, reference):
        p, q = reference.distribution, model.distribution
        return weight * (np.exp(p) * (p - q)).sum(-1).mean()

    check_loss(
        KL(retain_weight=weight),
        lambda forget, retain, retain_ref: {
            "forget": [answer.logps.mean() for answer in forget],
            "retain": [divergence(m, r) for m, r in zip(retain, retain_ref, strict=True)],
        },
    )


def test_no_divergence_from_itself():
    inputs = random_inputs(NEEDS, ["retain_ref"])
    same = inputs["retain"]
    inputs["retain_ref"] = Scores(same.targets, same.row, same.n, raw_logits=same.raw_logits.detach())
    torch.testing.assert_close(KL().loss(**inputs)["retain"], torch.zeros(4), atol=1e-6, rtol=0)


def test_the_direction_is_reference_to_model():
    """Where the reference is sure and the model is not, it costs; the other way round far less."""
    targets, row = torch.tensor([0]), torch.tensor([0])
    sure = Scores(targets, row, 1, raw_logits=torch.tensor([[20.0, 0.0]]))
    torn = Scores(targets, row, 1, raw_logits=torch.tensor([[0.0, 0.0]]))
    forget = random_inputs({"forget"})["forget"]
    found = KL().loss(forget, retain=torn, retain_ref=sure)["retain"]
    assert found.item() == pytest.approx(np.log(2), rel=1e-4)
    assert KL().loss(forget, retain=sure, retain_ref=torn)["retain"].item() > 9


def test_it_asks_for_the_references_distribution():
    assert KL().needs == NEEDS
    assert KL.reference == {"retain_ref": "logits"}
    with pytest.raises(RuntimeError, match="retain_ref|log-probabilities"):
        KL().loss(**random_inputs(NEEDS))
