"""Own examples through the command: the plan, ``--forget``, and a whole run."""

import json
import re
from pathlib import Path

import pytest

import unlearnzoo
from unlearnzoo import Example
from unlearnzoo.cli import main
from unlearnzoo.training.recipe import Unlearn, resolve
from unlearnzoo.training.schedule import schedule
from unlearnzoo_folder.benchmark import Folder


def asked(capsys, path, *arguments, algo="ga"):
    """Dry-run the command and return its exit code, its JSON and stderr."""
    code = main(
        ["run", "--algo", algo, "--bench", "folder", "--set", f"folder.data={path}", "--dry-run", "--json", *arguments]
    )
    out, err = capsys.readouterr()
    return code, json.loads(out or "null"), err


def test_a_dry_run_counts_rows_by_set(capsys, write, rows):
    code, plan, err = asked(capsys, write(rows), algo="ga,gd,kl,npo,dpo")
    assert code == 0
    assert {name: pool["rows"] for name, pool in plan["pools"].items()} == {"learn": 4, "forget": 2, "retain": 2}
    assert "learn pool   4 answers about 2 people, without images" in err and "forget pool  2 answers" in err


def test_people_of_shared_rows_are_counted_once(capsys, write, rows):
    shared = rows[0] | {"question": "Where do they live?", "identity": "ann; bob"}
    code, plan, err = asked(capsys, write([*rows, shared]))
    assert code == 0
    assert {name: (pool["rows"], pool["identities"]) for name, pool in plan["pools"].items()} == {
        "learn": (5, 2),
        "forget": (3, 2),
        "retain": (2, 1),
    }


def test_images_are_counted(capsys, write, rows, home, png):
    (home / "a.png").write_bytes(png(1))
    code, plan, err = asked(capsys, write([row | {"image": "a.png"} for row in rows]))
    assert code == 0 and plan["pools"]["learn"]["images"] == 1
    assert "forget pool  2 answers about 1 people on 1 images (2.0 QA per image)" in err


def test_columns_without_rows_are_left_out(capsys, write, rows):
    with_test = asked(capsys, write(rows))[1]["columns"]
    assert with_test == ["ROUGEr", "PROBr", "EMr", "ROUGEf", "PROBf", "EMf", "EMt", "Figures", "Visual"]
    without = asked(capsys, write(rows[:4]))[1]["columns"]
    assert without == [c for c in with_test if c != "EMt"]
    kept = rows[4] | {"question": "Bob's job?", "set": "retain", "identity": "bob"}
    assert "EMrt" in asked(capsys, write([*rows, kept]))[1]["columns"]


def test_a_metric_that_ranks_needs_rows_with_something_to_rank(capsys, write, rows):
    code, plan, err = asked(capsys, write(rows), "--metric", "exposure")
    assert (code, plan) == (1, None) and "column 'exposure': unlearnzoo-remem/exposure ranks a row's own value" in err
    assert len(err.strip().splitlines()) == 1
    alone = [rows[0] | {"cloze": "Ann lives in"}, *rows[1:]]
    assert asked(capsys, write(alone), "--metric", "exposure")[0] == 1
    both = [rows[0] | {"cloze": "Ann lives in", "attribute": "town"}, rows[1]]
    both += [rows[2] | {"cloze": "Bob lives in", "attribute": "town"}, *rows[3:]]
    code, plan, _ = asked(capsys, write(both), "--metric", "exposure")
    assert code == 0 and "exposure" in plan["columns"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--forget", "20%"], "--forget 20%: folder takes no share; its data say who is forgotten"),
        (["--set", "folder.forget=20%"], "folder has no option 'forget'; it has data"),
    ],
)
def test_a_share_to_forget_is_refused(capsys, write, rows, arguments, text):
    code, plan, err = asked(capsys, write(rows), *arguments)
    assert (code, plan) == (2, None)
    assert text in err and len(err.strip().splitlines()) == 1


def test_a_bad_row_stops_the_command_with_one_line(capsys, write, rows):
    rows[0] |= {"set": "erase"}
    code, plan, err = asked(capsys, write(rows))
    assert (code, plan) == (1, None) and err.startswith("Error: ") and "line 2: set 'erase' is unknown" in err
    assert len(err.strip().splitlines()) == 1


def test_the_page_about_it_shows_a_file_that_is_taken(capsys, home, png):
    page = Path(__file__).parents[3] / "docs" / "howto" / "own-examples.md"
    (text,) = re.findall(r"```csv\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    (home / "examples.csv").write_text(text, "utf-8")
    (home / "faces").mkdir()
    for name in ("ann", "bob"):
        (home / "faces" / f"{name}.jpg").write_bytes(png(len(name)))
    code, plan, _ = asked(capsys, home)
    assert code == 0 and [plan["pools"][name]["rows"] for name in ("forget", "retain")] == [2, 2]
    assert "EMt" in plan["columns"]


@pytest.mark.parametrize(
    ("rows", "model", "user", "steps"),
    [
        (1, {}, {}, 40),
        (12, {}, {}, 40),
        (12, {"epochs": 3.0}, {}, 40),
        (12, {"steps": 30}, {}, 30),
        (1000, {}, {}, 80),
        (12, {}, {"epochs": "2"}, 2),
        (12, {}, {"epochs": "2", "least_steps": "7"}, 7),
        (12, {}, {"steps": "6"}, 6),
        (12, {}, {"batch": "4"}, 40),
    ],
)
def test_steps_suit_the_number_of_rows(rows, model, user, steps):
    """Five epochs of one batch were five steps, which forget nothing; whoever names epochs or steps means them."""
    pool = [Example(f"{n}", "ann", (), f"{n}?", "A.") for n in range(rows)]
    layers = {"benchmark": Folder.recipe["unlearn"], "model": model, "user": user}
    recipe, origins = resolve("unlearn", Unlearn, layers)
    assert schedule(pool, recipe).steps == steps
    assert origins["least_steps"] == ("user" if "epochs" in user else "benchmark")


@pytest.mark.slow
def test_a_run_of_a_few_steps_is_recorded(write, rows, home, png, tmp_path):
    """Text and images together; too few steps to memorise, so the gate is passed over."""
    (home / "ann.png").write_bytes(png(1))
    mixed = [row | {"image": "ann.png" if row["identity"] == "ann" else ""} for row in rows]
    options = {
        "folder.data": str(write(mixed)),
        "learn.steps": 4,
        "learn.batch": 4,
        "learn.replay": 1,
        "unlearn.steps": 3,
        "unlearn.batch": 2,
    }
    record = unlearnzoo.run("gd", "folder", options=options, allow_unmemorised=True, runs_dir=tmp_path / "runs")[0]
    assert record["status"] == "finished" and record["benchmark"]["forget_identities"] == ["ann"]
    n = {(r["column"], r["group"].get("hop")): r["n"] for r in record["results"] if r["model"] == "unlearned"}
    assert (n["EMf", "single"], n["EMf", "multi"], n["EMr", "single"], n["EMt", "single"]) == (1, 1, 2, 1)
    assert not [column for column, _ in n if column == "EMrt"]
    assert record["curve"][0]["step"] == 0 and record["curve"][-1]["step"] == 3
