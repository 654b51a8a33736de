"""A run's folder that was sent may hold links: nothing is written through one, neither by resuming nor by scoring."""

import json
import os
from pathlib import Path

import pytest

from tests.support.records import finished
from unlearnzoo.cli import main
from unlearnzoo.records.record import Record

PLACES = (
    "run.json",
    "steps.jsonl",
    "samples.parquet",
    "adapter",
    "adapter/adapter_model.safetensors",
    "adapter/adapter_config.json",
    "checkpoint",
    "checkpoint/lock",
    "checkpoint/lock.holder",
    "checkpoint/000001.json",
    "anything",
)
TYPED = {"algo": ["npo"], "set": {}, "plugins": {}, "allow_unmemorised": False, "trust_remote_code": False}
COMMANDS = {
    "resume": ["run", "--resume", "RUN"],
    "resume --dry-run": ["run", "--resume", "RUN", "--dry-run"],
    "evaluate": ["evaluate", "RUN", "--metric", "rouge"],
}


def content(folder):
    """Return what each file below a folder holds; of a link where it points."""
    paths = sorted(folder.rglob("*"))
    return {p: os.readlink(p) if p.is_symlink() else p.read_bytes() for p in paths if p.is_symlink() or p.is_file()}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run that was interrupted; what it links to lies elsewhere."""
    monkeypatch.chdir(tmp_path)
    folder = Path(finished(tmp_path / "runs", group="g", arguments=TYPED)["folder"])
    fields = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(fields | {"status": "interrupted"}))
    (folder / "steps.jsonl").write_text('{"step": 1}\n')
    for name in ("adapter", "checkpoint"):
        (folder / name).mkdir()
    return folder


@pytest.mark.parametrize("kind", ["symbolic", "hard"])
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", PLACES)
def test_nothing_is_written_through_a_link(run, tmp_path, capsys, name, command, kind):
    place, elsewhere = run / name, tmp_path / "elsewhere"
    if place.is_dir():
        if kind == "hard":
            pytest.skip("folders have no hard links")
        place.rmdir()
        elsewhere.mkdir()
        (elsewhere / "precious").write_text("mine")
    else:
        elsewhere.write_bytes(place.read_bytes() if place.exists() else b"mine")
        place.unlink(missing_ok=True)
    place.symlink_to(elsewhere) if kind == "symbolic" else place.hardlink_to(elsewhere)
    before = content(tmp_path)
    assert main([str(run) if word == "RUN" else word for word in COMMANDS[command]]) == 1
    told = capsys.readouterr().err
    link = "a link, which" if kind == "symbolic" else "a file with a second name (a hard link)"
    assert f"Error: {place}: {link}" in told and told.count("\n") == 1
    assert content(tmp_path) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_link_to_nothing_and_one_to_a_run(run, tmp_path, capsys, command):
    link = tmp_path / "runs" / "linked"
    link.symlink_to(run)
    before = content(tmp_path)
    assert main([str(link) if word == "RUN" else word for word in COMMANDS[command]]) == 1
    assert "linked: a link" in capsys.readouterr().err and content(tmp_path) == before
    link.unlink()
    (run / "nowhere").symlink_to("/nonexistent/x")
    assert main([str(run) if word == "RUN" else word for word in COMMANDS[command]]) == 1
    assert "nowhere: a link" in capsys.readouterr().err


def test_the_folder_of_runs_may_be_a_link(run, tmp_path):
    (tmp_path / "results").symlink_to(tmp_path / "runs")
    assert main(["evaluate", run.name, "--metric", "rouge", "--runs-dir", "results"]) == 0
    with Record.open(tmp_path / "results", algo="npo", bench="remem", algorithm={"name": "npo"}) as record:
        record.step({"step": 1})
    assert (tmp_path / "runs" / record.folder.name / "steps.jsonl").exists()


def test_a_link_in_another_run_of_the_same_command_is_found_too(run, tmp_path, capsys):
    other = Path(finished(tmp_path / "runs", "ga", group="g", arguments=TYPED)["folder"])
    (other / "adapter").symlink_to(tmp_path)
    assert main(["run", "--resume", str(run), "--dry-run"]) == 1
    assert f"{other / 'adapter'}: a link" in capsys.readouterr().err
