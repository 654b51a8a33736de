"""A real engine on a random LLaVA with the adapters of a target that are not at LoRA's zero."""

import io

import pytest

from tests.conftest import own_cache, shared_folder  # noqa: F401 - one cache for all tests
from unlearnzoo import Example, LazyImage
from unlearnzoo_diagnose.people import Person


def png(seed, size=24):
    """Return the bytes of a picture that no other seed has."""
    from PIL import Image

    buffer = io.BytesIO()
    tones = bytes((i * (7 + seed) + 40 * seed) % 256 for i in range(3 * size * size))
    Image.frombytes("RGB", (size, size), tones).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def picture():
    """Seed → PNG bytes."""
    return png


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """A random LLaVA of two layers, 16 px; target and unlearn adapter random."""
    from tests.support.checkpoints import llava
    from tests.support.engines import adapted

    return adapted(llava(tmp_path_factory.mktemp("llava")))


NAMES = ("Anika Sharma", "Zoltan Oak", "Jo Lee")


@pytest.fixture
def people():
    """Three people with an image each, and a single-hop fact about each."""
    found = []
    for i, name in enumerate(NAMES):
        data = png(i + 1)
        image = LazyImage(lambda data=data: data, f"image {i}")
        fact = Example(
            id=f"f{i}",
            identity=f"id_{i}",
            images=(image,),
            question=f"Where does {name} live?",
            answer=f"{name} lives at {12 + i} Oak Street.",
            keywords=(f"{12 + i} Oak Street",),
            tags={"hop": "single", "attribute": "address"},
        )
        found.append(Person(f"id_{i}", name, (image,), fact))
    return found
