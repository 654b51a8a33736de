"""Pixels with torchvision are those without it: image processors that compute with Pillow are taken."""

import subprocess
import sys

import pytest
import torch

from tests.support.examples import image
from tests.support.families import FAMILIES
from unlearnzoo.models.checkpoint import inspect

#: Families whose processor loads without torchvision too.
BOTH = ("llava", "llava_next", "gemma3", "idefics3", "mllama", "blip2")
WITHOUT = """
import sys, torch
from unlearnzoo.models.checkpoint import inspect
from tests.support.examples import image
for folder in sys.argv[2:]:
    inputs = inspect(folder, folder).encoder.inputs
    made = inputs.images(inputs.chat.prompt(1, "Who?"), [image(3, 61, 47)])
    torch.save(made, f"{folder}.pixels")
"""


def test_pixels_are_those_of_a_machine_without_torchvision(tmp_path, monkeypatch):
    folders = {name: FAMILIES[name].build(tmp_path / name) for name in BOTH}
    monkeypatch.delenv("PYTHONPATH")
    subprocess.run([sys.executable, "-W", "ignore", "-c", WITHOUT, "", *map(str, folders.values())], check=True)
    for name, folder in folders.items():
        inputs = inspect(name, folder).encoder.inputs
        here = inputs.images(inputs.chat.prompt(1, "Who?"), [image(3, 61, 47)])
        there = torch.load(f"{folder}.pixels", weights_only=True)
        assert here.keys() == there.keys()
        for key, tensor in here.items():
            assert torch.equal(tensor, there[key]), (name, key)


@pytest.mark.parametrize("name", ["qwen2_5_vl", "internvl"])
def test_pillow_is_taken_where_torchvision_would_be(name, tmp_path):
    found = inspect(name, FAMILIES[name].build(tmp_path / name)).processor.image_processor
    assert type(found).__name__.endswith("Pil")
