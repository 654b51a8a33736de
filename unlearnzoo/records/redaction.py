"""A record that keeps scores and gives nobody away: no texts, and people as pseudonyms.

The pseudonyms are the same in every run that asks the same rows, so that redacted records can still be compared
example by example. Their key is a hash of those rows' texts, which is written nowhere: who has the data can
tell who is who, and has them already; nobody else can try names.
"""

import dataclasses
import functools
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

from ..benchmark import Column, utility_part
from ..data.names import Names
from ..errors import Diverged, GateError
from ..evaluation.aggregate import concerns
from ..evaluation.samples import Sample
from ..example import Example
from .plan_types import Generation, Plan
from .types import AnyRecord, Benchmark

#: What is said of an error whose own words may quote the data.
SILENT = "its words are left out by redaction; run it again without"
#: How errors begin whose words are this program's, and quote no data.
_OWN_ERRORS = ("stage 1 failed", "the run ended without a result")
_CLASS = re.compile(r"[A-Z]\w*: ")
#: Keys of a record whose values are words of this program; nobody's name is looked for below them.
_OUR_WORDS = frozenset(
    "schema status time seed target_seed versions git device processes machine seconds files split metric column who "  # noqa: SIM905
    "want profile interval detail all_of tagged word origin origins provenance distribution version columns".split()
)
#: Keys below which a plugin gives the keys, so that one called as above may hold anything.
_DATA = frozenset({"options", "set", "values", "published", "group"})
#: Keys below which all keys are words of the program or of a plugin: flags, options, tags, pools, splits.
_OUR_KEYS = _DATA | {"arguments", "generation", "pools", "algorithms", "metrics", "utility", "n", "unscored", "draws"}
#: Keys with whole sentences of this program, where `may` is no May: names are looked for as they are written.
_SENTENCES = frozenset({"verdict", "resumed", "error"})
#: What has groups, which may be people.
_GROUPED = ("results", "baselines", "gate", "curve", "matched")
#: Models, as rows of the record call them.
_OWN = frozenset({"base", "target", "unlearned"})


class Redactor:
    """Takes people and texts out of what a record is given.

    Args:
        rows: what the columns ask, texts and all; neither order nor repetition matters. Without any, pseudonyms are
            new ones that no other record has.
        columns: tags that they group by are kept, but for people's names in them.
        key: of the pseudonyms, in the place of the rows' texts.
        people: beside those of the rows, whom groups may be called by.
    """

    def __init__(
        self,
        rows: Iterable[Example | Sample],
        columns: Iterable[Column],
        key: bytes | None = None,
        people: Iterable[str] = (),
    ) -> None:
        rows, columns = list(rows), list(columns)
        texts = sorted({"\0".join([row.id, row.identity, row.question, row.answer]) for row in rows})
        whole = "\1".join(["unlearnzoo redact", *texts]).encode()
        self._key = key or (hashlib.sha256(whole).digest() if texts else secrets.token_bytes(32))
        self._tags = {tag for column in columns for tag in (*column.by, column.tagged) if tag}
        self._joined = {column.all_of for column in columns if column.all_of}
        self._words = (
            _keys() | _OWN | {word for column in columns for word in (column.name, column.split, column.metric)}
        )
        self._people = {*people, *(person for row in rows for person in row.identities)}

    @classmethod
    def of_record(cls, record: AnyRecord, samples: Sequence[Sample]) -> "Redactor":
        """Return the one that the run would have had, had it been asked to redact.

        Args:
            record: with its results; without any, which rows its columns ask is not known.
            samples: what it kept, texts and all.
        """
        columns = columns_of(record)
        gone = frozenset(record["benchmark"].get("forget_identities", ()))
        own = [column for column in columns if utility_part(column.split) is None]
        asked = [s for s in samples if any(concerns(column, s, gone) for column in own)]
        groups = [Column("", row["split"], "", "all", "low", tuple(row["group"])) for row in record.get("gate") or ()]
        redactor = cls(asked, [*columns, *groups])
        redactor._words = _words(record)
        return redactor

    @functools.cached_property
    def _names(self) -> Names:
        return Names(self._people, self.name)

    def name(self, text: str) -> str:
        """Return the pseudonym of an identity or of an example."""
        return pseudonym(self._key, text)

    def samples(self, samples: Sequence[Sample]) -> list[Sample]:
        """Return samples with their scores, and without texts."""
        return [
            dataclasses.replace(
                s,
                id=self.name(s.id),
                identity="",
                identities=tuple(map(self.name, s.identities)),
                question="",
                answer="",
                prediction=None,
                tags=self._tagged(s.tags),
            )
            for s in samples
        ]

    def _tagged(self, tags: Mapping[str, str]) -> dict[str, str]:
        """Return the tags that results are made of; which rows count as one needs no word of theirs."""
        kept = {tag: _group(value, self._names, self._words) for tag, value in tags.items() if tag in self._tags}
        return {tag: self.name(value) for tag, value in tags.items() if tag in self._joined} | kept

    def fields(self, fields: Mapping[str, object]) -> dict[str, object]:
        """Return fields of a record with pseudonyms where people stand, and ``~`` for the user's home folder."""
        redacted = cast(dict[str, object], without_home(fields))
        if "benchmark" in fields:
            benchmark = cast(Benchmark, redacted["benchmark"])
            people = sorted(map(self.name, benchmark.get("forget_identities", ())))
            redacted["benchmark"] = {**benchmark, "forget_identities": people}
        if "plan" in fields:
            redacted["plan"] = self._plan(cast(Plan, redacted["plan"]))
        return _groups(redacted, self._names, self._words)

    def nameless(self, fields: Mapping[str, object], people: Iterable[str]) -> dict[str, object]:
        """Return all fields of a record that is over with pseudonyms for whole names in any of its texts.

        Args:
            fields: of the record, JSON values.
            people: names that are known; those of the forget identities are.
        """
        benchmark = cast(Benchmark, fields["benchmark"])
        names = Names({*people, *benchmark.get("forget_identities", ())}, self.name)
        words = _words(fields)
        error, own = str(fields.get("error") or ""), ("diverged", "interrupted", "finished")
        if error and fields["status"] not in own and not error.startswith(_OWN_ERRORS):
            fields = {**fields, "error": f"{error.partition(':')[0]}: {SILENT}" if _CLASS.match(error) else SILENT}
        return _replaced(_groups(self.fields(fields), names, words), names, words)

    def _plan(self, plan: Plan) -> Plan:
        if "rules" not in plan:
            return plan
        rules = plan["rules"]
        generation: dict[str, Generation] = {
            split: {**limit, "row": self.name(limit["row"])} for split, limit in rules["generation"].items()
        }
        return {**plan, "rules": {**rules, "generation": generation}}

    def error(self, error: BaseException) -> str | None:
        """Return what may be said of an error, or None where its own words may stay: they are this program's."""
        own = isinstance(error, Diverged | GateError | KeyboardInterrupt)
        return None if own else f"{type(error).__name__}: {SILENT}"


def columns_of(record: AnyRecord) -> list[Column]:
    """Return the columns behind the rows of a record, those over everybody left out; a column's groups are joined."""
    found: dict[str, Column] = {}
    for row in record["results"]:
        by = dict.fromkeys([*(found[row["column"]].by if row["column"] in found else ()), *row["group"]])
        found[row["column"]] = Column(
            row["column"],
            row["split"],
            row["metric"],
            row["who"],
            row["want"],
            tuple(by),
            row.get("detail", ""),
            row.get("all_of"),
            row.get("tagged"),
        )
    return list(found.values())


def pseudonym(key: bytes, text: str) -> str:
    """Return ``p`` and the first 16 hex digits of the HMAC-SHA256 of a text."""
    return "p" + hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:16]


def without_home(value: object) -> object:
    """Return a value of a record with ``~`` for the user's home folder, in names and in values."""
    home = str(Path("~").expanduser())
    pattern = re.compile(rf"(?<![\w/]){re.escape(home)}(?![^/\s'\",:;])")
    return value if len(home) < 2 else _each_text(value, lambda text: pattern.sub("~", text))


def _groups(fields: Mapping[str, object], names: Names, words: frozenset[str]) -> dict[str, object]:
    """Return fields of a record with pseudonyms for groups that are people."""

    def change(text: str) -> str:
        return _group(text, names, words)

    grouped = {name: fields[name] for name in _GROUPED if fields.get(name)}
    return {**fields, **{name: _each_text(value, change, words, name) for name, value in grouped.items()}}


def _group(name: str, names: Names, words: frozenset[str]) -> str:
    """Return a group's name without those of people; in a curve it has the values of several tags."""
    parts = names.text(name).split("/")
    return "/".join(part if part in words else names.text(part) for part in parts) if name not in words else name


def _replaced(fields: Mapping[str, object], names: Names, words: frozenset[str]) -> dict[str, object]:
    """Return fields of a record without the names."""
    clean: dict[str, object] = {}
    for name, value in fields.items():
        change = names.sentence if name in _SENTENCES else names.text
        if name == "command" and isinstance(value, str):
            clean[name] = names.command(value, words | _options(fields))
        else:
            clean[name] = value if name in _OUR_WORDS else _each_text(value, change, words, name)
    return clean


@functools.cache
def _keys() -> frozenset[str]:
    """Return the keys that each record may have, at any depth."""
    from .schema import table
    from .types import RunJson

    return frozenset(part for path in table(RunJson) for part in re.split(r"[.\[\]]+", path)) - {"", "NAME"}


def _words(fields: Mapping[str, object]) -> frozenset[str]:
    """Return what a record calls its own parts: keys, models, columns, splits, and plugins, which are nobody."""
    record = cast(AnyRecord, fields)
    rows = [*(record.get("results") or ()), *(record.get("baselines") or ()), *(record.get("gate") or ())]
    told = {str(row[key]) for row in rows for key in ("column", "split", "metric") if key in row}
    plugins = [record.get("algorithm") or {}, record.get("benchmark") or {}]
    # What `evaluate` was told to call a method may be a person's name, and has no distribution.
    told |= {str(one["name"]) for one in plugins if one.get("distribution") and one.get("name")}
    return _keys() | told | _OWN


def _options(fields: Mapping[str, object]) -> frozenset[str]:
    """Return the names of the options that were typed."""
    typed = fields.get("arguments")
    given = typed.get("set") if isinstance(typed, Mapping) else None
    return frozenset(map(str, given)) if isinstance(given, Mapping) else frozenset()


def _each_text(
    value: object, change: Callable[[str], str], words: frozenset[str] = frozenset(), below: str = ""
) -> object:
    """Return a value with each of its texts changed, names of keys among them; our own words stay.

    Args:
        value: of a record.
        change: text → text.
        words: that stay where nothing stands beside them.
        below: the key whose value it is.
    """
    if isinstance(value, Mapping):
        clean: dict[str, object] = {}
        for name, one in ((str(key), one) for key, one in value.items()):
            ours = name in _OUR_WORDS and below not in _DATA
            key = name if name in words or below in _OUR_KEYS else change(name)
            clean[key] = one if ours else _each_text(one, change, words, name)
        return clean
    if isinstance(value, list | tuple):
        return [_each_text(one, change, words) for one in value]
    if isinstance(value, set | frozenset):
        return {_each_text(one, change, words) for one in value}
    if isinstance(value, str | Path):
        return str(value) if str(value) in words else change(str(value))
    return value
