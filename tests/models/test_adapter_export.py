"""What a record keeps: one adapter that gives the unlearned model on the base alone."""

import torch

from tests.support.engines import settle
from tests.support.examples import people
from unlearnzoo.models import adapter_export
from unlearnzoo.training.adapter_weights import take


def test_the_saved_adapter_equals_the_policy(engine, tmp_path):
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText

    parts = [(one.tensors, one.scale) for one in (take(engine, "target"), take(engine, "unlearn"))]
    adapter_export.save(
        tmp_path, adapter_export.joined(parts), str(engine.checkpoint.source), engine.model.peft_config["unlearn"]
    )
    base = AutoModelForImageTextToText.from_pretrained(engine.checkpoint.source)
    alone = PeftModel.from_pretrained(base, tmp_path).eval()
    encoded = [engine.encode(e) for e in people(2, 3)]
    settle(engine, True)
    _, batch = next(iter(engine.batches(encoded, 3, 10**6)))
    with torch.no_grad():
        ours = engine.forward(batch, "unlearned")[0].logits
        hidden = alone.get_base_model().base_model(**batch.parts[0]).last_hidden_state
        theirs = alone.get_base_model().lm_head(hidden[batch.at[:, 1], batch.at[:, 2]])
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_it_holds_adapter_tensors_alone(engine, tmp_path):
    from safetensors.torch import load_file

    tensors = adapter_export.joined(
        [(one.tensors, one.scale) for one in (take(engine, "target"), take(engine, "unlearn"))]
    )
    adapter_export.save(tmp_path, tensors, "base", engine.model.peft_config["unlearn"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    assert all(".lora_" in n for n in load_file(tmp_path / "adapter_model.safetensors"))
