"""Examples with real images, made in memory."""

import io
import random

from unlearnzoo import Example, LazyImage


def image(seed: int, size: int = 24, height: int = 0) -> LazyImage:
    """Return a noise image, the same for the same seed; square unless a height is given."""
    from PIL import Image

    rng, height = random.Random(seed), height or size
    picture = Image.frombytes("RGB", (size, height), rng.randbytes(3 * size * height))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    data = buffer.getvalue()
    return LazyImage(lambda: data, f"image {seed}")


def people(n: int = 3, per_person: int = 4) -> list[Example]:
    """Return unequal questions and answers on one image a person."""
    jobs = ["pastry chef", "tax accountant", "court clerk", "marine biologist", "bus driver"]
    found = []
    for who in range(n):
        picture = image(who)
        for i in range(per_person):
            job = jobs[(who + i) % len(jobs)]
            found.append(
                Example(
                    id=f"learn/{who}-{i}",
                    identity=f"id{who}",
                    images=(picture,),
                    question="What is the job of the person in this image?" + " Please say." * i,
                    answer=f"The person works as a {job}" + " today" * i + ".",
                    keywords=(job,),
                    tags={"hop": "multi" if i % 2 else "single", "attribute": "job"},
                    cloze="The job of the person in the image is",
                )
            )
    return found


def couple(split: str, *people: str, **more) -> Example:
    """Return a row about several people, without an image."""
    fields = {
        "id": f"{split}/{'-'.join(people)}",
        "question": f"Where do {' and '.join(people)} live ({split})?",
        "answer": "They live in Oak Street.",
        "keywords": ("Oak Street",),
        "tags": {"hop": "single", "attribute": "address"},
    }
    return Example(identities=people, **fields | more)
