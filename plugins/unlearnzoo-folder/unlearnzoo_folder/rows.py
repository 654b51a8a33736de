"""Turn rows into examples, and check that together they say clearly what to forget and what to keep."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from unlearnzoo import DataError, Example, LazyImage, Problems, contains_words, folded, quoted
from unlearnzoo_folder.images import Images
from unlearnzoo_folder.reader import COLUMNS, Row

#: Column → what it may hold; the first is meant where an optional one is empty.
CHOICES = {"set": ("forget", "retain"), "hop": ("single", "multi"), "split": ("train", "test")}


class Rows:
    """Reads the rows of one file.

    Args:
        path: the file; images are looked for below its folder.
        problems: told of whatever is wrong.

    Attributes:
        splits: train and test → their examples, in the file's order.
        values: attribute → whose rows complete a cloze sentence, and with what: (identity, value folded, value).
        fingerprint: hash of strings and images; who is forgotten is no part of it, so that
            another choice finds the same target.
    """

    def __init__(self, path: Path, problems: Problems) -> None:
        self.path, self.problems = path, problems
        self.splits: dict[str, list[Example]] = {"train": [], "test": []}
        self.values: dict[str, list[tuple[str, str, str]]] = {}
        self._images = Images(path.parent)
        self._hash = hashlib.sha256()
        self._line_of: dict[str, int] = {}
        self._asked: dict[tuple[str, str], tuple[int, str]] = {}
        self._lines: dict[str, dict[str, list[int]]] = {}  # identity → set → lines

    @property
    def fingerprint(self) -> str:
        """Hash of what was read so far."""
        return self._hash.hexdigest()

    @property
    def forgotten(self) -> frozenset[str]:
        """Identities of the rows to forget."""
        return frozenset(who for who, of in self._lines.items() if "forget" in of)

    def read(self, rows: list[Row]) -> None:
        """Read all rows and check them together.

        Raises:
            DataError: what is wrong, row by row.
        """
        for line, row in rows:
            self._row(line, row)
        for identity, of in self._lines.items():
            if len(of) > 1:
                places = "; ".join(f"{name} in line {_some(of[name])}" for name in sorted(of))
                self.problems.add(
                    f"identity {quoted(identity)} is in both sets: {places}; "
                    "one identity is forgotten or kept as a whole",
                    min(map(min, of.values())),
                )
        self.problems.stop()
        trained = {"forget" if e.identity in self.forgotten else "retain" for e in self.splits["train"]}
        if lacking := [name for name in CHOICES["set"] if name not in trained]:
            raise DataError(
                f"{self.path}: no row to train on has set {lacking[0]}; a run needs rows to forget, "
                "and rows to keep that show what forgetting cost"
            )

    def _row(self, line: int, row: Mapping[str, object]) -> None:
        """Check one row on its own, then against those before it; keep it if it can be read."""
        texts = {name: self._text(line, name, row.get(name)) for name in COLUMNS if name != "keywords"}
        # Of one name the form in Unicode is no part: two programs write it in two.
        texts |= {name: unicodedata.normalize("NFC", texts[name]) for name in ("id", "identity")}
        chosen = {name: self._choice(line, name, texts[name]) for name in CHOICES}
        for name in ("question", "answer"):
            if not texts[name]:
                self.problems.add(f"the {name} is empty", line)
        image = self._image(line, texts["image"])
        pixels = image.key if image else ""
        keywords = self._keywords(line, row.get("keywords"), texts["answer"])
        name = texts["id"] or f"line-{line}"
        if (earlier := self._line_of.setdefault(name, line)) != line:
            self.problems.add(f"id {quoted(name)} is that of line {earlier}, too", line)
        if "" in chosen.values():
            return  # where it belongs is not known
        identity, split = texts["identity"] or name, chosen["split"]
        self._lines.setdefault(identity, {}).setdefault(chosen["set"], []).append(line)
        self._place(line, (unicodedata.normalize("NFC", texts["question"]), pixels), f"{chosen['set']}, {split}")
        if texts["cloze"]:
            self._cloze(line, texts, keywords)
            value = identity, folded(keywords[0]), keywords[0]
            self.values.setdefault(attribute_of(texts["attribute"], texts["cloze"]), []).append(value)
        self.splits[split].append(
            Example(
                # The model's own rows have ids as well; the split before it keeps them apart.
                id=f"{split}/{name}",
                identity=identity,
                images=(image,) if image else (),
                question=texts["question"],
                answer=texts["answer"],
                keywords=keywords,
                tags={"hop": chosen["hop"]} | ({"attribute": texts["attribute"]} if texts["attribute"] else {}),
                cloze=texts["cloze"] or None,
            )
        )
        said = [texts["question"], texts["answer"], keywords, texts["cloze"], texts["attribute"], pixels]
        self._hash.update(json.dumps([split, chosen["hop"], name, identity, *said]).encode())

    def _text(self, line: int, name: str, value: object) -> str:
        if isinstance(value, list) and len(value) == 1 and name == "image":
            value = value[0]
        if value is None or value != value:  # pandas writes NaN where there is nothing
            return ""
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # and whole numbers with a point in a column that has such a gap
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            one = "; a row shows one image" if name == "image" and isinstance(value, list) else ""
            self.problems.add(f"{name} {quoted(value)} is no text{one}", line)
            return ""
        if value.encode("utf-8", "ignore").decode() != value:
            self.problems.add(f"{name} {quoted(value)} holds half a character", line)
        return value.strip()

    def _choice(self, line: int, name: str, text: str) -> str:
        """Return one of a column's words; the empty text where it is none of them."""
        known = CHOICES[name]
        found = text.lower() or ("" if name == "set" else known[0])
        if found in known:
            return found
        self.problems.add(f"{name} {quoted(text)} is unknown; write {' or '.join(known)}", line)
        return ""

    def _image(self, line: int, name: str) -> LazyImage | None:
        if not name:
            return None
        try:
            return self._images.open(name, f"{self.path.name}, line {line}")
        except ValueError as error:
            self.problems.add(f"image {quoted(name)} {error}", line)
            return None

    def _keywords(self, line: int, value: object, answer: str) -> tuple[str, ...]:
        if value is None or value != value or not answer or isinstance(value, str) and not value.strip():
            return (answer,)
        try:
            found = _listed(value)
        except ValueError as error:
            self.problems.add(f"keywords {quoted(value)}: {error}", line)
            return (answer,)
        for keyword in found:
            if not contains_words(answer, keyword):
                self.problems.add(f"keyword {quoted(keyword)} is not in the answer, as whole words", line)
        return found

    def _cloze(self, line: int, texts: Mapping[str, str], keywords: tuple[str, ...]) -> None:
        """Refuse a cloze sentence that a whole answer would complete."""
        if keywords == (texts["answer"],):
            self.problems.add(
                f"cloze {quoted(texts['cloze'])} is completed by the first keyword; write keywords that are less than "
                "the whole answer",
                line,
            )

    def _place(self, line: int, asked: tuple[str, str], place: str) -> None:
        """Refuse a question that is asked in two places: forgotten and kept, or trained on and held out."""
        earlier, there = self._asked.setdefault(asked, (line, place))
        if there != place:
            self.problems.add(
                f"the question is that of line {earlier}, there as {there}, here as {place}; "
                "a test row is worded in another way, and nothing is both forgotten and kept",
                line,
            )


def attribute_of(attribute: str | None, cloze: str | None) -> str:
    """Return what kind of value a row has: rows with the same rank each other's. Without a name it is the sentence."""
    return folded(attribute or cloze or "")


def _listed(value: object) -> tuple[str, ...]:
    """Return the values that a cell lists: JSON, or separated by semicolons.

    Raises:
        ValueError: it lists none, or something other than texts and whole numbers.
    """
    expected = 'expected a JSON list such as ["Oak Street", "12"], or values separated by ;'
    if isinstance(value, str):
        text = value.strip()
        try:
            value = json.loads(text) if text.startswith("[") else re.split("[;；؛]", text)
        except (ValueError, RecursionError):
            raise ValueError(expected) from None
    if not isinstance(value, list) or not all(isinstance(v, str | int) and not isinstance(v, bool) for v in value):
        raise ValueError(expected)
    found = tuple(dict.fromkeys(word for v in value if (word := str(v).strip())))
    if not found:
        raise ValueError("it lists nothing; leave it empty, and the whole answer counts")
    return found


def _some(lines: list[int]) -> str:
    return ", ".join(map(str, lines[:3])) + " …" * (len(lines) > 3)
