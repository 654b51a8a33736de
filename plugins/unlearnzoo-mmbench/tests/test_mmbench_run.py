"""MMBench beside a whole run, and alone: columns for base, target and the unlearned model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import unlearnzoo
from unlearnzoo.cli import main
from unlearnzoo.records.store import load
from unlearnzoo.reports.report import render
from unlearnzoo_tiny import MODEL

Row = dict[str, Any]
SMALL = {
    "remem.identities": 3,
    "remem.qa": 10,
    "remem.views": 2,
    "learn.steps": 2,
    "learn.batch": 4,
    "unlearn.steps": 1,
    "unlearn.batch": 2,
}


def test_a_plan_counts_questions(
    capsys: pytest.CaptureFixture[str], write: Callable[..., str], rows: list[Row]
) -> None:
    sets = [f"--set={name}={value}" for name, value in {**SMALL, "mmbench.data": write(rows)}.items()]
    assert (
        main(
            [
                "run",
                "--algo",
                "npo",
                "--bench",
                "remem",
                "--forget",
                "33%",
                "--utility",
                "mmbench",
                "--dry-run",
                "--json",
                *sets,
            ]
        )
        == 0
    )
    out, err = capsys.readouterr()
    assert json.loads(out)["columns"][-3:] == ["MMB circ", "MMB van", "MMB ?"]
    assert "mmbench     circular 9 answers, vanilla 3 answers" in err


def test_without_a_file_it_is_said_before_anything_loads(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--algo", "npo", "--bench", "remem", "--utility", "mmbench", "--dry-run"]) == 2
    assert "mmbench.data is not set; name the file: --set mmbench.data=" in capsys.readouterr().err


def test_it_stands_beside_a_run(tmp_path, write: Callable[..., str], rows: list[Row]) -> None:
    # By its folder the embedded model has no rows of its own: they would take most of the time.
    (record,) = unlearnzoo.run(
        "ga",
        "remem",
        utility="mmbench",
        forget="33%",
        allow_unmemorised=True,
        model=str(MODEL.folder),
        options={**SMALL, "mmbench.data": write(rows)},
        runs_dir=tmp_path / "runs",
    )
    found = {(r["model"], r["column"]): r for r in record["results"] if r["column"].startswith("MMB")}
    assert {model for model, _ in found} == {"base", "target", "unlearned"}
    for model in ("base", "target", "unlearned"):
        circular, vanilla, unread = (found[model, column] for column in ("MMB circ", "MMB van", "MMB ?"))
        assert (circular["n"], vanilla["n"], unread["n"]) == (3, 3, 9)
        assert circular["all_of"] == "index" and circular["unscored"] == 0
        assert circular["mean"] <= vanilla["mean"] <= 1
    assert record["utility"]["mmbench"]["distribution"] == "unlearnzoo-mmbench"
    lines = render([load(Path(record["folder"]))]).splitlines()
    columns = next(i for i, line in enumerate(lines) if "MMB circ  MMB van  MMB ?" in line)
    assert "utility" in lines[columns - 1]


def test_alone_it_judges_a_model(
    capsys: pytest.CaptureFixture[str], tmp_path, write: Callable[..., str], rows: list[Row]
) -> None:
    assert (
        main(
            [
                "evaluate",
                "--bench",
                "mmbench",
                "--model",
                str(MODEL.folder),
                "--set",
                f"mmbench.data={write(rows)}",
                "--runs-dir",
                str(tmp_path / "runs"),
                "--json",
            ]
        )
        == 0
    )
    out, err = capsys.readouterr()
    (record,) = json.loads(out)
    assert {r["column"]: r["n"] for r in record["results"] if r["column"].startswith("MMB")} == {
        "MMB circ": 3,
        "MMB van": 3,
        "MMB ?": 9,
    }
    assert (record["status"], record["valid"]) == ("finished", None)
    assert "Not checked" not in err
