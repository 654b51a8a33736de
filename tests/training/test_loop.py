"""The training loop: what is minimised does not depend on how a step is cut."""

import math

import pytest
import torch

from tests.support.engines import settle, steps_of
from tests.support.examples import people
from unlearnzoo import Unlearner
from unlearnzoo.errors import Diverged, RunError
from unlearnzoo.models.lora import state_hash
from unlearnzoo.training import loop, stages
from unlearnzoo.training.inputs import StepInputs, micro_inputs
from unlearnzoo.training.recipe import Learn, Unlearn
from unlearnzoo.training.reference import Reference
from unlearnzoo.training.schedule import draws


class All(Unlearner):
    """Uses every input there is."""

    name = "all"
    reference = {"retain_ref": "logits"}

    def loss(self, forget, forget_ref, retain, retain_ref, refusal, refusal_ref):
        margin = (refusal.logps - refusal_ref.logps) - (forget.logps - forget_ref.logps)
        return {"forget": margin.tanh() + forget.nll, "retain": retain.kl(retain_ref)}


def a_step(engine):
    examples = people(4, 4)
    chosen = {"forget": examples[:7], "refusal": examples[:7], "retain": examples[8:]}
    return StepInputs(engine, chosen, lambda e: f"I would rather not say, {e.id[-1]}.")


def gradients(engine, per_image, max_tokens, packs=True):
    settle(engine, packs)
    recipe = Unlearn(per_image=per_image, micro_tokens=max_tokens)
    objective = loop.Objective(All().loss, All().needs, frozenset({"retain_ref"}), Reference(engine, "x"))
    engine.model.zero_grad()
    terms = loop._accumulate(engine, a_step(engine), recipe, objective, steps_of(engine, recipe))
    return terms, {n: p.grad.clone() for n, p in engine.model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(("per_image", "max_tokens", "packs"), [(2, 1, True), (8, 200, True), (1, 300, False)])
def test_the_objective_does_not_depend_on_micro_batches_or_packing(engine, per_image, max_tokens, packs):
    whole_terms, whole = gradients(engine, 8, 10**6)
    terms, cut = gradients(engine, per_image, max_tokens, packs)
    assert terms == pytest.approx(whole_terms, rel=1e-5)
    assert whole.keys() == cut.keys() and all(".unlearn." in n for n in whole)
    for name, expected in whole.items():
        assert (cut[name] - expected).abs().max() <= 2e-5 * expected.abs().max(), name


def test_inputs_equal_separate_forwards_of_each_role_and_state(engine):
    step = a_step(engine)
    settle(engine, True)
    reference = Reference(engine, "x")
    reference.fill(step.encoded, 8, 10**6, True)
    needs = All().needs
    members, batch = next(iter(engine.batches(step.encoded, 8, 10**6, step.bundle)))
    found = micro_inputs(engine, step, members, batch, needs, reference, frozenset({"retain_ref"}))
    assert found.keys() == needs
    for name, scores in found.items():
        role = name.removesuffix("_ref")
        alone = [e for e, r in zip(step.encoded, step.role, strict=True) if r == role]
        expected = engine.score(alone, "target" if name.endswith("_ref") else "unlearned")
        assert scores.logps.tolist() == pytest.approx([sum(j.logps) for j in expected], abs=1e-4), name
    kept = found["retain_ref"]
    recomputed = -torch.nn.functional.cross_entropy(kept.logits, kept.targets, reduction="none")
    assert torch.allclose(recomputed, kept.token_logps, atol=1e-5)
    assert not kept.logits.requires_grad
    with pytest.raises(RuntimeError, match="log-probabilities only"):
        _ = found["forget_ref"].logits


def test_a_pair_stays_in_one_micro_batch(engine):
    step = a_step(engine)
    for members, _ in engine.batches(step.encoded, 2, 1, step.bundle):
        roles = [step.role[i] for i in members]
        assert roles.count("forget") == roles.count("refusal")


def test_the_reference_is_computed_once_per_answer(engine, monkeypatch):
    step, reference = a_step(engine), Reference(engine, "x")
    reference.fill(step.encoded, 8, 10**6)
    monkeypatch.setattr(engine, "forward", lambda *a: pytest.fail("computed again"))
    reference.fill(step.encoded, 8, 10**6)


@pytest.mark.parametrize("bad", [lambda s: s.nll.mean(), lambda s: s.token_logps, lambda s: s.nll[:-1]])
def test_a_loss_that_is_not_one_value_an_answer_is_refused(engine, bad):
    objective = loop.Objective(lambda forget: bad(forget), frozenset({"forget"}))
    step = StepInputs(engine, {"forget": people(2, 2)}, lambda e: "")
    with pytest.raises(RunError, match="one value per answer"):
        loop._accumulate(engine, step, Unlearn(), objective, steps_of(engine, Unlearn()))


def test_a_non_finite_loss_stops_before_it_reaches_the_weights(engine):
    before = state_hash(engine.model, "unlearn")
    from unlearnzoo.models import lora

    parameters = lora.train_only(engine.model, "unlearn")
    objective = loop.Objective(lambda forget: forget.nll * math.inf, frozenset({"forget"}))
    steps = iter([StepInputs(engine, {"forget": people(1, 2)}, lambda e: "")])
    with pytest.raises(Diverged, match="step 1"):
        loop.optimise(engine, parameters, Unlearn(), objective, steps, 1, lambda entry: False)
    assert state_hash(engine.model, "unlearn") == before


def test_rate_warms_up_and_falls_to_zero():
    recipe = Unlearn(warmup=0.1)
    found = [loop.rate(i, 100, recipe) for i in range(100)]
    assert found[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert found[10] == 1.0 and found[55] == pytest.approx(0.5) and found[99] < 0.001
    assert loop.rate(99, 100, Unlearn(schedule="constant", warmup=0.0)) == 1.0


def test_learning_lowers_the_loss_and_changes_nothing_else(checkpoint_folder):
    from unlearnzoo.models.checkpoint import inspect
    from unlearnzoo.training.engine import Engine

    engine = Engine(inspect("test", checkpoint_folder))
    before = {n: p.clone() for n, p in engine.model.named_parameters()}
    losses = []
    recipe = Learn(rank=4, alpha=8.0, epochs=15, lr=0.02, batch=4, targets="language+projector+head")
    stages.learn(engine, people(2, 4), [], recipe, 0, lambda entry: bool(losses.append(entry["loss"])))
    assert len(losses) == 30 and losses[-1] < 0.5 * losses[0]
    for name, parameter in engine.base.named_parameters():
        if "lora_" not in name:
            assert torch.equal(parameter, before[name.replace(".base_layer", "")]), name


def test_no_draw_of_the_retain_set_is_a_forget_identity():
    examples = people(5, 4)
    pools = {
        "forget": [e for e in examples if e.identity == "id0"],
        "retain": [e for e in examples if e.identity != "id0"],
    }
    for batching in ("example", "image"):
        steps = draws(pools, Unlearn(batch=2, batching=batching), 0)
        for _, step in zip(range(20), steps, strict=False):
            assert {e.identity for e in step["forget"]} == {"id0"}
            assert "id0" not in {e.identity for e in step["retain"]}
