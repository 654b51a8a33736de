"""What a model plugin says of its checkpoint: data only, found by entry point."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .benchmark import Column


@dataclass(frozen=True)
class ModelCard:
    """A checkpoint with the recipe that suits it.

    An installed distribution offers one under the entry-point group ``unlearnzoo.models``.

    Attributes:
        folder: what ``from_pretrained`` loads (a hub id is taken as it is); a function returns where it has made it,
            and is called when a plan needs it (``build_once`` makes it once).
        recipe: ``{"learn": {...}, "unlearn": {...}}``: values that differ from the benchmark's; by an algorithm's
            name, options of that algorithm.
        replay: parquet of rows mixed into stage 1 to keep what the base knows; in no pool.
        utility: parquet of rows that show what the base could do before.
        evals: columns over splits ``utility:KIND``, the utility rows of that kind.
    """

    folder: Path | str | Callable[[], Path]
    recipe: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    replay: Path | None = None
    utility: Path | None = None
    evals: tuple[Column, ...] = ()
