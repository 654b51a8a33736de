"""What came of a point is what its own file says, and nothing else."""

import json

import pytest

from unlearnzoo.sweeps.state import RESULT, Point, ended, make_folder, write_result


@pytest.fixture
def point(tmp_path):
    make_folder(tmp_path / "p")
    return Point({"seed": 0}, ("run", "--seed=0"), tmp_path / "p")


def test_a_finished_point(point):
    write_result(point.folder, 0, seconds=1.5, records=["r"])
    assert point.status == "finished"
    assert point.result == {"exit": 0, "error": None, "seconds": 1.5, "records": ["r"]}


def test_keys_that_are_not_known_are_no_matter(point):
    (point.folder / RESULT).write_text(json.dumps({"exit": 0, "error": None, "later": 1}))
    assert point.status == "finished"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"exit": "0"}', '{"exit": 0, "records": 7}', '{"exit": null}'])
def test_a_damaged_file_is_a_point_that_was_not_done(point, text):
    (point.folder / RESULT).write_text(text)
    assert point.result is None and point.status == "open"


@pytest.mark.parametrize(("code", "status"), [(130, "open"), (-15, "open"), (-9, "failed"), (1, "failed")])
def test_how_a_process_ended_that_could_not_say_so(point, code, status):
    ended(point, code)
    assert point.status == status
    if status == "failed":
        assert point.result["error"].endswith("last words: no output")


def test_a_point_that_has_a_result_keeps_it(point):
    write_result(point.folder, 0)
    ended(point, -9)
    assert point.status == "finished"
