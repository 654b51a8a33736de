"""Generated answers are the greedy ones of the model, whatever its checkpoint says, or draws from its distribution."""

import json
from types import SimpleNamespace

import pytest
import torch

from tests.support.checkpoints import llava
from tests.support.engines import adapted
from tests.support.examples import people
from unlearnzoo import OptionError
from unlearnzoo.models.generation import Sampling

HABITS = {"repetition_penalty": 5.0, "no_repeat_ngram_size": 1, "num_beams": 2, "min_length": 600}


def test_the_habits_of_a_checkpoint_do_not_count(checkpoint_folder, tmp_path):
    from transformers import GenerationConfig

    folder = llava(tmp_path / "m")
    GenerationConfig.from_pretrained(folder, **HABITS).save_pretrained(folder)
    plain, own = adapted(checkpoint_folder), adapted(folder)
    assert own.base.generation_config.repetition_penalty == 5.0
    encoded = [plain.encode(e) for e in people(3, 2)]
    texts = plain.generate(encoded, "unlearned", 12)
    assert own.generate(encoded, "unlearned", 12) == texts and any(texts)
    own.base.save_pretrained(tmp_path / "again")
    saved = [json.loads((f / "generation_config.json").read_text()) for f in (folder, tmp_path / "again")]
    assert saved[0] == saved[1] and {k: saved[0][k] for k in HABITS} == HABITS


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_tokens_are_drawn_from_the_models_distribution(temperature):
    """Of n draws a token of probability p comes np times, within four standard deviations."""
    logits, n = torch.tensor([[2.0, 0.0, 1.0, -1.0], [-3.0, 1.0, 1.5, 0.0]]), 4000
    prompts = [SimpleNamespace(prompt=(1, 2), image_key=("a",)), SimpleNamespace(prompt=(1, 2), image_key=("b",))]
    add = Sampling(temperature, "0").noisy(prompts)
    drawn = torch.stack([add(None, logits).argmax(-1) for _ in range(n)])
    for row in (0, 1):
        p = (logits[row] / temperature).softmax(0)
        found = torch.bincount(drawn[:, row], minlength=4) / n
        assert ((found - p).abs() < 4 * (p * (1 - p) / n).sqrt()).all()


def test_what_is_drawn_depends_on_prompt_and_seed_and_not_on_the_batch(checkpoint_folder):
    engine = adapted(checkpoint_folder)
    encoded = [engine.encode(e) for e in people(3, 2)]

    def said(some, seed="0", temperature=1.0):
        return engine.generate(some, "unlearned", 12, sampling=Sampling(temperature, seed))

    texts = said(encoded)
    assert said(encoded) == texts and said(encoded[::-1]) == texts[::-1]
    assert [said([one])[0] for one in encoded] == texts
    assert said(encoded, seed="1") != texts
    assert said(encoded, temperature=1e-6) == engine.generate(encoded, "unlearned", 12)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_is_above_0(temperature):
    with pytest.raises(OptionError, match="temperature=.*: give a number above 0"):
        Sampling(temperature, "0")
