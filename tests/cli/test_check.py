"""``unlearnzoo check``: a line a check, three parts for a failure, and the exit code."""

import json
from pathlib import Path

import pytest

from tests.support.distributions import algorithm, install
from unlearnzoo.cli import main

METRIC = """
from unlearnzoo import Metric, hookimpl

class Starts(Metric):
    '''Whether the answer starts as it should.'''
    name = "starts"

    def score(self, prediction, answer):
        print("scoring")
        return float(prediction[:3] == answer[:3]) if answer else float("nan")

class Percent(Starts):
    '''The same in per cent.'''
    name = "percent"

    def score(self, prediction, answer):
        return 100 * super().score(prediction, answer)

@hookimpl
def unlearnzoo_metrics():
    return {provided}
"""


def checked(capsys, *arguments):
    return main(["check", *arguments]), *capsys.readouterr()


def written(folder, provided):
    path = folder / "mine.py"
    path.write_text(METRIC.replace("{provided}", provided))
    return str(path)


def test_a_right_file_passes(capsys, tmp_path):
    path = written(tmp_path, "[Starts]")
    code, out, err = checked(capsys, path)
    lines = out.splitlines()
    assert code == 0 and lines[-1] == f"{len(lines) - 1} checks of {path}: all ok"
    assert lines[0] == "ok      metric starts: documented" and all(line.startswith("ok ") for line in lines[:-1])
    assert "scoring" in err


def test_a_failure_is_told_in_three_parts_and_by_the_exit_code(capsys, tmp_path):
    code, out, _ = checked(capsys, written(tmp_path, "[Starts, Percent]"))
    lines = out.splitlines()
    at = lines.index("FAILED  metric percent: score_range")
    assert code == 1 and lines[-1].endswith("1 FAILED")
    assert lines[at + 1] == "        the score of the case 'perfect' is 100.0"
    assert lines[at + 2].startswith("        Why it matters: ") and lines[at + 3].startswith("        How to fix it: ")


def test_code_that_fails_is_told_with_its_line(capsys, tmp_path):
    path = written(tmp_path, "[Starts]")
    Path(path).write_text(Path(path).read_text().replace('print("scoring")', "self.lost"))
    code, out, _ = checked(capsys, path)
    assert code == 1 and f"AttributeError: 'Starts' object has no attribute 'lost' ({path}, line 9, in score: " in out


def test_json_is_one_row_a_check(capsys, tmp_path):
    code, out, _ = checked(capsys, written(tmp_path, "[Percent]"), "--json")
    rows = {row["check"]: row for row in json.loads(out)}
    assert code == 1 and not rows["score_range"]["ok"] and rows["score_range"]["fix"]
    assert rows["documented"] == {
        "kind": "metric",
        "name": "percent",
        "check": "documented",
        "ok": True,
        "what": "",
        "why": "",
        "fix": "",
    }


def test_everything_of_a_distribution_is_checked_and_nothing_else(capsys, site):
    install(site, "unlearnzoo-other", algorithm("other"), entry="other")
    install(site, "unlearnzoo-mine", METRIC.replace("{provided}", "[Starts, Percent]"), entry="mine")
    code, out, _ = checked(capsys, "Unlearnzoo_Mine", "--json")
    assert code == 1 and {row["name"] for row in json.loads(out)} == {"starts", "percent"}


def test_options_are_those_that_are_set(capsys, site):
    source = (
        algorithm("mine")
        .replace('beta: float = option(0.1, "Inverse temperature", gt=0)', 'sign: float = option(1.0, "Sign")')
        .replace("-forget", "-self.sign * forget")
    )
    install(site, "unlearnzoo-mine", source, entry="mine")
    code, out, _ = checked(capsys, "unlearnzoo-mine", "--json", "--set", "mine.sign=-1")
    assert code == 1 and [row["check"] for row in json.loads(out) if not row["ok"]] == ["forgets"]
    code, _, err = checked(capsys, "unlearnzoo-mine", "--set", "sing=1")
    assert code == 2 and "did you mean 'sign'?" in err


def test_a_benchmark_that_cannot_be_prepared_is_told_once(capsys):
    code, out, _ = checked(capsys, "unlearnzoo-folder")
    assert code == 1 and out.count("FAILED ") == 1 and out.splitlines()[-1] == "5 checks of unlearnzoo-folder: 1 FAILED"
    assert "--set folder.data=" in out


def test_the_example_of_the_documentation_passes(capsys):
    code, out, _ = checked(capsys, str(Path(__file__).parents[2] / "examples/one_off_plugin.py"))
    assert code == 0, out


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unlearnzoo-mein", "no distribution 'unlearnzoo-mein' with plugins; did you mean 'unlearnzoo-mine'?"),
        ("mine", "no distribution 'mine' with plugins; did you mean 'unlearnzoo-mine'?"),
        (
            "xyz",
            "no distribution 'xyz' with plugins; installed: unlearnzoo-bad, unlearnzoo-card, unlearnzoo-mine; "
            "a file ends in .py",
        ),
        (
            "unlearnzoo-bad",
            "unlearnzoo-bad 1.0 is broken: ModuleNotFoundError: No module named 'no_such_module'; "
            "install what it lacks or reinstall it: pip install --force-reinstall unlearnzoo-bad",
        ),
        ("unlearnzoo-card", "unlearnzoo-card provides model card; checks are for algorithms, benchmarks and metrics"),
        ("nowhere.py", "nowhere.py: give an existing .py file"),
        (
            str(Path(__file__).parent),
            f"no distribution {str(Path(__file__).parent)!r} with plugins; a folder is installed first (pip install -e "
            f"{Path(__file__).parent}); or name its .py file",
        ),
        ("milde", "no distribution 'milde' with plugins; did you mean 'unlearnzoo-mine'?"),
        (
            "milder",
            "no distribution 'milder' with plugins; algorithm milder is of unlearnzoo-mine: unlearnzoo check "
            "unlearnzoo-mine",
        ),
    ],
)
def test_what_cannot_be_checked_is_one_line(capsys, site, name, message):
    install(site, "unlearnzoo-mine", algorithm("milder"), entry="mine")
    install(site, "unlearnzoo-bad", "import no_such_module", entry="bad")
    install(site, "unlearnzoo-card", "", entry="card", group="unlearnzoo.models")
    assert checked(capsys, name) == (2, "", f"Error: {message}\n")
