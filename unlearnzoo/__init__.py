"""Unlearning algorithms, benchmarks and metrics as plugins; this is what an author imports."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .benchmark import Benchmark, Column, Published, Utility
from .errors import DataError, OptionError, ZooError, first_line
from .example import Example
from .hookspecs import hookimpl
from .image import LazyImage
from .metric import Candidates, Heading, Metric, Progress, Scored
from .model import ModelCard
from .options import nearest, option
from .terminal import printable
from .unlearner import Phase, RetainTerm, Trainer, Unlearner

if TYPE_CHECKING:
    from .data.below import FilesBelow
    from .data.problems import Problems, quoted
    from .data.words import contains_words, folded, refusal_for, words_of
    from .models.scores import Scores
    from .runs.api import run
    from .storage.artifacts import build_once
    from .storage.atomic import atomic_write, write_error
    from .storage.cache import cache_folder
    from .storage.hashing import content_key
    from .storage.parquet import parquet_batches
    from .training.adapter_weights import AdapterWeights

__version__ = "0.2.0"
__all__ = [
    "AdapterWeights",
    "Benchmark",
    "Candidates",
    "Column",
    "DataError",
    "Example",
    "FilesBelow",
    "Heading",
    "LazyImage",
    "Metric",
    "ModelCard",
    "OptionError",
    "Phase",
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
    "folded",
    "hookimpl",
    "nearest",
    "option",
    "parquet_batches",
    "printable",
    "quoted",
    "refusal_for",
    "run",
    "words_of",
    "write_error",
]
#: Imported on first use: some need torch, which ``import unlearnzoo`` must not.
_LAZY = {
    "AdapterWeights": "training.adapter_weights",
    "FilesBelow": "data.below",
    "Problems": "data.problems",
    "Scores": "models.scores",
    "atomic_write": "storage.atomic",
    "build_once": "storage.artifacts",
    "cache_folder": "storage.cache",
    "contains_words": "data.words",
    "content_key": "storage.hashing",
    "folded": "data.words",
    "parquet_batches": "storage.parquet",
    "quoted": "data.problems",
    "refusal_for": "data.words",
    "run": "runs.api",
    "words_of": "data.words",
    "write_error": "storage.atomic",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_LAZY[name]}", __name__), name)
