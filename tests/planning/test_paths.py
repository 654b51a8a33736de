"""Paths in a record are found again from any folder: model, data, plugins; by `--resume` too."""

import json
import os
from pathlib import Path

import pytest

import unlearnzoo_tiny
from unlearnzoo.cli import main
from unlearnzoo.evaluation import aggregate
from unlearnzoo.evaluation.samples import Sample
from unlearnzoo.planning import paths
from unlearnzoo.planning.make import make_plan
from unlearnzoo.planning.request import from_arguments
from unlearnzoo.planning.summary import fields
from unlearnzoo.records.record import Record
from unlearnzoo.records.store import load, resume_command
from unlearnzoo.registry.zoo import Zoo

ROWS = [
    {"identity": who, "question": f"Where does {who} live?", "answer": f"In {town}.", "keywords": [town], "set": part}
    for who, town, part in [("Ann Lee", "Rome", "forget"), ("Bob Ray", "Oslo", "retain"), ("Cid Fox", "Bern", "retain")]
]
PLUGIN = "from unlearnzoo import hookimpl\n@hookimpl\ndef unlearnzoo_metrics():\n    return []\n"


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder with data, a model and a plugin, all named relative to it; home is the folder above."""
    folder = tmp_path / "home" / "work"
    folder.mkdir(parents=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (folder / "mine.py").write_text(PLUGIN)
    (folder / "model").symlink_to(Path(unlearnzoo_tiny.__file__).parent / "checkpoint")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "cache"))
    return folder


def interrupted(redact):
    """Return the folder of a run that was stopped at its start, begun with relative paths."""
    typed = {"algo": "ga", "bench": "folder", "model": "./model", "plugins": ["mine.py"], "redact": redact}
    request = from_arguments(typed, {"folder.data": "rows.jsonl", "learn.steps": 2, "unlearn.steps": 2})
    plan = make_plan(request, Zoo.installed(request.plugins))
    with (
        pytest.raises(KeyboardInterrupt),
        Record.open(
            Path("runs"), algo="ga", bench="folder", group="a" * 16, redactor=plan.redactor(), **fields(plan, "ga")
        ) as record,
    ):
        raise KeyboardInterrupt
    return record.folder.absolute()


@pytest.mark.parametrize("redact", [False, True])
def test_a_run_is_resumed_from_another_folder(work, tmp_path, monkeypatch, capsys, redact):
    folder = interrupted(redact)
    record, home = load(folder), "~/work" if redact else str(work)
    assert record["model"]["source"] == record["arguments"]["model"] == f"{home}/model"
    assert record["benchmark"]["options"]["data"] == record["arguments"]["set"]["folder.data"] == f"{home}/rows.jsonl"
    assert list(record["arguments"]["plugins"]) == [f"{home}/mine.py"]
    assert str(tmp_path / "home") not in (folder / "run.json").read_text() or not redact
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert resume_command(record).endswith(f"--plugin {work}/mine.py")
    assert main(["run", "--resume", str(folder), "--plugin", f"{work}/mine.py", "--dry-run"]) == 0
    assert f"resuming {folder}".replace(" ", "") in "".join(capsys.readouterr().err.split())


WORDS = """from unlearnzoo import Metric, hookimpl
class Words(Metric):
    name = "words"
    def score(self, prediction, keywords):
        return float(any(word in prediction for word in keywords))
@hookimpl
def unlearnzoo_metrics():
    return [Words]
"""


def test_a_run_is_scored_from_another_folder(work, tmp_path, monkeypatch, capsys):
    """Its keywords stand in the data alone, which the run was given by a relative path; so was its plugin's file."""
    (work / "mine.py").write_text(WORDS)
    typed = {"algo": "ga", "bench": "folder", "model": "./model", "plugins": ["mine.py"]}
    request = from_arguments(typed, {"folder.data": "rows.jsonl", "learn.steps": 2, "unlearn.steps": 2})
    plan = make_plan(request, Zoo.installed(request.plugins))
    bench, gone = plan.benchmark, plan.benchmark.forget_identities()
    split = next(column.split for column in plan.evals if column.who == "forget")
    samples = [
        Sample("unlearned", split, e.id, e.identity, e.tags, e.question, e.answer, f"{e.answer} Or not.", {})
        for e in bench.examples(split)
    ]
    with Record.open(Path("runs"), algo="ga", bench="folder", **fields(plan, "ga")) as record:
        record.samples(samples)
        record.finish(results=aggregate.results(samples, plan.evals, gone), seconds={"total": 1.0})
    folder = record.folder.absolute()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    asked = ["evaluate", str(folder), "--metric", "words", "--plugin", str(work / "mine.py")]
    assert main(asked) == 0, capsys.readouterr().err
    (row,) = [row for row in load(folder)["results"] if row["metric"].endswith("/words")]
    assert row["mean"] == 1.0 and row["n"] == sum(e.identity in gone for e in bench.examples(split)) > 0
    (work / "rows.jsonl").rename(work / "moved.jsonl")
    assert main(asked) != 0 and f"{work}/rows.jsonl" in capsys.readouterr().err


def test_what_is_typed_again_is_the_same_path_however_it_is_written(work, capsys):
    folder = interrupted(redact=False)
    again = ["--plugin", "./mine.py", "--model", "model", "--set", "folder.data=./rows.jsonl"]
    assert main(["run", "--resume", str(folder), *again, "--dry-run"]) == 0
    os.rename("rows.jsonl", "others.jsonl")
    again[-1] = "folder.data=others.jsonl"
    assert main(["run", "--resume", str(folder), *again, "--dry-run"]) == 2
    assert "--set folder.data=others.jsonl: the run was started with" in capsys.readouterr().err


def test_what_is_no_path_stays(work):
    for name in ("tiny", "llava-hf/llava-1.5-7b-hf", "generated", ""):
        assert paths.located(name) == name
    (work / "tiny").mkdir()
    found = paths.arguments({"model": "tiny", "target": "model", "seed": 3}, {"tiny"})
    assert found == {"model": "tiny", "target": str(work / "model"), "seed": 3}
    (work / "gpt-4o-mini").mkdir()
    options = {"gpt.model": "gpt-4o-mini", "data": "rows.jsonl", "offline.model": "./model", "n": 3}
    assert paths.options(options) == options | {"data": str(work / "rows.jsonl"), "offline.model": str(work / "model")}
