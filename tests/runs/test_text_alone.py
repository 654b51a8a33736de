"""Models of text alone: the plan says how they are asked, and what has images is refused."""

import json
import math

import pytest

from tests.support import three
from tests.support.families import FAMILIES
from tests.support.families.rows import data
from unlearnzoo.cli import main


def command(place, name):
    folder = FAMILIES[name].build(place / name)
    return [
        "run",
        "--algo",
        "gd",
        "--bench",
        "folder",
        "--model",
        str(folder),
        "--set",
        f"folder.data={place / 'data'}",
    ]


@pytest.mark.parametrize(
    ("name", "asked"), [("llama", "its chat template"), ("gpt2", '"Question: … Answer:", for it has no chat template')]
)
def test_the_plan_says_how_a_model_of_text_is_asked(capsys, tmp_path, name, asked):
    data(tmp_path / "data", vision=False)
    line = command(tmp_path, name)
    (tmp_path / name / "model.safetensors").unlink()
    capsys.readouterr()
    assert main([*line, "--dry-run", "--json"]) == 0
    out, err = capsys.readouterr()
    plan = json.loads(out)
    assert (plan["model"]["images"], plan["model"]["template"]) == (False, name == "llama")
    assert f"model {name}, text alone, asked by {asked};" in " ".join(err.split())


def test_rows_with_images_are_refused_before_weights_load(capsys, tmp_path):
    folder = FAMILIES["llama"].build(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    line = [
        "run",
        "--algo",
        "ga",
        "--bench",
        "remem",
        "--model",
        str(folder),
        *three.arguments(**{"learn.replay": 0}),
        "--dry-run",
    ]
    capsys.readouterr()
    assert main(line) == 1
    out, err = capsys.readouterr()
    assert out == "" and len(err.strip().splitlines()) == 1
    assert err.startswith("Error: remem: ") and "of its rows have an image (" in err
    assert "and the model takes text alone: choose a model that takes images, or rows without" in err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_a_model_of_text_learns_and_forgets(capsys, tmp_path, monkeypatch, name):
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "cache"))
    data(tmp_path / "data", vision=False)
    sets = {"learn.steps": 3, "learn.rank": 4, "unlearn.steps": 3, "unlearn.rank": 4}
    line = [*command(tmp_path, name), *[word for key, value in sets.items() for word in ("--set", f"{key}={value}")]]
    line += ["--allow-unmemorised", "--runs-dir", str(tmp_path / "runs"), "--json"]
    capsys.readouterr()
    assert main(line) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record["status"] == "finished"
    (steps,) = (tmp_path / "runs").glob("*/steps.jsonl")
    entries = [json.loads(text) for text in steps.read_text().splitlines()]
    assert len(entries) == 3 and all(math.isfinite(entry["loss"]) for entry in entries)
    # Both sums go down together: what is forgotten becomes less likely.
    assert entries[-1]["loss_forget"] < entries[0]["loss_forget"]
