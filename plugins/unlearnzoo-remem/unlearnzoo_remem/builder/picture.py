"""One picture of a person, as a build keeps it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """One picture of a person; the first one for training is the anchor.

    Attributes:
        layout: ``train``, ``test``, or ``out`` for a photograph that is not used.
        source: the user's file; empty for a drawing.
        similarity: to the anchor; None where it was not measured.
        why: why it is left out.
        image: the PNG.
        thumb: a small picture for the review sheet.
        vector: the anchor's embedding, if there is a model.
    """

    layout: str
    source: str
    similarity: float | None
    why: str
    image: bytes
    thumb: bytes
    vector: list[float]
