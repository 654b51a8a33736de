"""Checkpoints: what we did not write loads, and what cannot work is refused before weights load."""

import json
import shutil

import pytest

from tests.support.examples import image
from unlearnzoo import Example
from unlearnzoo.errors import ModelError
from unlearnzoo.models.load import inspect, load


def test_the_geometry_of_llava_1_5_7b_loads_packs_and_answers(tmp_path):
    """336 px, patch 14, 576 tokens, layer -2, class token dropped, shortest edge and centre crop."""
    from tests.support.checkpoints import llava
    from tests.support.engines import adapted

    engine = adapted(llava(tmp_path, image=336, patch=14))
    pictures = image(1, 300), image(2, 64)
    examples = [Example(f"e{i}", "id", (pictures[i % 2],), "What is the job?" + " Say." * i, f"A chef {i}.")
                for i in range(4)]
    encoded = [engine.encode(e) for e in examples]
    assert {e.prefix.count(engine.encoder.image_id) for e in encoded} == {576}
    packed = engine.score(encoded, "policy")
    assert engine.packs
    engine.packs = False
    for a, b in zip(packed, engine.score(encoded, "policy"), strict=True):
        assert a.logps == pytest.approx(b.logps, abs=1e-4)
    assert len(engine.generate(encoded, "policy", 3)) == 4
    assert len(engine.linears["language"]) == 14


def changed(source, target, **values):
    shutil.copytree(source, target)
    config = json.loads((target / "config.json").read_text())
    (target / "config.json").write_text(json.dumps(config | values))
    return target


def test_a_text_model_is_refused(checkpoint_folder, tmp_path):
    folder = changed(checkpoint_folder, tmp_path / "m", model_type="llama")
    with pytest.raises(ModelError, match="'llama', not a vision-language model"):
        inspect("m", folder)


def test_a_model_that_is_told_more_of_a_token_than_its_id_is_refused(tmp_path):
    from tests.support.checkpoints import gemma3

    with pytest.raises(ModelError) as error:
        inspect("g", gemma3(tmp_path), weights=False)
    assert str(error.value) == ("model 'g': Gemma3ForConditionalGeneration needs token_type_ids beside the tokens; "
                                "such models are not supported yet")


def test_token_types_that_say_nothing_are_let_pass(checkpoint_folder, tmp_path):
    """Many tokenizers of texts add them, all zero."""
    folder = shutil.copytree(checkpoint_folder, tmp_path / "m")
    path = folder / "tokenizer_config.json"
    names = ["input_ids", "token_type_ids", "attention_mask"]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_input_names": names}))
    assert "token_type_ids" in inspect("m", folder).processor(text="a")


@pytest.mark.parametrize(("name", "text"), [("./nowhere", "no such folder"), ("/a/b/c", "no such folder"),
                                            ("tyni", "hub id")])
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
