"""Generated answers are the greedy ones of the model, whatever its checkpoint says of generation."""

import json

from tests.support.checkpoints import llava
from tests.support.engines import adapted
from tests.support.examples import people

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
