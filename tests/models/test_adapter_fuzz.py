"""Adapters that somebody edited: refused in one line, before a rank of a billion takes all memory."""

import json
import shutil

import pytest

from tests.support.mutations import flipped, mutated
from unlearnzoo.errors import ModelError
from unlearnzoo.models.checkpoint import inspect, load, with_adapter

FEW, MANY = 15, 200


@pytest.fixture(scope="module")
def saved(checkpoint_folder, tmp_path_factory):
    """The folder of an adapter as peft saves it."""
    import torch
    from peft import LoraConfig, get_peft_model

    folder = tmp_path_factory.mktemp("adapter")
    base = load(inspect("m", checkpoint_folder), torch.float32)
    get_peft_model(base, LoraConfig(r=2, target_modules=r".*language_model.*q_proj")).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("[" * 10_000, r"adapter_config\.json is damaged; it is no JSON"),
        ("[]", r"adapter_config\.json is damaged; it is no object"),
        ('{"r": NaN}', r"adapter_config\.json is damaged; NaN is no finite number"),
        ('{"r": 100000000}', r"adapter_config\.json: r 100000000, but its tensors have rank 2 at most"),
        ('{"r": 2, "rank_pattern": {"q": 5000}}', r"rank_pattern 5000, but its tensors have rank 2 at most"),
        ('{"r": "2"}', r"adapter_config\.json: r '2' is no rank"),
        ('{"r": 2, "rank_pattern": [3]}', r"adapter_config\.json: rank_pattern \[3\] is no object"),
    ],
)
def test_an_edited_configuration(saved, checkpoint_folder, tmp_path, config, told):
    folder = shutil.copytree(saved, tmp_path / "a")
    (folder / "adapter_config.json").write_text(config)
    with pytest.raises(ModelError, match=told):
        with_adapter(inspect("m", checkpoint_folder), folder)


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, (10**9).to_bytes(8, "little"), b"\x02" + b"\0" * 7 + b"{]"])
def test_a_damaged_header(saved, checkpoint_folder, tmp_path, content):
    folder = shutil.copytree(saved, tmp_path / "a")
    (folder / "adapter_model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"adapter_model\.safetensors is damaged: ") as error:
        with_adapter(inspect("m", checkpoint_folder), folder)
    assert "\n" not in str(error.value)


def hold(saved, checkpoint_folder, place, numbers):
    import torch

    config, weights = ((saved / f"adapter_{name}").read_bytes() for name in ("config.json", "model.safetensors"))
    checkpoint = inspect("m", checkpoint_folder)
    place.mkdir()
    for number in numbers:
        done, text = mutated(json.loads(config), number)
        header = bool(number % 2)
        (place / "adapter_config.json").write_bytes(config if header else text.encode())
        (place / "adapter_model.safetensors").write_bytes(flipped(weights, number) if header else weights)
        told = ""
        try:
            load(with_adapter(checkpoint, place), torch.float32)
        except ModelError as error:
            told = str(error)
        except Exception as error:
            raise AssertionError(f"{number} {'header' if header else done}: {error!r}") from error
        assert "\n" not in told and len(told) < 4000, done


@pytest.mark.slow
def test_some_edits(saved, checkpoint_folder, tmp_path):
    hold(saved, checkpoint_folder, tmp_path / "a", range(FEW))


@pytest.mark.soak
def test_many_edits(saved, checkpoint_folder, tmp_path):
    hold(saved, checkpoint_folder, tmp_path / "a", range(MANY))
