"""Processor and model agree on how many tokens a picture has, or are refused before weights load."""

import json
import shutil

import pytest

from tests.support.checkpoints import llava_next
from unlearnzoo.errors import ModelError
from unlearnzoo.models import preflight
from unlearnzoo.models.checkpoint import inspect


def changed(folder, target, file, **values):
    shutil.copytree(folder, target)
    path = target / file
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    return inspect("m", target, weights=False)


def test_a_sound_checkpoint_passes(checkpoint_folder, tmp_path):
    preflight.look(inspect("m", checkpoint_folder))
    preflight.look(inspect("m", llava_next(tmp_path)))


@pytest.mark.parametrize(
    ("values", "tokens", "named"),
    [
        ({"num_additional_image_tokens": 0}, 3, "num_additional_image_tokens 0 against 1"),
        ({"vision_feature_select_strategy": "full"}, 5, "vision_feature_select_strategy full against default"),
        ({"patch_size": 16}, 1, "patch_size 16 against 8"),
    ],
)
def test_a_processor_that_counts_otherwise_is_refused_naming_the_keys(
    checkpoint_folder, tmp_path, values, tokens, named
):
    with pytest.raises(ModelError) as found:
        preflight.look(changed(checkpoint_folder, tmp_path / "m", "processor_config.json", **values))
    text = str(found.value)
    assert text.startswith(f"model 'm': its processor gives a picture {tokens} tokens, and the model makes 4 features")
    assert named in text and all(key in text for key in ("patch_size", "strategy", "num_additional_image_tokens"))


def test_a_model_that_counts_otherwise_is_refused(checkpoint_folder, tmp_path):
    found = changed(checkpoint_folder, tmp_path / "m", "config.json", vision_feature_select_strategy="full")
    with pytest.raises(ModelError, match="4 tokens, and the model makes 5 features .* default against full"):
        preflight.look(found)


def test_another_picture_size_than_the_tower_takes_is_refused(checkpoint_folder, tmp_path):
    config = json.loads((checkpoint_folder / "config.json").read_text())
    found = changed(
        checkpoint_folder, tmp_path / "m", "config.json", vision_config=config["vision_config"] | {"image_size": 32}
    )
    with pytest.raises(ModelError, match=r"model 'm': it does not take what its image processor gives: .*16"):
        preflight.look(found)


def test_another_token_for_an_image_is_refused(checkpoint_folder, tmp_path):
    with pytest.raises(ModelError, match=r"its processor writes token \d+ for an image, and its config.json says 7"):
        preflight.look(changed(checkpoint_folder, tmp_path / "m", "config.json", image_token_index=7))


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_pixels_that_are_no_numbers_are_refused(checkpoint_folder, tmp_path):
    config = json.loads((checkpoint_folder / "processor_config.json").read_text())["image_processor"]
    found = changed(
        checkpoint_folder,
        tmp_path / "m",
        "processor_config.json",
        image_processor=config | {"do_normalize": True, "image_mean": [0.5] * 3, "image_std": [0.0] * 3},
    )
    with pytest.raises(ModelError, match=r"pixels that are no numbers; look at image_std .*0\.0"):
        preflight.look(found)


def test_a_layer_that_the_vision_tower_does_not_have_is_found_in_the_plan(checkpoint_folder, tmp_path):
    with pytest.raises(ModelError, match="model 'm': it does not take what its image processor gives: "):
        preflight.look(changed(checkpoint_folder, tmp_path / "m", "config.json", vision_feature_layer=-99))


def test_a_patch_of_no_size_is_one_line(checkpoint_folder, tmp_path):
    with pytest.raises(ModelError, match="model 'm': the processor does not work: .*zero"):
        changed(checkpoint_folder, tmp_path / "m", "processor_config.json", patch_size=0)


def test_a_configuration_that_is_no_object_is_one_line(checkpoint_folder, tmp_path):
    folder = shutil.copytree(checkpoint_folder, tmp_path / "m")
    (folder / "config.json").write_text("[]")
    with pytest.raises(ModelError, match="model 'm': "):
        inspect("m", folder, weights=False)
