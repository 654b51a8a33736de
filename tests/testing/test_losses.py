"""The kit for plugin authors finds the mistakes it is made for."""

import pytest
import torch

from unlearnzoo import Unlearner
from unlearnzoo.testing import AdaptedModel, check_loss, random_inputs


class Sum(Unlearner):
    """The sum of log-probabilities."""

    name = "sum"

    def loss(self, forget):
        return forget.logps


def total(forget):
    return {"loss": [answer.logps.sum() for answer in forget]}


def test_a_right_loss_passes():
    check_loss(Sum(), total)


def test_another_formula_is_told():
    with pytest.raises(AssertionError, match="loss"):
        check_loss(Sum(), lambda forget: {"loss": [a.logps.mean() for a in forget]})


def test_a_scalar_is_told():
    class Scalar(Sum):
        name = "scalar"

        def loss(self, forget):
            return forget.logps.mean()

    with pytest.raises(AssertionError, match="one value per answer"):
        check_loss(Scalar(), total)


def test_a_detached_loss_is_told():
    class Detached(Sum):
        name = "detached"

        def loss(self, forget):
            return forget.logps.detach() + 0 * forget.logps

    with pytest.raises(AssertionError, match="no gradient"):
        check_loss(Detached(), total)


def test_a_missing_term_is_told():
    with pytest.raises(AssertionError, match="has terms"):
        check_loss(Sum(), lambda forget: {"forget": [0, 0, 0]})


def test_the_models_three_states_differ():
    model = AdaptedModel()
    with torch.no_grad():
        base, target, policy = (model.scores("forget", state).logps for state in ("base", "target", "unlearned"))
    assert (base - target).abs().min() > 1e-2
    assert (policy - target).abs().min() > 1e-2


def test_padding_changes_no_answer():
    model, alone = AdaptedModel(), AdaptedModel()
    alone.lengths = {"forget": (1,)}
    for state in ("target", "unlearned"):
        one, several = alone.scores("forget", state, (1,)), model.scores("forget", state, (1,))
        assert torch.allclose(one.logits, several.logits[:1], atol=1e-6)
        assert torch.allclose(one.hidden[1], several.hidden[1][:1], atol=1e-6)


def test_hidden_states_are_there_where_a_layer_is_asked_for():
    model = AdaptedModel()
    for found in (
        random_inputs({"forget", "forget_ref"}, layers=(1, 9)),
        model.inputs({"forget", "forget_ref"}, layers=(1, 9)),
    ):
        assert {layer: len(states) for layer, states in found["forget"].hidden.items()} == {1: 10, 9: 10}
        assert found["forget"].hidden[9].requires_grad and not found["forget_ref"].hidden[9].requires_grad
    with pytest.raises(RuntimeError, match="no hidden states"):
        _ = model.inputs({"forget"})["forget"].hidden


def test_inputs_share_targets_with_their_reference_and_the_seed_changes_the_logits():
    inputs, others = (random_inputs({"forget", "forget_ref"}, seed=seed) for seed in (0, 1))
    assert torch.equal(inputs["forget"].targets, inputs["forget_ref"].targets)
    assert not torch.equal(inputs["forget"].raw_logits, others["forget"].raw_logits)
    with pytest.raises(RuntimeError, match="log-probabilities only"):
        _ = inputs["forget_ref"].logits
