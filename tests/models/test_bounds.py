"""Sizes that no model has are refused by the numbers alone, before anything of that size is built."""

import json
import shutil

import pytest

from unlearnzoo.errors import ModelError
from unlearnzoo.models import bounds
from unlearnzoo.models.checkpoint import inspect


def refused(config):
    with pytest.raises(ModelError) as found:
        bounds.refuse_large("model 'm'", config)
    assert "\n" not in str(found.value)
    return str(found.value)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"text_config": {"num_hidden_layers": 10**7}}, "text_config.num_hidden_layers 10,000,000; at most 2,000"),
        ({"vision_config": {"depths": [2, 10**6, 2]}}, "vision_config.depths 1,000,000; at most 2,000"),
        ({"encoder_layers": 10**7}, "encoder_layers 10,000,000"),
        ({"num_attention_heads": 10**9}, "num_attention_heads 1,000,000,000; at most 10,000"),
        ({"vocab_size": 10**9}, "vocab_size 1,000,000,000; at most 10,000,000"),
        ({"hidden_size": 10**300}, "hidden_size 10^15 or more; at most 1,000,000"),
        ({"num_hidden_layers": 1e7}, "num_hidden_layers 10,000,000.0"),
        ({"num_hidden_layers": 1500, "num_experts": 9000}, "1,500 layers of 9,000 experts"),
        ({"image_size": 8000, "patch_size": 1}, "image_size 8,000 and patch_size 1: 64,000,000 patches"),
        ({"image_processor": {"size": {"height": 10**6, "width": 8}}}, "image_processor.size.height 1,000,000"),
        ({"size": {"shortest_edge": 10**6}}, "size.shortest_edge 1,000,000; at most 8,192"),
    ],
)
def test_a_size_that_no_model_has_is_told_with_its_key(config, told):
    assert told in refused(config)


@pytest.mark.parametrize(
    "config",
    [
        {"num_hidden_layers": 126, "hidden_size": 16384, "intermediate_size": 53248, "vocab_size": 262_208},
        {"num_hidden_layers": 61, "n_routed_experts": 384, "max_position_embeddings": 10_485_760},
        # Of Qwen2-VL it is an area.
        {"size": {"shortest_edge": 200_704, "longest_edge": 12_845_056}, "merge_size": 2},
        {"rope_theta": 10**9, "pad_token_id": 10**9, "use_cache": True, "vision_feature_layer": -2},
    ],
)
def test_sizes_of_large_public_models_pass(config):
    bounds.refuse_large("model 'm'", config)


@pytest.mark.parametrize(
    ("file", "part", "key", "value"),
    [
        ("config.json", "text_config", "num_hidden_layers", 10**7),
        ("config.json", "vision_config", "num_hidden_layers", 10**7),
        ("config.json", "text_config", "num_attention_heads", 10**9),
        ("processor_config.json", "image_processor", "size", {"height": 10**6, "width": 10**6}),
    ],
)
def test_a_checkpoint_is_refused_before_a_model_is_built(checkpoint_folder, tmp_path, file, part, key, value):
    folder = tmp_path / "m"
    shutil.copytree(checkpoint_folder, folder)
    content = json.loads((folder / file).read_text())
    content[part][key] = value
    (folder / file).write_text(json.dumps(content))
    with pytest.raises(ModelError, match=rf"^model 'm': .* says .*{key}.*; at most [\d,]+ are"):
        inspect("m", folder, weights=False)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("num_attention_heads", 0, "zero"),
        ("hidden_size", "wide", "'hidden_size'.*int.*'wide'"),
        ("head_dim", [], "head_dim"),
    ],
)
def test_numbers_that_fit_no_model_are_one_line(checkpoint_folder, tmp_path, key, value, told):
    folder = tmp_path / "m"
    shutil.copytree(checkpoint_folder, folder)
    content = json.loads((folder / "config.json").read_text())
    content["text_config"][key] = value
    (folder / "config.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match=rf"^model 'm': .*{told}.*$") as found:
        inspect("m", folder, weights=False)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("name", "most"), [("config.json", bounds.LARGEST_CONFIG), ("tokenizer.json", bounds.LARGEST_FILE)]
)
def test_a_text_that_takes_minutes_to_read_is_refused_by_its_size(tmp_path, name, most):
    with (tmp_path / name).open("wb") as file:
        file.truncate(most + 1)  # takes no room on the disk
    with pytest.raises(
        ModelError, match=rf"model 'm': {name} has {most + 1:,} bytes, of which at most {most:,} are read"
    ):
        inspect("m", tmp_path)
