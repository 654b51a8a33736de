"""Checkpoints: what we did not write loads, and what cannot work is refused before weights load."""

import dataclasses
import json
import shutil

import pytest

from tests.support.examples import image, people
from unlearnzoo import Example
from unlearnzoo.errors import ModelError
from unlearnzoo.models.checkpoint import inspect, load, with_adapter


def test_the_geometry_of_llava_1_5_7b_loads_packs_and_answers(tmp_path):
    """336 px, patch 14, 576 tokens, layer -2, class token dropped, shortest edge and centre crop."""
    from tests.support.checkpoints import llava
    from tests.support.engines import adapted, settle

    engine = adapted(llava(tmp_path, image=336, patch=14))
    pictures = image(1, 300), image(2, 64)
    examples = [
        Example(f"e{i}", "id", (pictures[i % 2],), "What is the job?" + " Say." * i, f"A chef {i}.") for i in range(4)
    ]
    encoded = [engine.encode(e) for e in examples]
    assert {e.prefix.count(engine.encoder.image_id) for e in encoded} == {576}
    packed = engine.score(encoded, "unlearned")
    assert engine.verified.packs
    settle(engine, False)
    for a, b in zip(packed, engine.score(encoded, "unlearned"), strict=True):
        assert a.logps == pytest.approx(b.logps, abs=1e-4)
    assert len(engine.generate(encoded, "unlearned", 3)) == 4
    assert len(engine.linears["language"]) == 14


def changed(source, target, **values):
    shutil.copytree(source, target)
    config = json.loads((target / "config.json").read_text())
    (target / "config.json").write_text(json.dumps(config | values))
    return target


def test_a_model_of_no_answers_is_refused(checkpoint_folder, tmp_path):
    folder = changed(checkpoint_folder, tmp_path / "m", model_type="vit")
    with pytest.raises(ModelError, match="^model 'm' is a 'vit', which transformers knows no answering model of$"):
        inspect("m", folder)


def test_a_model_with_an_encoder_is_refused(checkpoint_folder, tmp_path):
    folder = changed(checkpoint_folder, tmp_path / "m", is_encoder_decoder=True)
    with pytest.raises(
        ModelError, match="^model 'm': a 'llava' has an encoder of its own; only decoders are supported$"
    ):
        inspect("m", folder)


def test_token_types_that_say_nothing_are_let_pass(checkpoint_folder, tmp_path):
    """Many tokenizers of texts add them, all zero."""
    folder = shutil.copytree(checkpoint_folder, tmp_path / "m")
    path = folder / "tokenizer_config.json"
    names = ["input_ids", "token_type_ids", "attention_mask"]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_input_names": names}))
    assert "token_type_ids" in inspect("m", folder).processor(text="a")


@pytest.mark.parametrize(
    ("name", "text"), [("./nowhere", "no such folder"), ("/a/b/c", "no such folder"), ("tyni", "hub id")]
)
def test_what_is_not_there_is_said(name, text):
    with pytest.raises(ModelError, match=text):
        inspect(name, name)


def test_a_file_is_not_a_model(checkpoint_folder):
    with pytest.raises(ModelError, match="is a file"):
        inspect("x", checkpoint_folder / "config.json")


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ModelError, match="model"):
        inspect("x", tmp_path)


def test_pickled_weights_are_refused(checkpoint_folder, tmp_path):
    folder = shutil.copytree(checkpoint_folder, tmp_path / "m")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        inspect("m", folder)


def test_damaged_weights_are_refused_with_one_line(checkpoint_folder, tmp_path):
    import torch

    folder = shutil.copytree(checkpoint_folder, tmp_path / "m")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="weights do not load") as error:
        load(inspect("m", folder), torch.float32)
    assert "\n" not in str(error.value)


def test_the_hash_follows_the_weights(checkpoint_folder, tmp_path):
    folder = shutil.copytree(checkpoint_folder, tmp_path / "m")
    assert inspect("a", folder).weights == inspect("b", checkpoint_folder).weights
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    assert inspect("a", folder).weights != inspect("b", checkpoint_folder).weights


def saved(checkpoint_folder, folder, precision):
    """Save a trained adapter as a run does; return the engine of that run, which has no other."""
    from tests.support.engines import adapted
    from unlearnzoo.models import adapter_export
    from unlearnzoo.training.adapter_weights import take

    engine = adapted(checkpoint_folder, precision=precision)
    engine.replace_target(True)
    one = take(engine, "unlearn")
    adapter_export.save(
        folder, adapter_export.joined([(one.tensors, one.scale)]), "base", engine.model.peft_config["unlearn"]
    )
    return engine


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_an_adapter_is_judged_to_the_digit_as_in_the_run_that_saved_it(checkpoint_folder, tmp_path, precision):
    """Merged into bf16 weights it would be rounded with them."""
    from unlearnzoo.training.engine import Engine

    theirs = saved(checkpoint_folder, tmp_path, precision)
    ours = Engine(dataclasses.replace(with_adapter(inspect("m", checkpoint_folder), tmp_path), precision=precision))
    encoded = [ours.encode(e) for e in people(2, 3)]
    assert ours.score(encoded, "unlearned") == theirs.score(encoded, "unlearned") != theirs.score(encoded, "base")
    assert ours.generate(encoded, "unlearned", 4) == theirs.generate(encoded, "unlearned", 4)


def test_an_adapter_whose_tensors_have_other_names_is_refused(checkpoint_folder, tmp_path):
    """Its layers would be at LoRA's zero, and the base judged in its place."""
    import torch
    from peft import LoraConfig, get_peft_model
    from safetensors.torch import load_file, save_file

    base = load(inspect("m", checkpoint_folder), torch.float32)
    get_peft_model(base, LoraConfig(r=2, target_modules=r".*language_model.*q_proj")).save_pretrained(tmp_path)
    checkpoint, path = with_adapter(inspect("m", checkpoint_folder), tmp_path), tmp_path / "adapter_model.safetensors"
    load(checkpoint, torch.float32)
    tensors = load_file(path)
    save_file({n.replace("base_model.model.", "base_model.model.inner."): t for n, t in tensors.items()}, path)
    for dtype in (torch.float32, torch.bfloat16):
        with pytest.raises(
            ModelError,
            match=r"adapter '.*' does not fit the model: 4 of its tensors have no place .*"
            r"4 places get none, such as base_model\.model\.inner\.",
        ):
            load(checkpoint, dtype)
    save_file({n: t for n, t in tensors.items() if "layers.1." not in n}, path)
    with pytest.raises(ModelError, match="0 of its tensors have no place there and 2 places get none"):
        load(checkpoint, torch.float32)


def test_an_adapter_of_prompts_is_refused(checkpoint_folder, tmp_path):
    import torch
    from peft import PromptTuningConfig
    from safetensors.torch import save_file

    PromptTuningConfig(num_virtual_tokens=2, task_type="CAUSAL_LM").save_pretrained(tmp_path)
    save_file({"prompt_embeddings": torch.zeros(2, 32)}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(ModelError, match=r"does not fit the model: it adds to prompts .*PROMPT_TUNING"):
        load(with_adapter(inspect("m", checkpoint_folder), tmp_path), torch.float32)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json", "chat_template.jinja"])
def test_a_pointer_of_git_lfs_is_named(checkpoint_folder, tmp_path, name):
    folder = shutil.copytree(checkpoint_folder, tmp_path / "m")
    (folder / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 8912345\n")
    with pytest.raises(ModelError) as error:
        inspect("m", folder, weights=False)
    assert str(error.value) == (
        f"model 'm': {name} is a Git LFS pointer, not the file itself; run `git lfs pull` in {folder}"
    )


def test_a_folder_that_is_only_an_adapter_says_how_it_is_given(checkpoint_folder, tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="is only a peft adapter: `evaluate` takes it by --adapter.* merge it"):
        inspect(str(tmp_path), tmp_path)
    (tmp_path / "adapter_model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ModelError, match=r"adapter '.*': adapter_model.safetensors is a Git LFS pointer"):
        with_adapter(inspect("m", checkpoint_folder), tmp_path)


def test_a_damaged_tokenizer_is_one_line(checkpoint_folder, tmp_path):
    folder = shutil.copytree(checkpoint_folder, tmp_path / "m")
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError, match="model 'm': its processor does not load: ") as error:
        inspect("m", folder)
    assert "\n" not in str(error.value)
