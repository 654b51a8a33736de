"""What a benchmark yields: one question about an image of one person, or of several."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from .errors import DataError
from .image import LazyImage

#: Between the people of one row where they are shown.
_BETWEEN = "; "


class OfPeople:
    """What a row about one person or several has in common, asked or answered."""

    id: str
    identity: str
    identities: tuple[str, ...]

    def __post_init__(self) -> None:
        label, everybody = _named(self.id, self.identity, self.identities)
        object.__setattr__(self, "identity", label)
        object.__setattr__(self, "identities", everybody)

    def about(self, people: Iterable[str]) -> bool:
        """Return whether the row is about any of some people; one about any forget identity is forgotten."""
        return not set(self.identities).isdisjoint(people)


@dataclass(frozen=True)
class Example(OfPeople):
    """One question and its answer.

    Attributes:
        id: unique in the benchmark, stable across runs.
        identity: whom the row is about, where that is one person. Of several it is their names in one text, to be shown
            and for nothing else.
        images: empty for a text-only row.
        question: empty for a row that is only an assistant sentence after the image.
        answer: the sentence to learn or forget.
        keywords: the private values inside the answer.
        tags: ``hop`` (single | multi), ``attribute`` and whatever a benchmark groups by.
        cloze: assistant prefix that the value completes, for Exposure; None where there is none.
        choices: the options of a multiple-choice question, A first; the answer is then a letter.
        identities: everybody whom the row is about, given in place of ``identity`` where they are several: a group
            photo, a couple's address. Sorted, each once. Pools and intervals go by it (``about``).

    Raises:
        DataError: ``identity`` and ``identities`` name different people, or ``identities`` is a text.
    """

    id: str
    identity: str = ""
    images: tuple[LazyImage, ...] = ()
    question: str = ""
    answer: str = ""
    keywords: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    cloze: str | None = None
    choices: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()


def _named(row: str, identity: str, identities: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """Return how the people of a row are shown, and each of them: sorted, so that their order makes no difference.

    Raises:
        DataError: as of ``Example``.
    """
    if not identities:
        return identity, (identity,)
    if isinstance(identities, str):
        raise DataError(f"row {row!r}: identities={identities!r} is one text; write identities=({identities!r},)")
    everybody = tuple(sorted(set(identities)))
    label = _BETWEEN.join(everybody)
    if identity not in ("", label):
        raise DataError(
            f"row {row!r}: identity={identity!r}, but identities={everybody!r}; give identity for one person, or "
            'identities for all (and identity="" where dataclasses.replace changes them)'
        )
    return label, everybody
