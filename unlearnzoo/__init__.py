"""Unlearning algorithms, benchmarks and metrics as plugins; this is what an author imports."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .benchmark import Benchmark, Column, Published, Utility
from .errors import DataError, OptionError, ZooError, first_line
from .example import Example, LazyImage
from .hookspecs import hookimpl
from .metric import Candidates, Heading, Metric, Progress, Scored
from .model import ModelCard
from .options import nearest, option
from .terminal import printable
from .unlearner import RetainTerm, Trainer, Unlearner

if TYPE_CHECKING:
    from .data.problems import Problems, quoted
    from .data.words import contains_words, refusal_for
    from .models.scores import Scores
    from .runs.api import run
    from .storage.artifacts import build_once
    from .storage.atomic import atomic_write, write_error
    from .storage.cache import cache_folder
    from .storage.hashing import content_key
    from .training.adapter_weights import AdapterWeights

__version__ = "0.2.0"
__all__ = [
    "AdapterWeights",
    "Benchmark",
    "Candidates",
    "Column",
    "DataError",
    "Example",
    "Heading",
    "LazyImage",
    "Metric",
    "ModelCard",
    "OptionError",
    "Problems",
    "Progress",
    "Published",
    "RetainTerm",
    "Scored",
    "Scores",
    "Trainer",
    "Unlearner",
    "Utility",
    "ZooError",
    "atomic_write",
    "build_once",
    "cache_folder",
    "contains_words",
    "content_key",
    "first_line",
    "hookimpl",
    "nearest",
    "option",
    "printable",
    "quoted",
    "refusal_for",
    "run",
    "write_error",
]
#: Imported on first use: some need torch, which ``import unlearnzoo`` must not.
_LAZY = {
    "AdapterWeights": "training.adapter_weights",
    "Problems": "data.problems",
    "Scores": "models.scores",
    "atomic_write": "storage.atomic",
    "build_once": "storage.artifacts",
    "cache_folder": "storage.cache",
    "contains_words": "data.words",
    "content_key": "storage.hashing",
    "quoted": "data.problems",
    "refusal_for": "data.words",
    "run": "runs.api",
    "write_error": "storage.atomic",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_LAZY[name]}", __name__), name)
