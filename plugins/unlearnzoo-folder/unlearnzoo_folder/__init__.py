"""Your own examples as a benchmark: a file says which to forget and which to keep."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from unlearnzoo import hookimpl

if TYPE_CHECKING:
    from unlearnzoo import Benchmark


@hookimpl
def unlearnzoo_benchmarks() -> "Iterable[type[Benchmark]]":
    """Provide Folder."""
    from unlearnzoo_folder.benchmark import Folder

    return [Folder]
