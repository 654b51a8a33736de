"""The states of a model: what each adapter adds, and what it leaves alone."""

import pytest
import torch

from tests.support.checkpoints import llava
from tests.support.engines import adapted
from tests.support.examples import people
from unlearnzoo.errors import ModelError
from unlearnzoo.models import lora


def logps(engine, which):
    return torch.tensor([x for j in engine.score([engine.encode(e) for e in people(2, 3)], which) for x in j.logps])


def test_the_reference_is_the_target_and_not_the_base(engine, checkpoint_folder):
    from unlearnzoo.models.checkpoint import inspect
    from unlearnzoo.training.engine import Engine

    bare = Engine(inspect("bare", checkpoint_folder))
    base, target, policy = (logps(engine, s) for s in ("base", "target", "unlearned"))
    assert torch.allclose(base, logps(bare, "base"), atol=1e-5)
    assert (base - target).abs().max() > 0.1 and (target - policy).abs().max() > 0.1
    for name, parameter in engine.model.named_parameters():
        if "lora_B.unlearn" in name:
            parameter.data.zero_()
    assert torch.equal(logps(engine, "unlearned"), target)


def test_a_state_ends_also_after_an_error(engine):
    before = logps(engine, "unlearned")
    with pytest.raises(ZeroDivisionError), lora.activated(engine.model, lora.ACTIVE["base"]):
        raise ZeroDivisionError
    assert torch.equal(logps(engine, "unlearned"), before)


@pytest.mark.parametrize("which", ["base", "target", "unlearned"])
def test_folded_weights_say_the_same_and_are_put_back(engine, which):
    _, batch = next(iter(engine.batches([engine.encode(e) for e in people(2, 3)], 4, 10**6)))
    before = {n: p.detach().clone() for n, p in engine.model.named_parameters()}
    with torch.no_grad():
        plain = engine.forward(batch, which)[0].logits
        with lora.merged(engine.model, lora.ACTIVE[which]):
            merged = engine.forward(batch, which)[0].logits
        again = engine.forward(batch, which)[0].logits
    assert torch.allclose(plain, merged, atol=1e-5) and torch.equal(plain, again)
    assert all(torch.equal(p, before[n]) for n, p in engine.model.named_parameters())
    assert not any(layer.merged for _, layer in lora.layers(engine.model))


def test_folding_really_folds_and_ends_after_an_error(engine):
    layer = next(layer for _, layer in lora.layers(engine.model) if "unlearn" in layer.scaling)
    base, weight = layer.get_base_layer(), layer.get_base_layer().weight
    before, at = weight.detach().clone(), weight.data_ptr()
    with pytest.raises(ZeroDivisionError), lora.merged(engine.model, lora.ACTIVE["target"]):
        up, down = layer.lora_B["target"].weight, layer.lora_A["target"].weight
        assert torch.allclose(base.weight, before + layer.scaling["target"] * up @ down, atol=1e-6)
        assert layer.merged and layer.scaling["unlearn"] == 0
        raise ZeroDivisionError
    assert base.weight is weight and weight.data_ptr() == at and torch.equal(weight, before) and not layer.merged


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`:UserWarning")  # peft, of merging for good
def test_a_head_that_shares_its_weight_with_the_embedding_is_folded_alone(tmp_path):
    engine = adapted(llava(tmp_path, tied=True))
    embedding, head = engine.base.get_input_embeddings(), engine.base.get_output_embeddings().get_base_layer()
    shared, before = head.weight, head.weight.detach().clone()
    assert shared is embedding.weight
    _, batch = next(iter(engine.batches([engine.encode(e) for e in people(2, 3)], 4, 10**6)))
    with torch.no_grad():
        plain = engine.forward(batch, "target")[0].logits
        with lora.merged(engine.model, lora.ACTIVE["target"]):
            assert torch.allclose(engine.forward(batch, "target")[0].logits, plain, atol=1e-5)
            assert not torch.equal(head.weight, before) and torch.equal(embedding.weight, before)
    assert head.weight is shared and embedding.weight is shared and torch.equal(shared, before)


def test_a_new_adapter_leaves_the_global_generators_as_they_were(engine, monkeypatch):
    gpu = torch.tensor([7], dtype=torch.uint8)
    put_back = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: gpu)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: put_back.append((state, device)))
    before = torch.get_rng_state()
    lora.add(engine.model, "unlearn", 2, 2.0, engine.linears["language"], seed=3)
    assert put_back == [(gpu, 1)] and torch.equal(torch.get_rng_state(), before)


def test_only_unlearn_trains_and_in_float32(engine):
    trained = lora.train_only(engine.model, "unlearn")
    assert trained and all(p.dtype == torch.float32 for p in trained)
    assert {n for n, p in engine.model.named_parameters() if p.requires_grad} == {
        n for n, _ in engine.model.named_parameters() if ".unlearn." in n
    }


def test_the_vision_tower_is_never_adapted(engine):
    adapted = [n for n, _ in lora.layers(engine.model)]
    assert len(adapted) == 17  # 2 layers x 7 linears, 2 of the projector, the head
    assert not [n for n in adapted if "vision" in n]
    assert any("vision_tower" in n and n.endswith("q_proj") for n, _ in engine.model.named_modules())


def test_an_adapter_on_other_layers_is_refused(engine):
    with pytest.raises(ModelError, match="other layers than planned"):
        lora.check_targets(engine.model, "target", engine.linears["language"])


def test_unknown_parts_are_refused(engine):
    with pytest.raises(ModelError, match="'vision' is unknown; choose from"):
        lora.target_names(engine.linears, ["vision"])


@pytest.mark.parametrize("which", ["base", "target", "unlearned"])
def test_generation_and_forward_agree_in_each_state(engine, which):
    import dataclasses

    examples = people(3, 2)
    prompts = [engine.encode(e) for e in examples]  # of unequal length: left padding matters
    texts = engine.generate(prompts, which, 6)
    tokenizer = engine.encoder.tokenizer
    for prompt, text in zip(prompts, texts, strict=True):
        ids: list[int] = []
        for _ in range(6):
            probe = dataclasses.replace(prompt, answer=(*ids, 0))
            _, batch = next(iter(engine.batches([probe], 1, 10**6)))
            with torch.no_grad():
                step = int(engine.forward(batch, which)[0].logits[-1].argmax())
            if step == tokenizer.eos_token_id:
                break
            ids.append(step)
        assert text == tokenizer.decode(ids, skip_special_tokens=True).strip()
