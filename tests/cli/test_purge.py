"""``unlearnzoo purge``: what held people's data is gone, scores stay, and nothing else is touched."""

import io
import json
from pathlib import Path

import pytest

from tests.support.records import finished
from unlearnzoo.cli import main
from unlearnzoo.records import store
from unlearnzoo.records.record import Record
from unlearnzoo.storage.cache import TAG, cache_folder

KEY, OTHER = "0123456789abcdef0123", "f" * 20


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A finished run with an adapter, whose target and judged samples are in the cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "cache"))
    for key in (KEY, OTHER):
        (cache_folder("targets", key) / "adapter_model.safetensors").write_bytes(b"secret" * 100)
        (cache_folder("judged") / f"{key}-target.parquet").write_bytes(b"secret")
    return made(tmp_path / "runs")


def made(runs_dir, **target):
    record = finished(runs_dir)
    adapter = Path(record["folder"]) / "adapter"
    adapter.mkdir()
    (adapter / "adapter_model.safetensors").write_bytes(b"secret")
    path = Path(record["folder"]) / "run.json"
    known = {"key": KEY, "cached": True, "judged": [f"{KEY}-target.parquet"], **target}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"target": known}))
    return Path(record["folder"])


def left(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.name != TAG)


def test_one_run(run, tmp_path, capsys):
    before = store.load(run)
    assert main(["purge", str(run), "--yes", "--json"]) == 0
    told = capsys.readouterr()
    assert sorted(Path(row["path"]).name for row in json.loads(told.out)) == sorted(
        ["adapter", "samples.parquet", KEY, f"{KEY}-target.parquet"]
    )
    assert left(run) == ["run.json"] and run.name in told.err
    assert left(tmp_path / "cache") == [f"judged/{OTHER}-target.parquet", f"targets/{OTHER}/adapter_model.safetensors"]
    after = store.load(run)
    assert after.pop("purged") and after == before
    assert main(["report", str(run)]) == 0
    assert main(["purge", str(run), "--yes"]) == 0 and "nothing to remove" in capsys.readouterr().err


def test_what_an_unfinished_run_left(run, tmp_path):
    for place in (run / "checkpoint", cache_folder("targets", f"{KEY}-partial")):
        place.mkdir(exist_ok=True)
        (place / "state-000001.safetensors").write_bytes(b"secret")
    assert main(["purge", str(run), "--yes"]) == 0
    assert left(run) == ["run.json"] and not list(cache_folder("targets").glob(f"{KEY}*"))


def test_a_folder_of_runs_at_any_depth(run, tmp_path, capsys):
    points = [made(tmp_path / "sweeps" / "one" / "points" / name / "runs", key=OTHER, judged=[]) for name in "ab"]
    assert main(["purge", str(tmp_path / "sweeps"), "--yes"]) == 0
    assert [left(point) for point in points] == [["run.json"]] * 2
    assert "adapter/adapter_model.safetensors" in left(run) and not (cache_folder("targets") / OTHER).exists()
    assert (cache_folder("targets") / KEY).exists()
    assert main(["purge", str(run / "run.json"), "--yes"]) == 0 and left(run) == ["run.json"]


def test_a_damaged_record_keeps_nothing(run, tmp_path, capsys):
    second = made(tmp_path / "runs")
    for folder in (run, second):
        (folder / "run.json").write_text("{")
    assert main(["purge", str(run), "--yes"]) == 0
    assert left(run) == ["run.json"] and "what the cache holds of it is not known" in capsys.readouterr().err
    assert main(["purge", "--all", "--yes"]) == 0 and left(second) == ["run.json"]


def test_everything(run, tmp_path, capsys):
    second = made(tmp_path / "runs")
    assert main(["purge", "--all", "--yes"]) == 0
    assert left(run) == left(second) == ["run.json"] and left(tmp_path / "cache") == []
    assert "the scores are still there" in capsys.readouterr().out


def test_everything_is_also_what_was_made_of_peoples_images(run, tmp_path, capsys):
    """Features of the vision tower and copies of a data set's images are these people's data."""
    (cache_folder("vision") / "0123.safetensors").write_bytes(b"face")
    (cache_folder("remem", "images", "0123") / "images.bin").write_bytes(b"face")
    assert main(["purge", "--all", "--yes", "--json"]) == 0
    rows = {Path(row["path"]).name for row in json.loads(capsys.readouterr().out)}
    assert {"vision", "remem"} <= rows and not list((tmp_path / "cache").iterdir())


def test_a_cache_among_other_files_is_not_emptied(run, tmp_path, monkeypatch, capsys):
    """A folder that held something before is nobody's to empty; the one of the fixture began empty."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("mine")
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "mine"))
    (cache_folder("targets") / KEY).mkdir()
    assert main(["purge", "--all", "--yes"]) == 1
    assert "UNLEARNZOO_CACHE named a folder that was not empty" in capsys.readouterr().err
    assert left(tmp_path / "mine") == ["thesis.tex"] and (run / "adapter").is_dir()
    assert main(["purge", str(run), "--yes"]) == 0 and not (tmp_path / "mine" / "targets" / KEY).exists()


def test_another_tools_cache_is_not_emptied(run, tmp_path, monkeypatch, capsys):
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / TAG).write_text("Signature: 8a477f597d28d172789f06886806bc55\n# This file was made by pip.\n")
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "pip"))
    (cache_folder("targets") / KEY).mkdir()
    assert main(["purge", "--all", "--yes"]) == 1
    assert "named a folder that was not empty" in capsys.readouterr().err
    assert (tmp_path / "pip" / "targets" / KEY).is_dir() and (run / "adapter").is_dir()


def test_a_cache_made_by_version_0_1_is_ours(run, tmp_path, capsys):
    (tmp_path / "cache" / TAG).write_text(
        "Signature: 8a477f597d28d172789f06886806bc55\n# What unlearnzoo keeps between runs.\n"
    )
    assert main(["purge", "--all", "--yes"]) == 0 and not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("content", [None, '{"hello": 1}', '{"schema": 1}', "{"])
def test_what_is_no_run_is_left_alone(run, tmp_path, capsys, content):
    """A project whose model happens to lie in folders of these names."""
    project = tmp_path / "runs" / "llava"
    for name in ("adapter", "checkpoint"):
        (project / name).mkdir(parents=True)
        (project / name / "adapter_model.safetensors").write_bytes(b"mine")
    (project / "samples.parquet").write_bytes(b"mine")
    if content is not None:
        (project / "run.json").write_text(content)
    assert main(["purge", "--all", "--yes"]) == 0
    assert "llava: left alone: no run's folder" in capsys.readouterr().err
    assert not (run / "adapter").exists()
    assert {p.name for p in project.iterdir()} >= {"adapter", "checkpoint", "samples.parquet"}
    assert (project / "checkpoint" / "adapter_model.safetensors").read_bytes() == b"mine"


def test_a_linked_run_is_not_followed(run, tmp_path, capsys):
    other = made(tmp_path / "elsewhere")
    (tmp_path / "runs" / f"{other.name}-9").symlink_to(other)
    assert main(["purge", "--all", "--yes"]) == 0
    assert "a link" in capsys.readouterr().err and (other / "adapter").is_dir()
    assert not (run / "adapter").exists()


@pytest.mark.parametrize("name", ["checkpoint", "checkpoint/lock", "checkpoint/lock.holder"])
def test_nothing_is_written_through_a_link(run, tmp_path, capsys, name):
    precious = tmp_path / "precious"
    if "/" in name:
        (run / "checkpoint").mkdir(exist_ok=True)
        precious.write_text("mine")
    else:
        precious.mkdir()
    (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(precious)
    assert main(["purge", str(run), "--yes"]) == 1
    assert f"{run / name}: a link" in capsys.readouterr().err
    assert precious.read_text() == "mine" if precious.is_file() else not list(precious.iterdir())


def test_a_folder_of_runs_that_is_not_there_is_named(run, tmp_path, capsys):
    assert main(["purge", "--all", "--yes", "--runs-dir", "ruins"]) == 1
    assert "--runs-dir ruins: there is no such folder" in capsys.readouterr().err
    assert left(tmp_path / "cache")


def test_it_asks_first(run, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["purge", str(run)]) == 130
    assert (run / "adapter").is_dir() and "samples.parquet" in capsys.readouterr().err


@pytest.mark.parametrize(
    "target",
    [
        {"key": "../../precious"},
        {"key": "/etc"},
        {"judged": ["../precious.parquet", "x"]},
        {"key": None, "judged": None},
    ],
)
def test_a_record_cannot_name_what_is_elsewhere(run, tmp_path, target):
    (tmp_path / "precious").mkdir()
    odd = made(tmp_path / "runs", **{"key": "", "judged": [], **target})
    assert main(["purge", str(odd), "--yes"]) == 0
    assert (tmp_path / "precious").is_dir() and len(left(tmp_path / "cache")) == 4


def test_a_link_is_removed_and_not_what_it_points_to(run, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("mine")
    (run / "adapter" / "adapter_model.safetensors").unlink()
    (run / "adapter").rmdir()
    (run / "adapter").symlink_to(tmp_path / "precious")
    assert main(["purge", str(run), "--yes"]) == 0
    assert (tmp_path / "precious" / "file").read_text() == "mine" and not (run / "adapter").is_symlink()


@pytest.mark.parametrize(
    ("line", "told"),
    [([], "name runs, or give --all"), (["--all", "x"], "name runs, or give --all"), (["nowhere"], "no run 'nowhere'")],
)
def test_mistakes(run, capsys, line, told):
    assert main(["purge", *line]) == 2
    assert told in capsys.readouterr().err and (run / "adapter").is_dir()


def test_a_run_that_left_nothing(run, tmp_path, capsys):
    with Record.open(tmp_path / "runs", algo="npo", bench="remem", algorithm={"name": "npo"}) as record:
        record.update(error="stopped")
    assert main(["purge", str(record.folder), "--yes"]) == 0
    assert "nothing to remove" in capsys.readouterr().err
