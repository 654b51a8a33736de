"""MMBench as a utility benchmark: what a model could do besides, judged before and after."""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from unlearnzoo import Column, Example, Utility, option

if TYPE_CHECKING:
    from unlearnzoo_mmbench.rows import Questions

CHOICE, UNREAD = "unlearnzoo-mmbench/choice", "unlearnzoo-mmbench/unread"


class MMBench(Utility):
    """Multiple choice over pictures: circular and vanilla accuracy by exact matching (MMBench; Liu et al., 2024).

    Circular: a question counts only if it is answered rightly in every order of its options. Vanilla:
    each question once. The data are the user's: the public TSV, or a copy of it on the hub.
    """

    name = "mmbench"
    data: str | None = option(None, "The public TSV, a parquet file with its columns, or a data set on the hub")
    split: str | None = option(None, "Only rows of this split, such as dev; by default all")

    evals = (
        Column("MMB circ", "circular", CHOICE, who="all", want="high", by=(), all_of="index"),
        Column("MMB van", "vanilla", CHOICE, who="all", want="high", by=()),
        Column("MMB ?", "circular", UNREAD, who="all", want="low", by=()),
    )

    def prepare(self) -> None:
        """Open the data and check every row and image.

        Raises:
            OptionError: no file is named, or it has no such split.
            DataError: naming rows, what is wrong and what would be right.
        """
        self._splits  # noqa: B018 - reads them

    def fingerprint(self) -> str:
        """Return the hash of all strings and encoded images."""
        return self._questions.fingerprint

    def examples(self, split: str) -> Sequence[Example]:
        """Return the rows of ``circular`` (every order) or ``vanilla`` (each question once)."""
        return self._splits[split]

    @functools.cached_property
    def _splits(self) -> dict[str, tuple[Example, ...]]:
        found = self._questions
        return {
            "circular": tuple(one.example("circular") for one in found.turned),
            "vanilla": tuple(one.example("vanilla") for one in found.once),
        }

    @functools.cached_property
    def _questions(self) -> "Questions":
        from unlearnzoo_mmbench.rows import read
        from unlearnzoo_mmbench.table import open_table

        return read(str(self.data), *open_table(self.data, self.split))
