"""Each family's checkpoint is what a user would have: it loads by the auto classes, and what is asked matters."""

import dataclasses
import subprocess
import sys

import pytest
from packaging.version import Version

from tests.support.examples import image
from tests.support.families import FAMILIES
from tests.support.families.asked import QUESTION, written

#: One per module of builders.
ONE_PER_KIND = ("llava_onevision", "qwen2_5_vl", "gemma4", "idefics3", "mllama", "instructblip", "gpt2")


def built(name, folder):
    missing = FAMILIES[name].missing()
    if missing:
        pytest.skip(missing)
    return FAMILIES[name].build(folder)


def logits(model, processor, question, seed):
    """The logits behind the prompt of one question about one picture, of a model with an encoder."""
    import torch

    start = torch.tensor([[model.config.text_config.decoder_start_token_id]])
    pictures = [[image(seed, 48, 40).open()]]
    inputs = processor(text=[written(processor, True, question)], images=pictures, return_tensors="pt")
    with torch.no_grad():
        return model(**inputs, decoder_input_ids=start).logits[0, -1]


@pytest.mark.parametrize("name", [name for name in FAMILIES if FAMILIES[name].refused])
def test_what_is_refused_would_load_and_answer(name, tmp_path):
    """All others are asked in ``test_paths``."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    folder = built(name, tmp_path)
    processor, model = AutoProcessor.from_pretrained(folder), AutoModelForImageTextToText.from_pretrained(folder).eval()
    first = logits(model, processor, QUESTION, 0)
    assert first.isfinite().all()
    assert (first - logits(model, processor, "Where does Anika Sharma live?", 0)).abs().max() > 0.01
    assert (first - logits(model, processor, QUESTION, 1)).abs().max() > 0.01


@pytest.mark.parametrize("name", ONE_PER_KIND)
def test_the_same_bytes_come_out_twice(name, tmp_path):
    import torch

    first = built(name, tmp_path / "first")
    torch.rand(3)
    second = built(name, tmp_path / "second")
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(second) for path in second.rglob("*") if path.is_file())
    assert [file for file in files if (first / file).read_bytes() != (second / file).read_bytes()] == []


def test_a_builder_leaves_the_random_numbers_alone(tmp_path):
    import torch

    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    FAMILIES["llama"].build(tmp_path)
    assert torch.equal(torch.rand(1), expected)


def test_ends_are_the_familys_own(tmp_path):
    from transformers import AutoTokenizer, GenerationConfig

    ends = {"gemma2": ["<eos>", "<end_of_turn>"], "llama": ["<|eot_id|>"], "gpt2": ["<|endoftext|>"]}
    for name, expected in ends.items():
        folder = built(name, tmp_path / name)
        found = GenerationConfig.from_pretrained(folder).eos_token_id
        found = found if isinstance(found, list) else [found]
        assert AutoTokenizer.from_pretrained(folder).convert_ids_to_tokens(found) == expected


def test_every_family_is_here_with_the_transformers_that_the_tests_have():
    import transformers

    missing = [text for text in (family.missing() for family in FAMILIES.values()) if text]
    if Version(transformers.__version__) < Version("5.23"):
        missing = [text for text in missing if "has no" not in text]
    assert missing == []


def test_a_family_that_transformers_does_not_know_says_so():
    import transformers

    later = dataclasses.replace(FAMILIES["llama"], name="llama9", config="Llama9Config")
    assert later.missing() == f"llama9: transformers {transformers.__version__} has no Llama9Config"


def test_without_the_extra_a_family_says_so(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert FAMILIES["smolvlm"].missing() == "smolvlm: needs torchvision, num2words (make families)"


def test_a_process_that_is_started_elsewhere_has_torchvision_too(tmp_path):
    script = "import torchvision; from transformers import LlamaTokenizerFast, Qwen2VLVideoProcessor"
    run = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
