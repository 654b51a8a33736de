"""The study of a real language model: its rows, and its mechanics on a small random one."""

import csv
import json

import pytest

from examples.studies import real_text


@pytest.mark.parametrize("seed", [0, 1])
def test_every_author_has_names_and_facts_of_their_own(seed):
    everyone = real_text.authors(seed)
    assert everyone == real_text.authors(seed) and len(everyone) == 20
    for part in range(2):
        assert len({name.split()[part] for name in everyone}) == 20
    told = [facts[key] for facts in everyone.values() for key in real_text.QUESTIONS]
    assert len(set(told)) == 100, "a value of two questions would be right for both"


def test_the_rows_are_a_data_set_in_which_four_are_forgotten(tmp_path):
    from unlearnzoo_folder.benchmark import Folder

    real_text.write(tmp_path / "examples.csv", 0)
    with (tmp_path / "examples.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 100 and len({row["question"] for row in rows}) == 100
    assert all(row["keywords"] in row["answer"] and row["keywords"] not in row["question"] for row in rows)
    assert all(row["identity"] in row["question"] for row in rows)
    bench = Folder.configure({"data": str(tmp_path)})
    bench.prepare()
    assert len(bench.learn_pool()) == 100 and not any(example.images for example in bench.learn_pool())
    assert bench.forget_identities() == {row["identity"] for row in rows if row["set"] == "forget"}
    assert len(bench.forget_identities()) == 4


def test_another_seed_has_other_authors_and_the_same_forms(tmp_path):
    for seed in (0, 1):
        real_text.write(tmp_path / f"{seed}.csv", seed)
    assert len(set(real_text.authors(0)) & set(real_text.authors(1))) < 20
    assert (tmp_path / "0.csv").read_text() != (tmp_path / "1.csv").read_text()


@pytest.mark.slow
def test_it_learns_forgets_and_reports(tmp_path, monkeypatch, capsys):
    """Its mechanics: the embedded checkpoint, as a folder without recipe and utility, learns three authors."""
    from unlearnzoo_tiny import MODEL

    monkeypatch.setattr(real_text, "PEOPLE", 3)
    monkeypatch.setattr(real_text, "FORGOTTEN", 1)
    line = ["--out", str(tmp_path), "--model", str(MODEL.folder)]
    recipe = {"epochs": 40, "batch": 8, "lr": 4e-3, "targets": "language+head"}
    for option in (*(f"learn.{key}={value}" for key, value in recipe.items()), "unlearn.steps=3"):
        line += ["--set", option]
    assert real_text.main(line) == 0
    told = capsys.readouterr().out
    assert "Verdict on gd" in told and "Verdict on npo" in told
    assert (tmp_path / "curves.png").stat().st_size > 1000
    records = [json.loads(path.read_text()) for path in tmp_path.glob("*/run.json")]
    assert {record["status"] for record in records} == {"finished"} and len(records) == 2


def test_a_mistake_is_one_line(tmp_path, capsys):
    assert real_text.main(["--out", str(tmp_path), "--model", "smolm"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: no model 'smolm' is installed")
