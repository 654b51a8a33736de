"""Files that would take for ever: a row of a million columns, an object that names a key twice among as many."""

import json
import time

import pytest

from unlearnzoo import DataError, Problems
from unlearnzoo_folder.reader import read


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "x.csv",
            ",".join(f"c{n}" for n in range(200_000)) + "\n",
            "line 1: 200,000 columns; a row has those of question",
        ),
        ("x.jsonl", json.dumps({f"c{n}": 1 for n in range(200_000)}), "line 1: 200,000 columns"),
        (
            "x.jsonl",
            json.dumps({f"c{n}": 1 for n in range(200_000)})[:-1] + ', "c199999": 2}',
            "'c199999' is there twice",
        ),
    ],
)
def test_names_without_end_are_one_line_at_once(tmp_path, name, content, told):
    (tmp_path / name).write_text(content)
    start = time.process_time()
    with pytest.raises(DataError, match=told) as found:
        read(tmp_path / name, Problems(name))
    assert time.process_time() - start < 5 and "\n" not in str(found.value)
