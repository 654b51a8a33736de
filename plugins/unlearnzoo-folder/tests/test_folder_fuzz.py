"""Files that somebody edited: read, or refused in one line; nothing else, whatever was done to them."""

import json

import pytest

from tests.support.mutations import flipped, mutated
from unlearnzoo import ZooError
from unlearnzoo_folder.benchmark import Folder

FEW, MANY = 60, 1000


def read(path, done):
    told = ""
    try:
        benchmark = Folder.configure({"data": str(path)})
        benchmark.prepare()
        benchmark.forget_pool(), benchmark.retain_pool(), benchmark.fingerprint()
    except ZooError as error:
        told = str(error)
    except Exception as error:
        raise AssertionError(f"{path.name}, {done}: {error!r}") from error
    assert told.isprintable() and len(told) < 10_000, f"{path.name}, {done}: {told[:300]!r}"


def hold(rows, home, write, numbers):
    plain = write(rows).read_bytes()
    for number in numbers:
        done, text = mutated(rows, number)
        for name, content in (
            ("a.json", text.encode()),
            ("b.jsonl", text.replace("\n", " ")[1:-1].replace("}, {", "}\n{").encode()),
            ("c.csv", flipped(plain, number)),
        ):
            (home / name).write_bytes(content)
            read(home / name, done)


def test_some_edits(rows, home, write):
    hold(rows, home, write, range(FEW))


@pytest.mark.soak
def test_many_edits(rows, home, write):
    hold(rows, home, write, range(MANY))


@pytest.mark.parametrize("name", ["a.json", "b.jsonl"])
@pytest.mark.parametrize("value", ["[" * 10_000, "NaN", "1" * 5000, '"\\ud800"', '"' + "x" * 1_000_000 + '"'])
def test_values_that_json_can_say(rows, home, name, value):
    """Whichever column it stands in."""
    for column in rows[0]:
        texts = [json.dumps(row | {column: 0} if i == 1 else row) for i, row in enumerate(rows)]
        texts[1] = texts[1].replace(f'"{column}": 0', f'"{column}": {value}')
        (home / name).write_text("[" + ",".join(texts) + "]" if name == "a.json" else "\n".join(texts))
        read(home / name, column)
