"""One writer of ``run.json`` at a time: nobody's key is lost, and a run that goes on is left alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.records import finished
from unlearnzoo.cli import main
from unlearnzoo.errors import RunError
from unlearnzoo.records import purge, store
from unlearnzoo.records.record import Record
from unlearnzoo.records.run_file import locked
from unlearnzoo.registry.zoo import Zoo
from unlearnzoo.runs import rescore
from unlearnzoo.runs.progress import ConsoleProgress

LATER = {"audits": [{"name": "relearn"}], "model": {"name": "tiny", "family": "qwen"}}


def on_disk(folder):
    return json.loads((Path(folder) / "run.json").read_text())


def again(folder):
    """Judge by one more metric, as ``unlearnzoo evaluate RUN --metric`` does."""
    return rescore.rescore(Path(folder), "rouge", {}, Zoo.installed(), ConsoleProgress(quiet=True))


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "cache"))


def test_a_purge_beside_a_run_is_refused_and_removes_nothing(tmp_path, capsys):
    """The run would write what it knows over what the purge said; this failed at schema 1."""
    over = finished(tmp_path / "runs")
    with Record.open(tmp_path / "runs", algo="npo", bench="remem", algorithm={"name": "npo"}) as record:
        (record.folder / "adapter").mkdir()
        for line in ([str(record.folder)], [over["folder"], str(record.folder)], ["--all"]):
            assert main(["purge", *line, "--yes"]) == 1
            told = capsys.readouterr().err
            assert f"{record.folder.name}: it is running (process" in told and told.count("\n") == 1
        assert (record.folder / "adapter").is_dir() and (Path(over["folder"]) / "samples.parquet").exists()
        record.update(valid=True)
    assert "purged" not in on_disk(record.folder)
    assert main(["purge", "--all", "--yes"]) == 0
    assert on_disk(record.folder)["purged"] and on_disk(record.folder)["valid"] and not list(record.folder.glob("*/"))


def test_what_another_process_works_on_is_refused(tmp_path):
    folder = Path(finished(tmp_path / "runs")["folder"])
    script = (
        "import sys; from pathlib import Path; from unlearnzoo.records.run_file import locked\n"
        "with locked(Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        other.stdout.readline()
        for write in (lambda: purge.purge(folder, store.load(folder)), lambda: again(folder)):
            with pytest.raises(RunError, match=rf"it is running \(process {other.pid} on .*\); wait for it"):
                write()
        other.stdin.close()
    assert not (folder / "checkpoint").exists()
    purge.purge(folder, store.load(folder))


def test_a_writer_that_read_before_another_wrote_loses_nothing(tmp_path):
    """What a purge was told of a run is older than what the run has been judged by since."""
    before = finished(tmp_path / "runs", metrics={})
    again(before["folder"])
    purge.purge(Path(before["folder"]), before)
    after = on_disk(before["folder"])
    assert after["purged"] and "unlearnzoo-metrics/rouge" in after["metrics"]


@pytest.mark.parametrize("rewrite", ["purge", "rescore", "resume"])
def test_a_rewritten_record_keeps_the_keys_that_this_version_does_not_know(tmp_path, rewrite):
    folder = Path(finished(tmp_path / "runs")["folder"])
    (folder / "run.json").write_text(json.dumps(on_disk(folder) | LATER))
    if rewrite == "purge":
        purge.purge(folder, store.load(folder))
    elif rewrite == "rescore":
        again(folder)
    else:
        with Record.reopen(folder, "", {}, []) as record:
            record.update(valid=False)
    assert {key: on_disk(folder)[key] for key in LATER} == LATER
    assert not (folder / "checkpoint").exists()


def test_what_is_kept_to_resume_from_stays_when_the_lock_goes(tmp_path):
    with locked(tmp_path):
        (tmp_path / "checkpoint" / "000001.json").write_text("{}")
    assert (tmp_path / "checkpoint" / "000001.json").exists()


def test_a_folder_that_cannot_be_locked(tmp_path):
    (tmp_path / "checkpoint").write_text("x")
    with (
        pytest.raises(RunError, match="checkpoint: cannot be written: a part of this path is a file"),
        locked(tmp_path),
    ):
        pass
