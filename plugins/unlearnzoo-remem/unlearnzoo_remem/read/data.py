"""A whole data set, read and checked: who is in it, what is known of them, who is forgotten."""

import dataclasses
import functools
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unlearnzoo import Example, Problems
from unlearnzoo_remem.read.image_store import check_content
from unlearnzoo_remem.read.labels import identity_of
from unlearnzoo_remem.read.names import some
from unlearnzoo_remem.read.reader import NEEDED, PUBLISHED, open_splits
from unlearnzoo_remem.read.rows import Rows

log = logging.getLogger(__name__)
#: Tag of rows that do not answer themselves, in a set that has some which do.
CLEAN = "clean"


@dataclass(frozen=True)
class Data:
    """A checked data set.

    Attributes:
        label: what errors call it.
        splits: finetune, retain and test.
        published: how many people → who they are, from the splits forget1 to forget4.
        fingerprint: hash of strings and images.
        self_answering: rows whose question holds its own keyword. Where there are any, all others
            have the tag ``clean``.
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
            attribute: {person: max(sorted(counts), key=counts.__getitem__) for person, counts in people.items()}
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
        DataError: naming everything that is wrong with splits, columns, rows, people and images;
            rows are counted from 0.
    """
    problems = Problems(data)
    opened = open_splits(data, problems)
    texts = {name: split.texts() for name, split in opened.items()}
    rows = Rows(data, strict, problems)
    whole = [name for name in NEEDED if name in opened and not opened[name].missing]
    for name in whole:  # before the images are copied, which takes a while
        rows.read(name, texts[name], None)
    published = _people(texts, problems)
    content = check_content({n: opened[n] for n in NEEDED if n in opened}, texts, problems)
    rows = Rows(data, strict, problems)  # again, now with the images
    splits = {name: rows.read(name, texts[name], content.images[name]) for name in NEEDED}
    found = Data(
        data,
        {name: _tagged(split, frozenset(rows.self_answering)) for name, split in splits.items()},
        published,
        content.fingerprint,
        len(rows.self_answering),
        len(rows.keyword_elsewhere),
    )
    _warn(found, rows)
    return found


def _tagged(split: tuple[Example, ...], odd: frozenset[str]) -> tuple[Example, ...]:
    """Mark the rows that do not answer themselves, where some do: EM is shown over them as well."""
    if not odd:
        return split
    return tuple(e if e.id in odd else dataclasses.replace(e, tags={**e.tags, CLEAN: "yes"}) for e in split)


def _people(texts: Mapping[str, Mapping[str, Sequence[str | None]]], problems: Problems) -> dict[int, frozenset[str]]:
    """Check that the identities, which are read from paths, tell one story in all splits.

    Returns:
        How many people → who they are, of the splits forget1 to forget4.
    """
    shown = {
        split: {person for path in columns["image_path"] if (person := identity_of(path or ""))}
        for split, columns in texts.items()
        if "image_path" in columns
    }
    published = {n: shown[s] for n, s in enumerate(PUBLISHED, 1) if s in shown}
    if "finetune" in shown:
        known = shown.pop("finetune")
        if len(known) < 2:
            problems.add(
                f"split finetune shows {len(known)} identity by its image_path, "
                f"{some(sorted(known)) or 'none'}; forgetting one needs at least two",
                kind="too few identities",
            )
        for split, people in shown.items():
            if strangers := sorted(people - known):
                problems.add(
                    f"split {split} shows {some(strangers)} by its image_path, not in "
                    f"finetune, which shows {some(sorted(known))}",
                    kind="splits that show strangers",
                )
    for n, people in published.items():
        if len(people) != n:
            problems.add(
                f"split forget{n} shows {len(people)} identities by its image_path; expected {n}",
                kind="forget splits of another number of people",
            )
    return {n: frozenset(people) for n, people in published.items()}


def _warn(found: Data, rows: Rows) -> None:
    for ids, text in (
        (rows.self_answering, "questions hold their own keyword; EM is shown without them, too"),
        (rows.keyword_elsewhere, "answers lack a keyword; EM counts the keyword"),
    ):
        if ids:
            log.warning("%s: %d %s: %s", found.label, len(ids), text, some(ids))
    names = Counter(found.values.get("name", {}).values())
    for name in sorted(name for name, count in names.items() if count > 1):
        people = [person for person, own in found.values["name"].items() if own == name]
        log.warning("%s: %s have one name, %r: two people?", found.label, some(people), name)
