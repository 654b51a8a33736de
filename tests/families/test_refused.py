"""What cannot work is refused in one line: from the configuration, and else on the first rows of a run."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.support.families import FAMILIES
from tests.support.families.asked import examples
from tests.support.families.rows import data
from unlearnzoo.cli import main
from unlearnzoo.errors import ModelError
from unlearnzoo.models.checkpoint import inspect
from unlearnzoo.training.engine import Engine

#: One for each way in which transformers says what is missing.
EXTRAS = {
    "qwen2_5_vl": ": its processor needs torchvision",
    "llama4": ": its processor needs torchvision",
    "smolvlm": ": its processor needs torchvision",
    "gemma3n": " needs timm",
}
LOOK = """
import pathlib, sys
from unlearnzoo.errors import ModelError
from unlearnzoo.models import preflight
from unlearnzoo.models.checkpoint import inspect
for folder in map(pathlib.Path, sys.argv[1:]):
    try:
        preflight.look(inspect(folder.name, folder))
    except ModelError as error:
        print("found", error)
"""


def built(name, folder):
    if FAMILIES[name].missing():
        pytest.skip(FAMILIES[name].missing())
    return FAMILIES[name].build(folder)


def changed(folder, file, **values):
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def told(capsys, folder, home):
    """Dry-run the command on a checkpoint without weights; return the line that it ends with."""
    (folder / "model.safetensors").unlink()
    sets = ("--set", f"folder.data={data(home / 'data', True)}")
    capsys.readouterr()
    assert main(["run", "--algo", "ga", "--bench", "folder", *sets, "--model", str(folder), "--dry-run"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("Error: model ") and len(err.strip().splitlines()) == 1, err
    return err.strip().removeprefix(f"Error: model {str(folder)!r}").lstrip(": ")


def test_an_encoder_and_a_decoder(capsys, tmp_path):
    found = told(capsys, built("florence2", tmp_path / "m"), tmp_path)
    assert found == "a 'florence2' has an encoder of its own; only decoders are supported"


@pytest.mark.parametrize("model_type", ["bart", "t5"])
def test_an_encoder_and_a_decoder_of_text(capsys, tmp_path, model_type):
    folder = built("llama", tmp_path / "m")
    (folder / "config.json").write_text(json.dumps({"model_type": model_type, "is_encoder_decoder": True}))
    assert re.search("has an encoder of its own|knows no answering model of", told(capsys, folder, tmp_path))


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("qwen2_5_vl", "<|vision_start|><|image_pad|><|vision_end|>"),
        ("gemma3", "<start_of_image>"),
        ("mllama", "<|image|>"),
    ],
)
def test_a_template_that_drops_images(capsys, tmp_path, name, image):
    folder = built(name, tmp_path / "m")
    template = folder / "chat_template.jinja"
    assert image in template.read_text()
    template.write_text(template.read_text().replace(image, ""))
    assert told(capsys, folder, tmp_path).startswith("the chat template drops the image: ")


def test_code_of_its_own(capsys, tmp_path):
    folder = built("llama", tmp_path / "m")
    own = {"AutoConfig": "configuration_wizard.Wizard", "AutoModelForCausalLM": "modeling_wizard.Wizard"}
    changed(folder, "config.json", model_type="wizard", auto_map=own)
    found = told(capsys, folder, tmp_path)
    assert found == "comes with code of its own: read it, then give --trust-remote-code"


@pytest.mark.parametrize(("name", "key"), [("gemma3", "image_seq_length"), ("internvl", "image_seq_length")])
def test_a_processor_that_counts_otherwise(capsys, tmp_path, name, key):
    folder = built(name, tmp_path / "m")
    n = json.loads((folder / "processor_config.json").read_text())[key]
    changed(folder, "processor_config.json", **{key: 2 * n})
    found = told(capsys, folder, tmp_path)
    assert re.match(r"its processor gives a picture \d+ tokens, and the model makes \d+ features of it; ", found)


@pytest.mark.parametrize(
    ("name", "part", "key"), [("qwen2_5_vl", "image_processor", "merge_size"), ("idefics3", "", "image_seq_len")]
)
def test_a_processor_that_counts_otherwise_where_only_weights_tell(tmp_path, name, part, key):
    folder = built(name, tmp_path)
    whole = json.loads((folder / "processor_config.json").read_text())
    holder = whole[part] if part else whole
    holder[key] *= 2
    changed(folder, "processor_config.json", **whole)
    engine = Engine(inspect("m", folder))
    with pytest.raises(ModelError, match="does not take what its processor gives .*belong together") as error:
        engine.score([engine.encode(one) for one in examples(vision=True)], "base")
    assert "\n" not in str(error.value)


def test_a_missing_extra_is_named(tmp_path):
    folders = [built(name, tmp_path / name) for name in EXTRAS]
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    line = [sys.executable, "-c", LOOK, *map(str, folders)]
    run = subprocess.run(line, env=bare, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found = [text.removeprefix("found ") for text in run.stdout.splitlines() if text.startswith("found ")]
    assert found == [f"model {name!r}{what}: pip install 'unlearnzoo[vision]'" for name, what in EXTRAS.items()]
