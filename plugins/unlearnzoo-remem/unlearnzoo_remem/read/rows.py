"""Turn the rows of a split into examples, however their labels are spelt."""

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from unlearnzoo import Example, LazyImage, Problems, contains_words
from unlearnzoo_remem.read.image_store import Stored
from unlearnzoo_remem.read.keywords import parse_keywords
from unlearnzoo_remem.read.labels import attribute_of, hop_of, identity_of, label_of


@dataclass
class Rows:
    """Reads splits one after another.

    Attributes:
        label: the data set, for errors.
        strict: refuse a keyword that is not in its answer, rather than count it.
        self_answering: ids of rows whose question holds a keyword.
        keyword_elsewhere: ids of rows whose answer lacks a keyword.
    """

    label: str
    strict: bool
    problems: Problems
    self_answering: list[str] = field(default_factory=list)
    keyword_elsewhere: list[str] = field(default_factory=list)
    _images: dict[str, LazyImage] = field(default_factory=dict)

    def read(
        self, split: str, texts: Mapping[str, Sequence[str | None]], images: Sequence[Stored] | None
    ) -> tuple[Example, ...]:
        """Read one split; rows that cannot be read are noted as problems and left out.

        Args:
            split: its name.
            texts: all of `reader.TEXTS`.
            images: the image of each row; None where they were found wanting.
        """
        rows = (["" if v is None else str(v) for v in row] for row in zip(*texts.values(), strict=True))
        found = (
            self._example(split, number, dict(zip(texts, row, strict=True)), images) for number, row in enumerate(rows)
        )
        return tuple(example for example in found if example)

    def _example(self, split: str, number: int, row: dict[str, str], images: Sequence[Stored] | None) -> Example | None:
        where = f"split {split} row {number}"
        identity, hop = identity_of(row["image_path"]), hop_of(row["question_type"])
        wrong = {}
        if identity is None:
            wrong["rows whose image_path names nobody"] = (
                f"image_path {row['image_path']!r} names no identity; expected "
                "<identity>/<view>.png or <identity>_<view>.png"
            )
        if hop is None:
            wrong["rows of an unknown question_type"] = (
                f"question_type {row['question_type']!r} is unknown; expected single-hop, multi-hop"
            )
        for column in ("question", "answer"):
            if not row[column].strip():
                wrong[f"rows without {column}"] = f"the {column} is empty"
        try:
            keywords = parse_keywords(row["keywords"], row["answer"])
        except ValueError as error:
            keywords = ()
            wrong["rows of unreadable keywords"] = (
                f"keywords {row['keywords']!r}: {error}; expected a JSON list of texts"
            )
        for kind, text in wrong.items():
            self.problems.add(text, where, kind)
        if identity is None or hop is None or wrong:
            return None
        example = Example(
            id=f"{split}/{number:05d}",
            identity=identity,
            question=row["question"],
            answer=row["answer"],
            images=(self._image(row["image_path"], where, images[number]),) if images else (),
            keywords=keywords,
            tags={"hop": hop, "attribute": attribute_of(row["attribute"]), "category": label_of(row["qa_category"])},
            cloze=row["cloze_prompt"].strip() or None,
        )
        self._count(example, where)
        return example

    def _image(self, path: str, where: str, stored: Stored) -> LazyImage:
        """Return the image of a path; rows that share it share the object."""
        if path not in self._images:
            self._images[path] = LazyImage(stored.read, f"{self.label}, {where}", stored.digest)
        return self._images[path]

    def _count(self, example: Example, where: str) -> None:
        if any(contains_words(example.question, keyword) for keyword in example.keywords):
            self.self_answering.append(example.id)
        for keyword in itertools.filterfalse(functools.partial(contains_words, example.answer), example.keywords):
            if self.strict:
                self.problems.add(
                    f"keyword {keyword!r} is not in the answer {example.answer!r}",
                    where,
                    "rows whose answer lacks a keyword",
                )
            elif example.id not in self.keyword_elsewhere[-1:]:
                self.keyword_elsewhere.append(example.id)
