"""``unlearnzoo models``: the table of families, and what is found of a model without its weights."""

import json

import pytest

from tests.support.checkpoints import llava
from tests.support.families import FAMILIES as TESTED
from unlearnzoo.cli import main
from unlearnzoo.cli.families import FAMILIES

#: What is tested but no family that somebody has: one refused, one whose numbers are made to be difficult.
NOT_LISTED = {"florence2", "llama4_hot"}


def output(capsys, *line):
    capsys.readouterr()  # what libraries said as they were imported
    assert main(line) == 0
    return capsys.readouterr().out


def facts(capsys, folder):
    return json.loads(output(capsys, "models", str(folder), "--json"))


def test_the_table_is_what_the_tests_expect_of_each_family():
    listed = {f.name: (f.images, not f.alone, f.alone, f.extras) for f in FAMILIES}
    assert listed == {f.name: (f.vision, f.packs, f.why, f.extras) for f in TESTED.values() if f.name not in NOT_LISTED}


def test_each_model_type_is_that_of_the_familys_configuration():
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    for family in FAMILIES:
        # What is special about Pixtral is its tower; the whole is a LLaVA.
        own = "LlavaConfig" if family.name == "pixtral" else TESTED[family.name].config
        assert CONFIG_MAPPING_NAMES.get(family.model_type, own) == own


def test_the_table_says_what_packs_and_what_is_missing(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    lines = [line.split() for line in output(capsys, "models").splitlines()]
    assert ["qwen2_5_vl", "packs", "torchvision", "(missing)"] in lines
    assert ["paligemma", "a", "row", "each:", "the", "image", "sees", "the", "question"] in lines
    rows = json.loads(output(capsys, "models", "--json"))
    assert [row["name"] for row in rows] == [family.name for family in FAMILIES]
    (smolvlm,) = [row for row in rows if row["name"] == "smolvlm"]
    assert smolvlm["missing"] == smolvlm["extras"] == ["torchvision", "num2words"]


def test_a_folder_of_images_and_text_without_weights(capsys, tmp_path):
    folder = llava(tmp_path, image=28, patch=14)
    (folder / "model.safetensors").unlink()
    found = facts(capsys, folder)
    assert (found["family"], found["images"], found["packs"], found["tested"]) == ("llava", True, True, True)
    # Two by two patches, whatever the picture.
    assert found["image_tokens"] == {"336 x 336": 4, "1000 x 750": 4}
    assert found["missing"] == ["weights: no *.safetensors"]
    assert found["base"]["fp32"] == 4 * found["parameters"]
    assert "missing       weights: no *.safetensors" in output(capsys, "models", str(folder))


def test_a_folder_of_text_alone_without_a_template(capsys, tmp_path):
    from transformers import AutoModelForCausalLM

    folder = TESTED["gpt2"].build(tmp_path)
    found = facts(capsys, folder)
    assert (found["family"], found["images"], found["missing"]) == ("gpt2", False, [])
    assert found["template"] == "none, so: Question: … Answer:" and found["end_tokens"] == ["<|endoftext|>"]
    assert (found["context"], found["context_from"]) == (512, "max_position_embeddings")
    # Queries, keys and values in one, two of the MLP and one behind the attention, in each of three layers.
    assert found["lora"] == {"language": 12, "projector": 0, "head": 1}
    # The head is the table of embeddings: counted once.
    assert found["parameters"] == AutoModelForCausalLM.from_pretrained(folder).num_parameters()


def test_experts_that_are_one_parameter_are_told(capsys, tmp_path):
    text = output(capsys, "models", str(TESTED["qwen3_moe"].build(tmp_path)))
    assert "language 12; experts are one parameter each: attention only" in text.replace(", head 1", "")


def test_a_configuration_alone_says_what_it_can(capsys, tmp_path):
    folder = TESTED["llama"].build(tmp_path)
    whole = facts(capsys, folder)
    for path in folder.iterdir():
        if path.name != "config.json":
            path.unlink()
    found = facts(capsys, folder)
    for key in ("family", "model", "parameters", "base", "lora", "packs"):
        assert found[key] == whole[key]
    assert "context" not in found
    assert len(found["missing"]) == 2 and found["missing"][1] == "weights: no *.safetensors"


@pytest.mark.parametrize(("config", "told"), [(None, "there is no such folder"), ("{}", "model_type")])
def test_no_configuration_is_an_error_of_one_line(config, told, capsys, tmp_path):
    if config:
        (tmp_path / "m").mkdir()
        (tmp_path / "m/config.json").write_text(config)
    assert main(["models", f"{tmp_path}/m"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


def test_a_family_is_no_model(capsys):
    assert main(["models", "qwen2_5_vl"]) != 0
    assert capsys.readouterr().err == "Error: qwen2_5_vl is a family; give one of its models: a folder, or a hub id\n"
