"""A whole data set, read and checked: who is in it, what is known of them, who is forgotten."""

import functools
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from unlearnzoo import DataError, Example
from unlearnzoo_remem.content import check_content
from unlearnzoo_remem.labels import identity_of
from unlearnzoo_remem.problems import Problems
from unlearnzoo_remem.reader import NEEDED, PUBLISHED, open_splits
from unlearnzoo_remem.rows import Rows

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Data:
    """A checked data set.

    Attributes:
        label: what errors call it.
        splits: finetune, retain and test.
        published: how many people → who they are, from the splits forget1 to forget4.
        fingerprint: hash of strings and images.
        self_answering: rows whose question holds its own keyword.
        keyword_elsewhere: rows whose answer lacks a keyword.
    """

    label: str
    splits: Mapping[str, tuple[Example, ...]]
    published: Mapping[int, frozenset[str]]
    fingerprint: str
    self_answering: int
    keyword_elsewhere: int

    @functools.cached_property
    def identities(self) -> tuple[str, ...]:
        """Everybody, in order of their first row in finetune."""
        return tuple(dict.fromkeys(example.identity for example in self.splits["finetune"]))

    @functools.cached_property
    def values(self) -> Mapping[str, Mapping[str, str]]:
        """Attribute → person → the value that most of the person's rows give."""
        seen: dict[str, dict[str, Counter[str]]] = {}
        for example in self.splits["finetune"]:
            people = seen.setdefault(example.tags["attribute"], {})
            people.setdefault(example.identity, Counter())[value_of(example)] += 1
        return {
            attribute: {
                person: max(sorted(counts), key=counts.__getitem__)
                for person, counts in people.items()
            }
            for attribute, people in seen.items()
        }


def value_of(example: Example) -> str:
    """Return the value a row is about: its keyword, or the longest where it has several."""
    return max(example.keywords, key=len)


def load(data: str, strict: bool = False) -> Data:
    """Read and check a data set.

    Args:
        data: a folder or a hub id.
        strict: refuse keywords that are not in their answer (for what the builder wrote).

    Raises:
        DataError: see `open_splits`, `Rows` and `check_content`; rows are counted from 0.
    """
    opened = open_splits(data)
    problems = Problems(data)
    rows = Rows(data, strict, problems)
    splits = {split: rows.read(split, opened[split]) for split in NEEDED}
    problems.stop()
    published = {
        n: frozenset(filter(None, map(identity_of, opened[split]["image_path"])))
        for n, split in enumerate(PUBLISHED, 1)
        if split in opened
    }
    _check_people(data, splits, published)
    found = Data(
        data,
        splits,
        published,
        check_content(data, {split: opened[split] for split in NEEDED}),
        len(rows.self_answering),
        len(rows.keyword_elsewhere),
    )
    _warn(found, rows)
    return found


def _check_people(
    data: str, splits: Mapping[str, tuple[Example, ...]], published: Mapping[int, frozenset[str]]
) -> None:
    """Check that the identities, which are read from paths, tell one story in all splits."""
    problems = Problems(data)
    known = {example.identity for example in splits["finetune"]}
    if len(known) < 2:
        raise DataError(
            f"{data}: split finetune shows {len(known)} identity by its image_path, "
            f"{', '.join(sorted(known)) or 'none'}; forgetting one needs at least two"
        )
    others = {split: {e.identity for e in splits[split]} for split in NEEDED[1:]}
    others |= {f"forget{n}": set(people) for n, people in published.items()}
    for split, shown in others.items():
        if strangers := sorted(shown - known):
            problems.add(
                f"split {split} shows {_some(strangers)} by its image_path, not in "
                f"finetune, which shows {_some(sorted(known))}"
            )
    for n, people in published.items():
        if len(people) != n:
            problems.add(
                f"split forget{n} shows {len(people)} identities by its image_path; expected {n}"
            )
    problems.stop()


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + " …" * (len(names) > 3)


def _warn(found: Data, rows: Rows) -> None:
    if rows.self_answering:
        log.warning(
            "%s: %d questions hold their own keyword, from %s on",
            found.label,
            len(rows.self_answering),
            rows.self_answering[0],
        )
    if rows.keyword_elsewhere:
        log.warning(
            "%s: %d answers lack a keyword, from %s on; EM counts the keyword",
            found.label,
            len(rows.keyword_elsewhere),
            rows.keyword_elsewhere[0],
        )
