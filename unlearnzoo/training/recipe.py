"""The values of stage 1 and stage 2, and where each of them comes from."""

from collections.abc import Mapping
from typing import TypeVar

from ..errors import OptionError
from ..options import Configurable, nearest, option, option_names

PARTS = ("language", "projector", "head")
C = TypeVar("C", bound=Configurable)


class Stage(Configurable):
    """What both stages have."""

    name = "stage"

    rank: int = option(64, "Rank of the LoRA adapter", ge=1)
    alpha: float = option(128.0, "LoRA alpha (the update is scaled by alpha / rank)", gt=0)
    targets: str = option("language", "Layers with LoRA, joined by +: language, projector, head")
    epochs: float = option(5.0, "Passes over the learn pool (stage 1) or forget set (stage 2)", gt=0)
    steps: int | None = option(None, "Optimiser steps; overrules epochs", ge=1)
    least_steps: int = option(1, "Fewest optimiser steps, where epochs make fewer of them", ge=1)
    lr: float = option(5e-5, "Peak learning rate", gt=0)
    batch: int = option(64, "Answers (or image groups) per step, over all processes", ge=1)
    batching: str = option("example", "What a batch counts", choices=("example", "image"))
    per_image: int = option(8, "Most questions packed behind one image", ge=1)
    warmup: float = option(0.03, "Share of the steps with a rising learning rate", ge=0, le=1)
    schedule: str = option("cosine", "Learning rate after the warm-up", choices=("cosine", "constant"))
    beta2: float = option(0.999, "AdamW's second moment, below 1", gt=0)
    weight_decay: float = option(0.0, "AdamW's weight decay", ge=0)
    clip: float = option(1.0, "Largest norm of the gradient", gt=0)
    micro_tokens: int = option(4096, "Padded tokens in one forward; bounds memory, not results", ge=1)
    recompute: bool = option(False, "Activation checkpointing: less memory, more time, the same results")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.beta2 >= 1:
            raise OptionError(f"{self.name}.beta2: must be < 1, got {self.beta2!r}")
        for part in self.parts:
            if part not in PARTS:
                raise OptionError(f"{self.name}.targets: {part!r} is unknown; join some of {', '.join(PARTS)} with +")

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the model that get LoRA."""
        return tuple(self.targets.split("+"))


class Learn(Stage):
    """Stage 1: the model memorises the learn pool."""

    name = "learn"

    replay: int = option(0, "Rows of the model's replay set added to each step", ge=0)


class Unlearn(Stage):
    """Stage 2: the target model forgets the forget set."""

    name = "unlearn"

    lr: float = option(2e-5, "Peak learning rate", gt=0)
    probe_every: int = option(1, "Steps between two looks at forgetting", ge=1)
    probe_rows: int = option(100, "Forget rows of that look (teacher-forced)", ge=1)
    curve_rows: int = option(64, "Wrong answers per group that are generated at a point", ge=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if "head" in self.parts:
            raise OptionError("unlearn.targets: leave out 'head'; the reference shares the target's output head")


STAGES: dict[str, type[Stage]] = {"learn": Learn, "unlearn": Unlearn}


def resolve(owner: str, cls: type[C], layers: Mapping[str, Mapping[str, object]]) -> tuple[C, dict[str, str]]:
    """Build a stage's recipe, or an algorithm, from layers of values; later layers win.

    Args:
        owner: ``learn``, ``unlearn``, or the algorithm's name.
        cls: what is built.
        layers: origin (``benchmark``, ``model``, ``recipe``, ``user``) → values.

    Returns:
        It, and for each option the origin of its value (``default`` where nobody set it).

    Raises:
        OptionError: an unknown or unacceptable value, with its origin.
    """
    known = option_names(cls)
    values: dict[str, object] = {}
    origin = dict.fromkeys(known, "default")
    for where, layer in layers.items():
        for name, value in layer.items():
            if name not in known:
                raise OptionError(f"{owner} has no option {name!r} (from {where}){nearest(name, known)}")
            values[name], origin[name] = value, where
        if owner in STAGES and "epochs" in layer and "steps" not in layer and values.get("steps") is not None:
            # Whoever sets epochs last means epochs, not the steps of a layer below.
            values["steps"], origin["steps"] = None, where
        if owner in STAGES and where == "user" and "epochs" in layer and "least_steps" not in layer:
            # A model's epochs were chosen for data of another size; a user's are meant.
            values["least_steps"], origin["least_steps"] = 1, where
    return cls.configure(values), origin
