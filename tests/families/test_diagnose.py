"""``unlearnzoo diagnose`` on other families: causal tracing has known results, or is refused in one line."""

import io
import random

import pytest

from tests.support.families import FAMILIES
from unlearnzoo import Example, LazyImage
from unlearnzoo.errors import ModelError
from unlearnzoo.models.checkpoint import inspect
from unlearnzoo.training.engine import Engine
from unlearnzoo_diagnose import names
from unlearnzoo_diagnose.pairs import EXCHANGED, build
from unlearnzoo_diagnose.people import Person
from unlearnzoo_diagnose.tracing import Restoration, Tracer


def person(number, name):
    from PIL import Image

    file = io.BytesIO()
    Image.frombytes("RGB", (48, 40), random.Random(number).randbytes(3 * 48 * 40)).save(file, "PNG")
    image = LazyImage(file.getvalue, f"image {number}")
    fact = Example(
        id=f"f{number}",
        identity=f"id_{number}",
        images=(image,),
        question=f"Where does {name} live?",
        answer=f"{name} lives at {12 + number} Oak Street.",
        keywords=(f"{12 + number} Oak Street",),
        tags={"hop": "single", "attribute": "address"},
    )
    return Person(f"id_{number}", name, (image,), fact)


PEOPLE = [person(0, "Anika Sharma"), person(1, "Zoltan Oak"), person(2, "Jo Lee")]


def engine_of(name, folder):
    if missing := FAMILIES[name].missing():
        pytest.skip(missing)
    engine = Engine(inspect(name, FAMILIES[name].build(folder)))
    for adapter in ("target", "unlearn"):
        engine.adapt(adapter, 4, 8, ["language"], 0)
    return engine


@pytest.mark.parametrize("name", ["qwen2_5_vl", "gemma3"])
def test_tracing_has_the_known_results(name, tmp_path):
    engine = engine_of(name, tmp_path)
    assert len(names.measure(engine, "target", {"taught": PEOPLE}, 20.0)) == 3
    tracer = Tracer(engine)
    for exchanged in EXCHANGED:
        pairs, lacking = build(engine.encoder, PEOPLE, exchanged, 0)
        assert not lacking
        whole = [Restoration("hidden", (layer,), tuple(range(len(pairs[0].clean)))) for layer in range(tracer.depth)]
        found = tracer.trace(pairs[0], [*whole, Restoration()], "target")
        assert found.restored == pytest.approx([found.clean] * tracer.depth + [found.corrupted], rel=1e-3)
        assert found.clean != pytest.approx(found.corrupted, rel=1e-3)


@pytest.mark.parametrize("name", ["gemma4", "qwen3_vl", "mllama"])
def test_what_cannot_be_traced_is_refused_in_one_line(name, tmp_path):
    """Capped logits, features that are added in several layers, pictures that are no embeddings."""
    engine = engine_of(name, tmp_path)
    pair = build(engine.encoder, PEOPLE, "image", 0)[0][0]
    with pytest.raises(ModelError, match="--no-trace leaves"):
        Tracer(engine).trace(pair, [Restoration()], "target")
