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
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast
from urllib.parse import quote, unquote

from ..benchmark import Column, utility_part
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
    "want interval detail all_of tagged word origin origins provenance distribution version columns".split()
)
#: Keys below which a plugin gives the keys, so that one called as above may hold anything.
_DATA = frozenset({"options", "set", "values", "published", "group"})
#: Keys below which all keys are words of the program or of a plugin: flags, options, tags, pools, splits.
_OUR_KEYS = _DATA | {"arguments", "generation", "pools", "algorithms", "metrics", "utility", "n", "unscored", "draws"}
#: Keys with whole sentences of this program, where `may` is no May: names are looked for as they are written.
_SENTENCES = frozenset({"verdict", "resumed", "error"})
#: A shorter name stands in too many words and numbers to be looked for inside of a text.
_LETTERS, _DIGITS = 3, 5
#: Between the parts of a name, as folders and URLs write it, and as a shell quotes an apostrophe.
_BETWEEN = r"(?:%[0-9A-F]{2}|[\W_]){0,6}"


class Redactor:
    """Takes people and texts out of what a record is given.

    Args:
        rows: what the columns ask, texts and all; neither order nor repetition matters. Without any, pseudonyms are
            new ones that no other record has.
        columns: tags that they group by are kept.
        key: of the pseudonyms, in the place of the rows' texts.
    """

    def __init__(self, rows: Iterable[Example | Sample], columns: Iterable[Column], key: bytes | None = None) -> None:
        texts = sorted({"\0".join([row.id, row.identity, row.question, row.answer]) for row in rows})
        whole = "\1".join(["unlearnzoo redact", *texts]).encode()
        self._key = key or (hashlib.sha256(whole).digest() if texts else secrets.token_bytes(32))
        self._tags = {tag for column in columns for tag in (*column.by, column.tagged) if tag}

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
        return cls(asked, [*columns, *groups])

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
                tags={tag: value for tag, value in s.tags.items() if tag in self._tags},
            )
            for s in samples
        ]

    def fields(self, fields: Mapping[str, object]) -> dict[str, object]:
        """Return fields of a record with pseudonyms where people stand, and ``~`` for the user's home folder."""
        redacted = cast(dict[str, object], without_home(fields))
        if "benchmark" in fields:
            benchmark = cast(Benchmark, redacted["benchmark"])
            people = sorted(map(self.name, benchmark.get("forget_identities", ())))
            redacted["benchmark"] = {**benchmark, "forget_identities": people}
        if "plan" in fields:
            redacted["plan"] = self._plan(cast(Plan, redacted["plan"]))
        return redacted

    def nameless(self, fields: Mapping[str, object], people: Iterable[str]) -> dict[str, object]:
        """Return all fields of a record that is over with pseudonyms for whole names in any of its texts.

        Args:
            fields: of the record, JSON values.
            people: names that are known; those of the forget identities are.
        """
        benchmark = cast(Benchmark, fields["benchmark"])
        names = Names({*people, *benchmark.get("forget_identities", ())}, self.name)
        error, own = str(fields.get("error") or ""), ("diverged", "interrupted", "finished")
        if error and fields["status"] not in own and not error.startswith(_OWN_ERRORS):
            fields = {**fields, "error": f"{error.partition(':')[0]}: {SILENT}" if _CLASS.match(error) else SILENT}
        return names.replaced(self.fields(fields))

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


class Names:
    """Puts other words in the place of people's names, wherever a record has them: in paths and the command line, too.

    Words of the record itself stay, for what stood in the place of one would say who is called so.

    Args:
        people: their names; whole ones are found, however their parts are joined (``Ann Lee``, ``ann-lee``). Of fewer
            than three letters, or than five digits alone, they are found only where nothing else stands beside them.
        word: gives what stands in the place of a name.
    """

    def __init__(self, people: Iterable[str], word: Callable[[str], str]) -> None:
        self._word = word
        self._exact = frozenset(filter(None, people))
        self._parts = {_plain(name): name for name in self._exact}
        forms = [form for name in sorted(self._exact, key=len, reverse=True) for form in _forms(name)]
        self._pattern = re.compile("|".join(forms), re.IGNORECASE) if forms else None
        self._as_written = re.compile("|".join(forms)) if forms else None

    def text(self, text: str) -> str:
        """Return a text without the names."""
        return self._word(text) if text in self._exact else self._without(self._pattern, text)

    def sentence(self, text: str) -> str:
        """Return a text of this program without the names, of which other words may have the letters."""
        return self._word(text) if text in self._exact else self._without(self._as_written, text)

    def command(self, text: str, words: Iterable[str]) -> str:
        """Return a command line without the names: flags stay, and words that stand alone or before ``=``."""
        own = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
        parts = re.split(rf"((?<!\S)--[a-z][a-z-]*|(?<![^\s,='\"])(?:{own})(?![^\s,=]))", text)
        return "".join(part if i % 2 else self._without(self._pattern, part) for i, part in enumerate(parts))

    def _without(self, pattern: re.Pattern[str] | None, text: str) -> str:
        if pattern is None:
            return text
        return pattern.sub(lambda found: self._word(self._parts.get(_plain(found[0]), found[0])), text)

    def replaced(self, fields: Mapping[str, object]) -> dict[str, object]:
        """Return fields of a record without the names."""
        words = _words(fields)
        clean: dict[str, object] = {}
        for name, value in fields.items():
            change = self.sentence if name in _SENTENCES else self.text
            if name == "command" and isinstance(value, str):
                clean[name] = self.command(value, words | _options(fields))
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
    return _keys() | told | {"base", "target", "unlearned"}


def _options(fields: Mapping[str, object]) -> frozenset[str]:
    """Return the names of the options that were typed."""
    typed = fields.get("arguments")
    given = typed.get("set") if isinstance(typed, Mapping) else None
    return frozenset(map(str, given)) if isinstance(given, Mapping) else frozenset()


def _forms(name: str) -> list[str]:
    """Return how a name may stand inside of a text, as patterns; none of one that is too short to be looked for."""
    signs = _plain(name)
    # Two letters of Chinese are a whole name, and no space need stand around it.
    spaced = signs.isdigit() or signs.lower() != signs.upper()
    if len(signs) < (_DIGITS if signs.isdigit() else _LETTERS if spaced else 2):
        return []
    start, end = (r"(?<![^\W_])", r"(?![^\W_])") if spaced else ("", "")
    # Accents that are signs of their own count as what is between parts, and may be lost.
    forms = dict.fromkeys(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    joined = [_BETWEEN.join(map(_part, filter(None, re.split(r"[\W_]+", form)))) for form in forms]
    return [f"{start}{form}{end}" for form in joined]


def _part(text: str) -> str:
    """Return how a part of a name may stand, as a pattern: as it is, or as a URL has it."""
    return re.escape(text) if text.isascii() else f"(?:{re.escape(text)}|{re.escape(quote(text))})"


def _plain(name: str) -> str:
    """Return the letters and digits of a name, however they are joined, without accents."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFD", unquote(name))).casefold()


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
