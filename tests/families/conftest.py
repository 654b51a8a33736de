"""All tests of this folder run with torchvision beside .venv, in a call of their own: ``make families``."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
WARNINGS = (
    # Of numpy, about processors of transformers that hand it tensors (Glm4v, PaliGemma, InternVL).
    "ignore:__array_:DeprecationWarning",
    # Of transformers 5.15, about its own Mllama.
    "ignore:.hidden_state. is deprecated:FutureWarning",
    # Of peft: the engine adds to a head that shares the embedding's weight what belongs to the head alone.
    "ignore:Model has .tie_word_embeddings=True:UserWarning",
)


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.families)
            for warning in WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(warning))
