"""Turn rows into examples, and check that together they say clearly what to forget and what to keep."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from unlearnzoo import DataError, Example, LazyImage, Problems, contains_words, folded, quoted
from unlearnzoo_folder.images import Images
from unlearnzoo_folder.reader import COLUMNS, NEEDED, Row

#: Column → what it may hold; the first is meant where an optional one is empty.
CHOICES = {"set": ("forget", "retain"), "hop": ("single", "multi"), "split": ("train", "test")}
#: What programs write where there is nothing, and what spreadsheets write where a formula failed. An answer may well be
#: "None".
_NOTHING = frozenset(("nan", "NaN", "<NA>", "NaT", "null", "NULL"))
_FAILED = frozenset(("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!"))
_NO_VALUE = frozenset(("None", "N/A", "n/a"))
#: Where other programs would put the value.
_BLANK = re.compile(r"_{2,}|\.{3,}|…|\[(?:mask|blank)\]|<(?:mask|blank)>|\{\w*\}", re.IGNORECASE)
#: Beyond it a number with a point has lost digits.
_EXACT = 2**53
#: Columns of several values.
LISTS = ("identity", "keywords")
_WHOLE = "one identity is forgotten or kept as a whole"
_ANY = "a row about several people is forgotten if one of them is"


class Rows:
    """Reads the rows of one file.

    Args:
        path: the file; images are looked for below its folder.
        problems: told of whatever is wrong.

    Attributes:
        splits: train and test → their examples, in the file's order.
        values: attribute → whose rows complete a cloze sentence, and with what: (people, value folded, value).
        fingerprint: hash of strings and images; who is forgotten is no part of it, so that
            another choice finds the same target.
    """

    def __init__(self, path: Path, problems: Problems) -> None:
        self.path, self.problems = path, problems
        self.splits: dict[str, list[Example]] = {"train": [], "test": []}
        self.values: dict[str, list[tuple[frozenset[str], str, str]]] = {}
        self._images = Images(path.parent)
        self._hash = hashlib.sha256()
        self._line_of: dict[str, int] = {}
        self._asked: dict[tuple[str, str], tuple[int, str]] = {}
        self._lines: dict[str, dict[str, list[int]]] = {}  # person → set → lines
        self._forget: list[tuple[int, tuple[str, ...]]] = []  # lines to forget, and their people
        self._shared: set[int] = set()  # lines about several people

    @property
    def fingerprint(self) -> str:
        """Hash of what was read so far."""
        return self._hash.hexdigest()

    @property
    def forgotten(self) -> frozenset[str]:
        """People of the rows to forget; of rows about several, those whom no row says to keep."""
        return frozenset(who for who, of in self._lines.items() if "retain" not in of)

    def read(self, rows: list[Row]) -> None:
        """Read all rows and check them together.

        Raises:
            DataError: what is wrong, row by row.
        """
        for line, row in rows:
            self._row(line, row)
        self._check_sets()
        self.problems.stop()
        gone = self.forgotten
        trained = {"forget" if e.about(gone) else "retain" for e in self.splits["train"]}
        if lacking := [name for name in CHOICES["set"] if name not in trained]:
            raise DataError(
                f"{self.path}: no row to train on has set {lacking[0]}; a run needs rows to forget, "
                "and rows to keep that show what forgetting cost"
            )

    def _check_sets(self) -> None:
        """Refuse a row to forget of whose people each is kept, by another row."""
        told = set()
        for line, people in self._forget:
            kept = {who: self._lines[who].get("retain", []) for who in people}
            if people in told or not all(kept.values()):
                continue
            told.add(people)
            if len(people) > 1:
                known = ", ".join(f"{quoted(who)} in line {_some(lines)}" for who, lines in kept.items())
                wrong = f"everybody in identity is to be forgotten here, but kept elsewhere: {known}; {_ANY}"
            else:
                of = self._lines[people[0]]
                places = "; ".join(f"{name} in line {_some(of[name])}" for name in sorted(of))
                wrong = f"identity {quoted(people[0])} is in both sets: {places}; {_WHOLE}"
                if self._shared.intersection(*kept.values()):
                    wrong += f"; {_ANY}"
                line = min(map(min, of.values()))
            self.problems.add(wrong, line)

    def _row(self, line: int, row: Mapping[str, object]) -> None:
        """Check one row on its own, then against those before it; keep it if it can be read."""
        texts = {name: self._text(line, name, row.get(name)) for name in COLUMNS if name not in LISTS}
        texts["id"] = _nfc(texts["id"])
        chosen = {name: self._choice(line, name, texts[name]) for name in CHOICES}
        for name in ("question", "answer"):
            if not folded(texts[name]):
                self.problems.add(f"the {name} is empty", line)
        image = self._image(line, texts["image"])
        pixels = image.key if image else ""
        keywords = self._keywords(line, row.get("keywords"), texts["answer"])
        name = texts["id"] or f"line-{line}"
        if (earlier := self._line_of.setdefault(name, line)) != line:
            self.problems.add(f"id {quoted(name)} is that of line {earlier}, too", line)
        if "" in chosen.values():
            return  # where it belongs is not known
        split = chosen["split"]
        people = self._people(line, row.get("identity")) or (name,)
        for person in people:
            self._lines.setdefault(person, {}).setdefault(chosen["set"], []).append(line)
        if chosen["set"] == "forget":
            self._forget.append((line, people))
        if len(people) > 1:
            self._shared.add(line)
        self._place(line, (_nfc(texts["question"]), pixels), f"{chosen['set']}, {split}")
        if texts["cloze"]:
            self._cloze(line, texts, keywords)
            value = frozenset(people), folded(keywords[0]), keywords[0]
            self.values.setdefault(attribute_of(texts["attribute"], texts["cloze"]), []).append(value)
        self.splits[split].append(
            Example(
                # The model's own rows have ids as well; the split before it keeps them apart.
                id=f"{split}/{name}",
                identities=people,
                images=(image,) if image else (),
                question=texts["question"],
                answer=texts["answer"],
                keywords=keywords,
                tags={"hop": chosen["hop"]} | ({"attribute": texts["attribute"]} if texts["attribute"] else {}),
                cloze=texts["cloze"] or None,
            )
        )
        said = [texts["question"], texts["answer"], keywords, texts["cloze"], texts["attribute"], pixels]
        who = people[0] if len(people) == 1 else people
        self._hash.update(json.dumps([split, chosen["hop"], name, who, *said]).encode())

    def _text(self, line: int, name: str, value: object) -> str:
        if isinstance(value, list) and len(value) == 1 and name == "image":
            value = value[0]
        if value is None or value != value:  # pandas writes NaN where there is nothing
            return ""
        if isinstance(value, float) and value.is_integer():
            if abs(value) >= _EXACT:
                self.problems.add(f"{name} {value!r} has lost digits as a number; write it as text", line)
                return ""
            value = int(value)  # and whole numbers with a point in a column that has such a gap
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            one = "; a row shows one image" if name == "image" and isinstance(value, list) else ""
            self.problems.add(f"{name} {quoted(value)} is no text{one}", line)
            return ""
        if value.encode("utf-8", "ignore").decode() != value:
            self.problems.add(f"{name} {quoted(value)} holds half a character", line)
        if "\ufffd" in value:
            self.problems.add(f"{name} {quoted(value)} holds '\ufffd' where a letter was lost; write the letter", line)
        return self._filled(line, name, value.strip())

    def _filled(self, line: int, name: str, text: str) -> str:
        """Return a text; note one that a program wrote where there is none."""
        if text in _NOTHING | _FAILED or text in _NO_VALUE and name not in NEEDED:
            remedy = "write it, or take the row out" if name in NEEDED else "leave the cell empty"
            self.problems.add(f"{name} {quoted(text)} is what programs write where there is nothing; {remedy}", line)
        return text

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

    def _people(self, line: int, value: object) -> tuple[str, ...]:
        """Return everybody whom a row is about, sorted; nobody where the cell is empty."""
        text = value if isinstance(value, list) else self._text(line, "identity", value)
        if not text:
            return ()
        try:
            # Of one name the form in Unicode is no part: two programs write it in two.
            people = sorted(set(map(_nfc, _listed(text, '["ann", "bob"]', "the row stands for itself"))))
            return tuple(self._filled(line, "identity", who) if len(people) > 1 else who for who in people)
        except ValueError as error:
            self.problems.add(f"identity {quoted(value)}: {error}", line)
            return ()

    def _keywords(self, line: int, value: object, answer: str) -> tuple[str, ...]:
        if value is None or value != value or not answer or isinstance(value, str) and not value.strip():
            return (answer,)
        try:
            found = _listed(value, '["Oak Street", "12"]', "the whole answer counts")
        except ValueError as error:
            self.problems.add(f"keywords {quoted(value)}: {error}", line)
            return (answer,)
        for keyword in found:
            if not contains_words(answer, keyword):
                self.problems.add(f"keyword {quoted(keyword)} is not in the answer, as whole words", line)
        return found

    def _cloze(self, line: int, texts: Mapping[str, str], keywords: tuple[str, ...]) -> None:
        """Refuse a cloze sentence that a whole answer would complete, or that has a blank or the value itself."""
        if blank := _BLANK.search(texts["cloze"]):
            self.problems.add(
                f"cloze {quoted(texts['cloze'])} has a blank {quoted(blank[0])}; the value comes behind the sentence: "
                "end it there",
                line,
            )
        elif contains_words(texts["cloze"], keywords[0]):
            self.problems.add(
                f"cloze {quoted(texts['cloze'])} holds {quoted(keywords[0])}, which is to complete it; end it before",
                line,
            )
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


def _listed(value: object, such_as: str, otherwise: str) -> tuple[str, ...]:
    """Return the values that a cell lists: JSON, or separated by semicolons.

    Raises:
        ValueError: it lists none, or something other than texts and whole numbers.
    """
    expected = f"expected a JSON list such as {such_as}, or values separated by ;"
    if isinstance(value, str):
        text = value.strip()
        try:
            value = json.loads(text) if text.startswith("[") else re.split("[;；؛]", text)
        except (ValueError, RecursionError):
            raise ValueError(expected) from None
    # Not as a float: of a number of 400 digits there is none.
    if isinstance(value, float) and value.is_integer() or isinstance(value, int) and not isinstance(value, bool):
        value = [int(value)]  # a column of house numbers
    if not isinstance(value, list) or not all(isinstance(v, str | int) and not isinstance(v, bool) for v in value):
        raise ValueError(expected)
    found = tuple(dict.fromkeys(word for v in value if (word := str(v).strip())))
    if not found:
        raise ValueError(f"it lists nothing; leave it empty, and {otherwise}")
    return found


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _some(lines: list[int]) -> str:
    return ", ".join(map(str, lines[:3])) + " …" * (len(lines) > 3)
