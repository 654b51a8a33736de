"""Turn the table into questions, each in every order of its options.

The public files hold the orders as rows of their own, 1,000,000 apart by index. In a file that has none, they are
made by turning the options.
"""

import hashlib
import json
import logging
from dataclasses import dataclass, replace
from string import ascii_uppercase
from typing import TYPE_CHECKING

from unlearnzoo import Example, LazyImage, Problems, quoted
from unlearnzoo_mmbench.images import Images

if TYPE_CHECKING:
    from datasets import Dataset

log = logging.getLogger(__name__)

#: Rows whose index differs by a multiple of this are one question.
TURN = 1_000_000
#: LLaVA-1.5's own instruction for multiple choice.
INSTRUCTION = "Answer with the option's letter from the given choices directly."


@dataclass(frozen=True)
class Asked:
    """A question with its options in one order."""

    index: int
    text: str
    options: tuple[str, ...]
    answer: str
    image: LazyImage
    tags: dict[str, str]

    @property
    def question(self) -> int:
        """The number that all orders share."""
        return self.index % TURN

    def turned(self, by: int) -> "Asked":
        """Return it with the first options moved to the end."""
        letters = ascii_uppercase[: len(self.options)]
        place = (letters.index(self.answer) - by) % len(letters)
        return replace(
            self, index=self.index + by * TURN, options=self.options[by:] + self.options[:by], answer=letters[place]
        )

    def example(self, split: str) -> Example:
        """Return it as a row of a split."""
        lines = [f"{letter}. {option}" for letter, option in zip(ascii_uppercase, self.options, strict=False)]
        return Example(
            id=f"{split}/{self.index}",
            identity=str(self.question),
            images=(self.image,),
            question="\n".join([self.text, *lines, INSTRUCTION]),
            answer=self.answer,
            tags={"index": str(self.question), **self.tags},
            choices=self.options,
        )


@dataclass(frozen=True)
class Questions:
    """All of a file.

    Attributes:
        once: each question in its own order.
        turned: each question in all orders.
        fingerprint: hash of strings and encoded images.
    """

    once: tuple[Asked, ...]
    turned: tuple[Asked, ...]
    fingerprint: str


def read(label: str, table: "Dataset", split: str | None) -> Questions:
    """Read and check all rows, or those of a split.

    Raises:
        DataError: what is wrong, row by row; rows are counted from 1 below the heading.
    """
    problems, digest = Problems(f"mmbench.data={label}", shown=5), hashlib.sha256()
    columns = table.remove_columns("image").to_dict()
    texts = [
        {name.lower() if len(name) > 1 else name: _text(value) for name, value in zip(columns, row, strict=True)}
        for row in zip(*columns.values(), strict=True)
    ]
    chosen = [n for n, row in enumerate(texts) if split is None or "split" not in row or row["split"] == split]
    if not chosen:
        known = sorted({row.get("split", "") for row in texts})
        problems.add(f"is in split {quoted(split or '')}; there is {', '.join(map(quoted, known)) or 'none'}", "no row")
        problems.stop()
    places = _places(texts, chosen, problems)
    images = Images(table, _indices(texts), label)
    asked = [one for index, n in places.items() if (one := _asked(index, n, texts[n], images, problems, digest))]
    problems.stop()
    return _orders(label, asked, digest.hexdigest())


def _places(texts: list[dict[str, str]], chosen: list[int], problems: Problems) -> dict[int, int]:
    """Return index → row of the chosen rows."""
    found: dict[int, int] = {}
    for n in chosen:
        text = texts[n]["index"]
        if not (text.isascii() and text.isdigit()):
            problems.add(f"index {quoted(text)} is no whole number", f"row {n + 1}")
        elif (first := found.setdefault(int(text), n)) != n:
            problems.add(f"index {text} is that of row {first + 1}, too", f"row {n + 1}")
    return found


def _indices(texts: list[dict[str, str]]) -> dict[int, int]:
    """Return index → row of all rows: an image may stand in a row of another split."""
    return {int(row["index"]): n for n, row in enumerate(texts) if row["index"].isascii() and row["index"].isdigit()}


def _asked(
    index: int, n: int, row: dict[str, str], images: Images, problems: Problems, digest: "hashlib._Hash"
) -> Asked | None:
    where = f"row {n + 1} (index {index})"
    given = [letter for letter in ascii_uppercase if _given(row.get(letter, ""))]
    options = tuple(row[letter] for letter in given)
    if len(options) < 2 or "".join(given) != ascii_uppercase[: len(given)]:
        problems.add(f"it has the options {', '.join(given) or 'none'}; expected A, B and so on without a gap", where)
    elif row["answer"] not in given:
        hint = "" if row["answer"] else "; the public test split has none: --set mmbench.split=dev takes another one"
        problems.add(f"the answer {quoted(row['answer'])} is none of {', '.join(given)}{hint}", where)
    elif not row["question"]:
        problems.add("the question is empty", where)
    else:
        try:
            encoded = images.check(n)
        except ValueError as error:
            problems.add(str(error), where)
            return None
        hint = row.get("hint", "")
        text = "\n".join(filter(None, [hint if _given(hint) and hint.lower() != "none" else "", row["question"]]))
        tags = {name: row[name] for name in ("category", "l2-category") if row.get(name)}
        said = [index, text, options, row["answer"], tags, hashlib.sha256(encoded).hexdigest()]
        digest.update(json.dumps(said).encode())
        return Asked(index, text, options, row["answer"], images.lazy(n), tags)
    return None


def _orders(label: str, asked: list[Asked], fingerprint: str) -> Questions:
    once = tuple(one for one in asked if one.index < TURN)
    if len(once) == len(asked):
        return Questions(once, tuple(one.turned(by) for one in once for by in range(len(one.options))), fingerprint)
    orders: dict[int, list[Asked]] = {}
    for one in asked:
        orders.setdefault(one.question, []).append(one)
    odd = [number for number, of in orders.items() if len(of) != len(of[0].options) or of[0].index >= TURN]
    if odd:
        log.warning(
            "mmbench.data=%s: %d of %d questions are not there in every order of their options, the first of "
            "them index %d; circular accuracy takes the orders that are there",
            label,
            len(odd),
            len(orders),
            odd[0],
        )
    return Questions(once, tuple(asked), fingerprint)


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _given(text: str) -> bool:
    """Return whether a cell holds something: data sets of the hub write "nan" where the TSV has nothing."""
    return text.lower() not in ("", "nan")
