"""Unlearning algorithms, benchmarks and metrics as plugins; this is what an author imports."""

from typing import TYPE_CHECKING, Any

from .benchmark import Benchmark, Column, Published, Utility
from .errors import DataError, OptionError, ZooError
from .example import Example, LazyImage
from .hookspecs import hookimpl
from .metric import Candidates, Heading, Metric, Scored
from .model import ModelCard
from .options import option
from .unlearner import Unlearner

if TYPE_CHECKING:
    from .runs.api import run

__version__ = "0.2.0"
__all__ = [
    "Benchmark", "Candidates", "DataError", "Column", "Example", "Heading", "LazyImage", "Metric", "ModelCard",
    "OptionError", "Published", "Scored", "Unlearner", "Utility", "ZooError", "hookimpl", "option", "run",
]


def __getattr__(name: str) -> Any:
    """Import ``run`` on first use: it needs torch, which ``import unlearnzoo`` must not."""
    if name == "run":
        from .runs.api import run

        return run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
