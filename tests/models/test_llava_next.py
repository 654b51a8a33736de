"""Images that the processor cuts into unequal numbers of pieces: in one batch as one by one."""

import pytest

from tests.support.checkpoints import llava_next
from tests.support.engines import adapted, prompts, settle
from tests.support.examples import image
from unlearnzoo import Example


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return adapted(llava_next(tmp_path_factory.mktemp("next")))


def test_portraits_landscapes_and_squares_are_scored_and_answered_together(engine):
    shapes = [(24, 48), (48, 24), (40, 40)]
    pictures = [image(i, *shape) for i, shape in enumerate(shapes)]
    assert [engine.pixels(prompts(engine.encoder, p))["pixel_values"].shape[1] for p in pictures] == [3, 3, 5]
    examples = [
        Example(f"e{i}", "id", (pictures[i % 3],), "What is the job?" + " Say." * i, f"A chef {i}.") for i in range(6)
    ]
    encoded = [engine.encode(e) for e in examples]
    for packs in (True, False):
        alone = [engine.score([one], "unlearned")[0] for one in encoded]
        assert engine.verified.packs is packs
        for a, b in zip(engine.score(encoded, "unlearned"), alone, strict=True):
            assert a.logps == pytest.approx(b.logps, abs=1e-4)
        settle(engine, False)
    assert engine.generate(encoded, "unlearned", 6) == [engine.generate([one], "unlearned", 6)[0] for one in encoded]
