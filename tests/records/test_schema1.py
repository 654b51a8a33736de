"""Records of unlearnzoo 0.1, whose schema is 1: read, reported, compared, judged again, purged; not resumed.

``schema1`` was made by ``unlearnzoo run --algo npo`` at commit e0e2314 with the embedded model and three people; paths
are plain, every fourth sample was kept, and each file that held weights or answers is one byte.
"""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.records import finished
from unlearnzoo.cli import main
from unlearnzoo.records import store
from unlearnzoo.records.run_file import SCHEMA
from unlearnzoo.reports import report
from unlearnzoo.storage.cache import TAG

KEY = "42fa1af1b9a7ebba0a84"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A copy of the run; the cache beside it is the one of then."""
    shutil.copytree(Path(__file__).parent / "schema1", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "cache"))
    return next((tmp_path / "runs").iterdir())


def edit(run, **changes):
    file = run / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def left(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.name != TAG)


def test_it_is_read_and_reported(run, capsys):
    record = store.load(run)
    assert record["schema"] == 1 and record["versions"]["unlearnzoo"] == "0.1.0"
    assert {sample.model for sample in store.samples(record)} == {"base", "target", "unlearned"}
    assert main(["runs"]) == 0
    assert "EMf 17/7  EMr 92/93" in capsys.readouterr().out
    assert main(["report", str(run)]) == 0
    said = capsys.readouterr().out
    assert "npo" in said and "EMf" in said and "At equal forgetting" in said


def test_it_is_compared_with_one_of_today(run, tmp_path, capsys):
    today = finished(tmp_path / "runs", "ga")
    assert (store.load(run)["schema"], today["schema"]) == (1, SCHEMA) == (1, 2)
    compared = report.data([store.load(run), today])
    assert [row["algorithm"]["name"] for row in compared["runs"]] == ["npo", "ga"]
    assert compared["matched"]["npo"] == store.load(run)["matched"] and {row["run"] for row in compared["table"]} >= {
        "npo",
        "ga",
    }
    assert main(["report", str(run), today["folder"]]) == 0
    said = capsys.readouterr().out
    assert "npo" in said and "ga" in said
    assert "the runs were made by other rules (npo: not told by its older version" in said


def test_what_it_kept_is_not_judged_again(run, capsys):
    """Its texts were read by another rule: one column of today's would stand beside those of then."""
    before = (run / "run.json").read_bytes()
    assert main(["evaluate", str(run), "--metric", "rouge"]) == 1
    said = capsys.readouterr().err
    assert "by an older rule (its rules: not told by its older version" in said and said.count("\n") == 1
    assert (run / "run.json").read_bytes() == before and not (run / "checkpoint").exists()
    edit(run, arguments=store.load(run)["arguments"] | {"redact": True})
    assert main(["evaluate", str(run), "--metric", "rouge"]) == 1
    said = capsys.readouterr().err
    assert "its answers were left out by --redact" in said and said.count("\n") == 1


def test_purge_finds_what_it_left(run, tmp_path):
    """Adapter, samples, its target, half a target and judged answers, by the names of then; scores stay."""
    before = store.load(run)
    assert left(tmp_path / "cache/targets")[0].startswith(KEY)
    assert main(["purge", str(run), "--yes"]) == 0
    assert left(run) == ["run.json", "steps.jsonl"] and left(tmp_path / "cache") == []
    after = store.load(run)
    assert after.pop("purged") and after == before


def test_it_is_redacted_afterwards(run):
    before, people = store.load(run), {s.identity for s in store.samples(store.load(run))}
    assert main(["redact", str(run), "--yes"]) == 0
    after, samples = store.load(run), store.samples(store.load(run))
    # Its rows hold each person's mean by name: a record of today gives none of that away.
    for row, was in zip(after["results"], before["results"], strict=True):
        means, theirs = row.pop("per_cluster"), was.pop("per_cluster")
        assert list(means.values()) == list(theirs.values()) and not set(means) & set(theirs)
    assert after["results"] == before["results"] and after["curve"] == before["curve"] and after["schema"] == 1
    assert {s.question + s.answer for s in samples} == {""} and all(s.prediction is None for s in samples)
    assert not people & {s.identity for s in samples} and left(run) == ["run.json", "samples.parquet", "steps.jsonl"]
    assert len(after["benchmark"]["forget_identities"]) == len(before["benchmark"]["forget_identities"])
    assert not set(before["benchmark"]["forget_identities"]) & set(after["benchmark"]["forget_identities"])


@pytest.mark.parametrize("status", ["interrupted", "started", "failed"])
def test_it_is_not_resumed(run, capsys, status):
    edit(run, status=status, error=None)
    assert main(["run", "--resume", str(run)]) == 1
    said = capsys.readouterr().err
    assert "it was started with unlearnzoo 0.1.0, this is 0.2" in said and said.count("\n") == 1
    edit(run, versions={})
    assert main(["run", "--resume"]) == 1
    assert "cannot be resumed" in capsys.readouterr().err
