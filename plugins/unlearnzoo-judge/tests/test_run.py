"""A whole run with a judge: refused early, finished without its endpoint, filled in later, free the second time."""

import json
import math
import re
import warnings
from pathlib import Path

import pytest

import unlearnzoo
from tests.support import three
from unlearnzoo import OptionError
from unlearnzoo.cli import main
from unlearnzoo.evaluation.samples import read_samples
from unlearnzoo_judge.gpt import JudgeWarning
from unlearnzoo_tiny import MODEL

FULL = "unlearnzoo-judge/gpt"


@pytest.fixture
def options(server, monkeypatch, shared_folder):
    # What is planned is shared with other tests; verdicts are not, for each server has a port of its own.
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(shared_folder / "cache"))
    return {
        **three.OPTIONS,
        "unlearn.steps": 4,
        "gpt.base_url": server.url,
        "gpt.model": "m",
        "gpt.key_env": "JUDGE_ENV",
        "gpt.retries": 0,
        "gpt.price_in": 1.0,
    }


def run(folder, options, **arguments):
    (record,) = unlearnzoo.run(
        "ga", "remem", forget=three.FORGET, runs_dir=folder, options=options, metric="gpt", **arguments
    )
    return record


@pytest.fixture
def known(options, warm_cache, monkeypatch):
    """Arguments of a run whose stage 1 is there already, and whose base and target are judged but for verdicts."""
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(warm_cache))
    return {"model": str(MODEL.folder), "recipe": "tiny", "options": options | {"learn.replay": 0}}


def column(record, name, model):
    return {row["group"]["hop"]: row for row in record["results"] if row["column"] == name and row["model"] == model}


@pytest.mark.slow
def test_an_endpoint_that_is_down_costs_the_column_and_it_is_filled_in_later(server, known, tmp_path, capsys):
    honest, server.always = server.always, 500
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        record = run(tmp_path, **known)
    told = " | ".join(str(one.message) for one in caught if issubclass(one.category, JudgeWarning))
    assert re.search("HTTP 500 [^|]*; the run goes on", told)
    assert re.search(r"answers were not judged: [^|]*HTTP 500", told)
    assert record["status"] == "finished" and record["valid"] is True
    for model in ("base", "target", "unlearned"):
        for row in column(record, "GPT", model).values():
            assert row["mean"] is None and row["n"] == 0 and row["unscored"] > 0
        assert all(row["n"] for row in column(record, "EMf", model).values())
    server.always, before = honest, len(server.asked)
    folder = Path(record["folder"])
    typed = [
        word for name in ("base_url", "key_env") for word in ("--set", f"gpt.{name}={known['options'][f'gpt.{name}']}")
    ]
    assert main(["evaluate", str(folder), "--metric", "gpt", "--json"]) == 2
    assert "gpt.base_url" in capsys.readouterr().err
    assert main(["evaluate", str(folder), "--metric", "gpt", *typed, "--json"]) == 0
    (filled,) = json.loads(capsys.readouterr().out)
    samples = [s for s in read_samples(folder / "samples.parquet") if FULL in s.scores]
    different = {(s.question, s.answer, s.prediction) for s in samples if s.prediction}
    assert len(server.asked) - before == len(different) + 1  # whether it answers at all
    # The honest judge calls verbatim what holds all values: exact match with regard to case.
    assert column(filled, "GPT", "target")["single"]["mean"] >= 0.8
    assert column(filled, "GPT", "base")["single"]["mean"] <= 0.2
    for model in ("base", "target", "unlearned"):
        for hop, row in column(filled, "GPT", model).items():
            assert row["unscored"] == 0 and row["mean"] == pytest.approx(column(filled, "EMf", model)[hop]["mean"])
            assert column(filled, "GPT rel", model)[hop]["n"] == row["n"]
    text = (folder / "run.json").read_text() + "".join(map(str, folder.iterdir()))
    assert server.key not in text and "JUDGE_ENV" in text
    # The second run asks for nothing, and what was NaN of base and target is scored now.
    before = len(server.asked)
    again = run(tmp_path, **known)
    assert len(server.asked) == before
    for model in ("base", "target", "unlearned"):
        assert {h: r["mean"] for h, r in column(again, "GPT", model).items()} == {
            h: r["mean"] for h, r in column(filled, "GPT", model).items()
        }
    assert not any(
        math.isnan(s.scores[FULL]) for s in read_samples(Path(again["folder"]) / "samples.parquet") if FULL in s.scores
    )


def test_the_plan_says_what_it_costs_and_asks_one_question(server, options, tmp_path, capfd):
    sets = [x for k, v in options.items() for x in ("--set", f"{k}={v}")]
    line = ["run", "--algo", "ga,gd", "--bench", "remem", "--forget", three.FORGET, "--dry-run", *sets]
    assert main([*line, "--metric", "gpt"]) == 0
    told = " ".join(capfd.readouterr().err.split())
    assert "EMt, GPT, GPT rel" in told
    # Twenty answers of one person, by base, target and two unlearned models.
    assert "gpt at most 160 calls (80 where each first reply is a verdict), " in told and "at the prices given" in told
    assert len(server.asked) == 1
    assert main([*line, "--metric", "gpt", "--set", "gpt.key_env=NOT_SET_ANYWHERE"]) == 2
    assert "NOT_SET_ANYWHERE is not set" in capfd.readouterr().err
    assert main(line) == 2  # options of a metric that judges nothing
    assert "this run has no 'gpt'" in capfd.readouterr().err


def test_a_wrong_key_is_refused_before_any_weights(server, options, tmp_path, monkeypatch):
    monkeypatch.setenv("JUDGE_ENV", "sk-wrong-key-987654321")
    with pytest.raises(OptionError, match="HTTP 401"):
        run(tmp_path, options)
    assert not list(tmp_path.iterdir())
