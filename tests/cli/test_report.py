"""``unlearnzoo report`` as a user calls it."""

import json
import subprocess
import sys

import pytest

from tests.support.records import finished
from unlearnzoo.cli import main
from unlearnzoo.reports.report import render


@pytest.fixture
def two(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    return [finished(tmp_path / "runs", "ga", 0.4), finished(tmp_path / "runs", "npo", 0.7)]


def name(record):
    return record["folder"].rpartition("/")[2]


def test_by_folder_by_name_and_by_beginning(two, capsys):
    for given in (two[0]["folder"], name(two[0]), name(two[0])[:-6], f"runs/{name(two[0])}"):
        assert main(["report", given]) == 0
        assert capsys.readouterr().out == render(two[:1]) + "\n"


def test_several_and_the_same_one_twice(two, capsys):
    assert main(["report", name(two[0]), two[0]["folder"], name(two[1])]) == 0
    assert capsys.readouterr().out == render(two) + "\n"


def test_a_folder_of_runs(two, tmp_path, capsys):
    (tmp_path / "runs" / "diagnosis").mkdir()
    (tmp_path / "runs" / "diagnosis" / "diagnosis.json").write_text("{}")
    both = [name(record) for record in sorted(two, key=name)]
    assert main(["report", *both]) == 0
    expected = capsys.readouterr().out
    for folder in ("runs", "."):
        assert main(["report", folder]) == 0
        assert capsys.readouterr().out == expected


def test_intervals(two, capsys):
    assert main(["report", name(two[0]), "--intervals"]) == 0
    assert capsys.readouterr().out == render(two[:1], intervals=True) + "\n"


def test_json_holds_all_of_it(two, capsys):
    assert main(["report", *map(name, two), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    parts = {"runs", "table", "baselines", "matched", "memory", "paired", "gold", "equal", "notes"}
    assert set(found) == parts | {"states", "verdicts"}
    assert found["verdicts"]["ga"] == two[0]["verdict"]
    assert [r["run"] for r in found["runs"]] == ["ga", "npo"]
    assert found["matched"]["ga"] == two[0]["matched"]


def test_plot(two, capsys, tmp_path):
    pytest.importorskip("matplotlib")
    assert main(["report", *map(name, two), "--plot", "curve.png"]) == 0
    assert capsys.readouterr().out.endswith("\nThe picture is in curve.png.\n")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert main(["report", *map(name, two), "--plot", "curve.png", "--json"]) == 0
    json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("given", "code", "line"),
    [
        (["nope"], 2, "Error: no run 'nope' in runs; `unlearnzoo runs` lists what is there"),
        (["20"], 2, "Error: '20' is the beginning of 2 runs: "),
        (["empty"], 1, "no run's folder; it has no run.json"),
        (["--plot", "x.jpg", "FIRST"], 2, "Error: --plot x.jpg: end the name in .png"),
        ([], 2, "Error: Missing argument 'RUN...'"),
    ],
)
def test_errors_are_one_line(two, capsys, given, code, line):
    assert main(["report", *(name(two[0]) if g == "FIRST" else g for g in given)]) == code
    captured = capsys.readouterr()
    assert line in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from unlearnzoo.cli import main; main(['report', '--help']); "
        "main(['runs', '--help']); "
        "print([m for m in ('torch', 'numpy', 'pyarrow', 'rich', 'matplotlib') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def test_no_report_imports_torch(two):
    code = (
        "import sys; from unlearnzoo.cli import main; "
        f"main(['report', {name(two[0])!r}, {name(two[1])!r}]); "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")
