"""What a user asked the builder for, refused early where it cannot be."""

from dataclasses import dataclass
from pathlib import Path

from unlearnzoo import OptionError
from unlearnzoo_remem.generate.plan import Spec

#: Accepted as the same person by `--face-model` [A]: strict for ArcFace, whose equal error rate lies lower.
THRESHOLD = 0.5
DRAWN_SIZE = 48


@dataclass(frozen=True)
class Order:
    """The options of ``unlearnzoo remem build``; None where the user left one out."""

    out: Path
    identities: int | None = None
    qa: int = 100
    single: float = 0.7
    views: int | None = None
    seed: int = 0
    size: int | None = None
    locales: tuple[str, ...] = ()
    profiles: Path | None = None
    images: Path | None = None
    face_model: Path | None = None
    threshold: float | None = None

    def check(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            OptionError: naming the options.
        """
        if self.views and self.views > self.qa:
            raise OptionError(f"--views {self.views}: must be at most --qa {self.qa}, one question a picture")
        if self.face_model and not self.images:
            raise OptionError("--face-model is for photographs (--images); drawn people are alike by construction")
        if self.threshold is not None and not self.face_model:
            raise OptionError(f"--threshold {self.threshold:g} needs --face-model, which measures the similarity")
        if self.locales and self.profiles:
            raise OptionError("--locale is for people who are made up; with --profiles leave it out")

    @property
    def accepted(self) -> float:
        """The least similarity of a photograph to the first one."""
        return THRESHOLD if self.threshold is None else self.threshold

    def spec(self, people: int) -> Spec:
        """Return the plan's options."""
        return Spec(people, self.qa, self.single, self.views or self.qa, self.seed)

    def count(self, given: int | None, what: str) -> int:
        """Return how many people there are, given those of a file or folder.

        Raises:
            OptionError: ``--identities`` says otherwise.
        """
        if given is not None and self.identities not in (None, given):
            raise OptionError(f"--identities {self.identities}: {what} holds {given} people; leave --identities out")
        return given or self.identities or 20
