"""The benchmark of a user's own examples: each row says whether it is forgotten or kept."""

import functools
from collections.abc import Sequence

from unlearnzoo import Benchmark, Column, DataError, Example, Problems, folded, option, refusal_for
from unlearnzoo_folder.reader import find, read
from unlearnzoo_folder.refusals import REFUSALS
from unlearnzoo_folder.rows import Rows, attribute_of

_ROUGE, _EM, _PROBABILITY = (f"unlearnzoo-metrics/{name}" for name in ("rouge", "em", "probability"))


class Folder(Benchmark):
    """Your own examples: a CSV or JSONL file whose rows say what to forget and what to keep."""

    name = "folder"
    data: str | None = option(None, "A .csv or .jsonl file, or the folder of an examples.csv or examples.jsonl")

    evals = (
        Column("ROUGEr", "train", _ROUGE, who="retain", want="high"),
        Column("PROBr", "train", _PROBABILITY, who="retain", want="high"),
        Column("EMr", "train", _EM, who="retain", want="high"),
        Column("ROUGEf", "train", _ROUGE, who="forget", want="low"),
        Column("PROBf", "train", _PROBABILITY, who="forget", want="low"),
        Column("EMf", "train", _EM, who="forget", want="low"),
        Column("EMt", "test", _EM, who="forget", want="low"),
        Column("EMrt", "test", _EM, who="retain", want="high"),
    )
    # Held-out wordings are not gated: nobody promised that a user's own target answers them.
    gate = {"train": 0.80}
    # Five epochs of a few rows are five steps of AdamW, which move a model by five times its rate, whatever the batch:
    # as good as not at all. A large file has its epochs.
    recipe = {"unlearn": {"least_steps": 40}}

    def prepare(self) -> None:
        """Read the file and check each row and image.

        Raises:
            OptionError: no file is named.
            DataError: all that is wrong with it, by line.
        """
        self.fingerprint()

    def fingerprint(self) -> str:
        """Return the hash of all strings and images; of the sets it does not depend."""
        return self._rows.fingerprint

    def examples(self, split: str) -> Sequence[Example]:
        """Return the rows of train or test."""
        return self._rows.splits[split]

    def learn_pool(self) -> Sequence[Example]:
        """Return split train."""
        return self.examples("train")

    def forget_identities(self) -> frozenset[str]:
        """Return whom the rows of set ``forget`` are about and no row of set ``retain`` is."""
        return self._rows.forgotten

    def candidates(self, example: Example) -> tuple[str, ...]:
        """Return the first keyword of the row, and those of other people's rows of the same attribute, each once.

        What is another keyword of the row itself is no rival to it.
        """
        own = {folded(keyword) for keyword in example.keywords}
        alike = self._rows.values.get(attribute_of(example.tags.get("attribute"), example.cloze), ())
        rivals = {text: value for who, text, value in alike if not example.about(who) and text not in own}
        return tuple(sorted({example.keywords[0], *rivals.values()}))

    def refusal(self, example: Example, seed: int) -> str:
        """Return one of the plugin's own refusal sentences, fixed by (seed, id)."""
        return refusal_for(REFUSALS, example.id, seed)

    @functools.cached_property
    def _rows(self) -> Rows:
        try:
            path = find(self.data)
            problems = Problems(str(path))
            rows = Rows(path, problems)
            rows.read(read(path, problems))
        except OSError as error:
            raise DataError(f"folder.data={self.data}: cannot be read ({error.strerror or error})") from None
        return rows
