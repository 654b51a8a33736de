"""One path through each family: what is scored is what the model says, however rows are put together."""

import re

import pytest

from tests.support.families import FAMILIES
from tests.support.families.asked import asked, examples
from unlearnzoo.training.inputs import StepInputs
from unlearnzoo.training.loop import Objective, optimise
from unlearnzoo.training.recipe import Unlearn

RUN = [name for name, family in FAMILIES.items() if not family.refused]
#: Files of a checkpoint as users have it.
FILES = ("model.safetensors", "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")
#: No LoRA belongs there: towers of other senses, what reads for them, what chooses experts or streams.
NEVER = re.compile(r"vision|visual|image_encoder|audio|speech|qformer|router|(\.|expert_)gate$")
#: What lies between vision and language, inside a module of such a name.
YET = re.compile(r"visual\.merger|embed_vision")
#: What these are asked in CI, `make soak` asks all.
FEW = ("qwen2_5_vl", "gemma3", "mllama", "llama", "gpt2")
every = pytest.mark.parametrize("family", RUN, indirect=True)
few = pytest.mark.parametrize(
    "family", [pytest.param(name, marks=() if name in FEW else pytest.mark.soak) for name in RUN], indirect=True
)


@pytest.fixture(scope="module")
def family(request, tmp_path_factory):
    """One engine for all tests of a family."""
    missing = FAMILIES[request.param].missing()
    if missing:
        pytest.skip(missing)
    return asked(FAMILIES[request.param], tmp_path_factory.mktemp(request.param))


def off(some, others):
    return max(abs(a - b) for x, y in zip(some, others, strict=True) for a, b in zip(x, y, strict=True))


@every
def test_what_is_scored_is_what_the_model_would_say(family):
    assert not [file for file in FILES if not (family.folder / file).is_file()]
    for row, example in zip(family.rows, examples(family.family.vision), strict=True):
        assert family.inputs(example)["input_ids"][0].tolist() == list(row.prompt)
        assert family.engine.encoder.tokenizer.decode(row.answer, skip_special_tokens=True).strip() == example.answer
    assert off(family.scores, [family.said(i) for i in range(len(family.rows))]) < 1e-4
    # The same question and answer about another picture, or behind another question.
    first, other, picture = (family.scores[i][0] for i in (0, 1, 3))
    assert first != pytest.approx(other, abs=1e-3)
    assert not family.family.vision or first != pytest.approx(picture, abs=1e-3)


@every
def test_rows_together_score_as_rows_alone(family):
    engine = family.engine
    assert off(family.scores, family.alone) < 1e-4
    padded = [one.logps for one in engine.score(family.rows, "unlearned", per_image=1)]
    assert off(padded, family.alone) < 1e-4
    assert engine.verified.packs == family.family.packs
    apart = [reason for reason in engine.verified.why if reason.startswith("questions of one row differ")]
    assert len(apart) == (not family.family.packs)


@every
def test_a_step_of_gradient_difference_changes_the_adapter_alone(family):
    from unlearnzoo_gd import GD

    engine, rows = family.engine, examples(family.family.vision)
    # An answer's loss is the mean over its tokens.
    nll = [-sum(logps) / len(logps) for logps in family.alone]
    before = {name: p.detach().clone() for name, p in engine.model.named_parameters()}
    parameters = [p for p in engine.model.parameters() if p.requires_grad]
    step = StepInputs(engine, {"forget": rows[:2], "retain": rows[2:]}, lambda example: "I would rather not say.")
    losses = []
    objective = Objective(GD().loss, frozenset({"forget", "retain"}))
    optimise(engine, parameters, Unlearn(steps=1, lr=1e-2), objective, [step], 1, lambda entry: losses.append(entry))
    assert losses[0]["loss_forget"] == pytest.approx(-(nll[0] + nll[1]) / 2, abs=1e-4)
    assert losses[0]["loss_retain"] == pytest.approx((nll[2] + nll[3]) / 2, abs=1e-4)
    changed = {name for name, p in engine.model.named_parameters() if not p.equal(before[name])}
    assert changed and all(".unlearn." in name for name in changed)
    assert {name for name in before if "lora_B.unlearn" in name} <= changed
    for name, parameter in engine.model.named_parameters():
        parameter.data.copy_(before[name])


@every
def test_lora_is_on_no_tower_and_no_router(family):
    layers = [name for names in family.engine.linears.values() for name in names]
    assert family.engine.linears["language"] and len(set(layers)) == len(layers)
    assert [name for name in layers if NEVER.search(YET.sub("", name))] == []
    if family.family.vision:
        assert any(NEVER.search(name) for name, _ in family.engine.base.named_modules())


def gradients(family, per_image, max_tokens):
    """What one loss over all rows, each of another weight, gives the adapter."""
    import torch

    engine, weights = family.engine, torch.tensor([1.0, -0.5, 2.0, -1.5])
    engine.model.zero_grad()
    for members, batch in engine.batches(family.rows, per_image, max_tokens):
        (engine.forward(batch, "unlearned")[0].logps * weights[members]).sum().backward()
    return {name: p.grad.clone() for name, p in engine.model.named_parameters() if p.grad is not None}


@few
def test_gradients_of_rows_together_are_those_of_rows_alone(family):
    together, alone = gradients(family, 16, 10**6), gradients(family, 1, 1)
    assert together.keys() == alone.keys() and all(".unlearn." in name for name in alone)
    largest = max(gradient.abs().max() for gradient in alone.values())
    assert largest > 0
    assert max((together[name] - alone[name]).abs().max() for name in alone) < 1e-4 * largest


@few
def test_answers_of_a_batch_are_those_of_the_model_alone(family):
    engine, new = family.engine, 8
    found = engine.generate(family.rows, "unlearned", new)
    ends = sorted(engine.encoder.ends)
    for text, example in zip(found, examples(family.family.vision), strict=True):
        inputs = family.inputs(example)
        said = engine.model.generate(**inputs, max_new_tokens=new, do_sample=False, eos_token_id=ends)
        tokens = said[0, inputs["input_ids"].shape[1] :]
        assert text == engine.encoder.tokenizer.decode(tokens, skip_special_tokens=True).strip()
