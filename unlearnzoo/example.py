"""What a benchmark yields: one question about one person's image."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .image import LazyImage


@dataclass(frozen=True)
class Example:
    """One question and its answer.

    Attributes:
        id: unique in the benchmark, stable across runs.
        identity: whom the row is about; pools and intervals go by it.
        images: empty for a text-only row.
        question: empty for a row that is only an assistant sentence after the image.
        answer: the sentence to learn or forget.
        keywords: the private values inside the answer.
        tags: ``hop`` (single | multi), ``attribute`` and whatever a benchmark groups by.
        cloze: assistant prefix that the value completes, for Exposure; None where there is none.
        choices: the options of a multiple-choice question, A first; the answer is then a letter.
    """

    id: str
    identity: str
    images: tuple[LazyImage, ...]
    question: str
    answer: str
    keywords: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    cloze: str | None = None
    choices: tuple[str, ...] = ()
