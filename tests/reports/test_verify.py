"""``report --verify``: each thing that was changed behind a record's back is named, and nothing else is."""

import json
from pathlib import Path

import pytest

from tests.support.records import finished
from unlearnzoo.cli import main
from unlearnzoo.evaluation.samples import read_samples, write_samples
from unlearnzoo.records import store
from unlearnzoo.records.record import Record
from unlearnzoo.reports.verify import verify
from unlearnzoo.storage.atomic import file_hash

#: A row of a gate that was not passed.
GATE = {
    "split": "test",
    "group": {},
    "metric": "m",
    "least": 0.7,
    "base": None,
    "target": 0.1,
    "target_forget": 0.1,
    "n": {},
    "passed": False,
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A finished run with an adapter."""
    monkeypatch.chdir(tmp_path)
    folder = Path(finished(tmp_path / "runs")["folder"])
    with Record.reopen(folder, "", {}, []) as record:
        record.adapter(lambda place: (place.mkdir(), (place / "adapter_model.safetensors").write_bytes(b"weights")))
        record.finish()
    return folder


def edit(folder, change):
    file = folder / "run.json"
    fields = json.loads(file.read_text())
    change(fields)
    file.write_text(json.dumps(fields))


def test_hashes_are_those_of_the_files(run):
    names = ("adapter/adapter_model.safetensors", "samples.parquet")
    assert store.load(run)["files"] == {name: file_hash(run / name) for name in names}


def test_what_is_as_it_was_is_verified(run, capsys):
    assert main(["report", str(run), "--verify"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"{run.name}: verified"
    assert told[1:] == ["  not verified: baselines, curve: their answers were not kept"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda r: r["results"][-1].update(mean=0.99), "public EM (unlearned): mean is 0.99, its samples give 0."),
        (lambda r: r["results"][-1].update(n=7), "public EM (unlearned): n is 7, its samples give 120"),
        (lambda r: r["results"][-1].update(high=1.0), "public EM (unlearned): high is 1.0, its samples give 0."),
        (lambda r: r["results"].pop(), "public EM (unlearned) is missing"),
        (lambda r: r["results"].append({**r["results"][-1], "model": "other"}), "public EM (other) is not in the sam"),
        (lambda r: r["results"].append(r["results"][-1]), "a model has a column and group twice"),
        (lambda r: r["plan"].update(columns=["EMf", "Gone"]), "the plan has a column 'Gone', which has no row"),
        (lambda r: r["matched"]["0.50"].update(single=1.0), "matched: 0.50 single: it is 1.0, the curve gives 0."),
        (lambda r: r["verdict"].update(word="forgotten"), "verdict: it is forgotten, its numbers give neither"),
        (lambda r: r["matched"].clear(), "matched: 0.10 multi: it is absent, the curve gives "),
        (lambda r: r["matched"].pop("0.50"), "matched: 0.50 multi: it is absent, the curve gives 0."),
        (lambda r: r.pop("verdict"), "verdict: there is none, its numbers give neither"),
        (lambda r: r["verdict"]["kept"].update(holds=True), "verdict: kept is not what its numbers give"),
        (lambda r: r["verdict"]["forgotten"]["rows"][0].update(value=0.0), "verdict: forgotten is not what its"),
        (lambda r: r["results"][-1].update(want="low"), "results: public EM: want is not the same in all of its rows"),
        (
            lambda r: (r["results"].clear(), r["plan"].pop("columns", 0)),
            "results: no column shows the samples of 'finetune'",
        ),
        (lambda r: r.pop("files"), "files: each run that ended has their hashes, and this one has none"),
        (lambda r: r["files"].clear(), "adapter/adapter_model.safetensors: the run did not write it"),
        (lambda r: r.update(gate=[GATE | {"passed": True}]), "gate: test: passed is True, 0.1 of at least 0.7 gives F"),
        (lambda r: r.update(gate=[GATE]), "valid: it is True, the gate gives False"),
        (lambda r: r["benchmark"].update(forget_identities=["p19"]), "EMf hop multi (base): n is 12, its samples give"),
        (lambda r: r["files"].update({"samples.parquet": "0" * 64}), "samples.parquet: its SHA-256 is "),
        (lambda r: r["files"].pop("samples.parquet"), "samples.parquet: the run did not write it"),
    ],
)
def test_an_edited_record(run, capsys, change, told):
    edit(run, change)
    assert main(["report", str(run), "--verify"]) == 1
    out, err = capsys.readouterr()
    assert told in out and "verified\n" not in out
    assert err.count("\n") == 1 and f"--verify: 1 of 1 records differ from what is beside them: {run.name}" in err


def test_edited_files(run, capsys):
    (run / "adapter/adapter_model.safetensors").write_bytes(b"other")
    (run / "adapter/more.bin").write_bytes(b"x")
    samples = read_samples(run / "samples.parquet")
    write_samples(run / "samples.parquet", samples[:-1])
    assert main(["report", str(run), "--verify", "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    names = ["adapter/adapter_model.safetensors", "adapter/more.bin", "samples.parquet", "results"]
    assert [line.partition(":")[0] for line in found["differences"]][:4] == names
    (run / "samples.parquet").write_bytes(b"PAR1")
    assert main(["report", str(run), "--verify"]) == 1
    assert "samples.parquet: " in capsys.readouterr().out
    (run / "samples.parquet").unlink()
    assert "samples.parquet: it is gone, or a link" in verify(store.load(run))["differences"]


def test_a_metric_that_is_added_renews_the_hash_and_edited_samples_are_not_scored(run, capsys):
    before = store.load(run)["files"]
    assert main(["evaluate", str(run), "--metric", "rouge"]) == 0
    after = store.load(run)["files"]
    assert after != before and after["samples.parquet"] == file_hash(run / "samples.parquet")
    assert main(["report", str(run), "--verify"]) == 0
    write_samples(run / "samples.parquet", read_samples(run / "samples.parquet")[1:])
    held = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    capsys.readouterr()
    assert main(["evaluate", str(run), "--metric", "em"]) == 1
    assert "samples.parquet is not what the run wrote" in capsys.readouterr().err
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == held


def test_what_cannot_be_verified_is_said(run, capsys):
    known = store.load(run)["files"]
    assert main(["purge", str(run), "--yes"]) == 0
    record = store.load(run)
    assert record["files"] == known
    found = verify(record)
    assert not found["differences"]
    assert [line.partition(":")[0] for line in found["unverified"]] == ["files", "results", "baselines, curve"]
    edit(run, lambda r: (r.pop("files"), r.pop("purged"), r.update(arguments={"redact": True})))
    told = verify(store.load(run))["unverified"]
    assert "no hashes" in told[0] and "by redaction" in told[1]


def test_a_record_of_0_1(capsys):
    folder = Path(__file__).parents[1] / "records" / "schema1" / "runs"
    main(["report", str(folder), "--verify"])
    assert "not verified: files: an older version wrote the record" in capsys.readouterr().out


def test_of_a_folder_a_damaged_record_is_a_line_and_the_others_are_there(run, tmp_path, capsys):
    other = Path(finished(tmp_path / "runs", "ga")["folder"])
    (other / "run.json").write_text('{"schema": 2, "status": "done"}')
    for more in ([], ["--json"], ["--verify"]):
        assert main(["report", str(tmp_path / "runs"), *more]) == 0
        out, err = capsys.readouterr()
        assert "npo" in out and err.count("\n") == 1 and f"left out: {other}/run.json: damaged; `status`" in err
    assert main(["report", str(other)]) == 1
    assert main(["report", str(run), "--verify", "--intervals"]) == 2


def test_the_verdict_of_a_run_that_diverged_is_that_of_its_numbers(tmp_path):
    """It is made of the record as it ends: the run is over, and diverged."""
    whole = finished(tmp_path / "runs")
    with Record.open(tmp_path / "other", algo="npo", bench="x", algorithm={"name": "npo"}, benchmark={}) as record:
        record.diverge("the loss is nan at step 25", curve=whole["curve"], matched=whole["matched"])
    known = store.load(record.folder)
    assert "before it diverged" in known["verdict"]["best"]["reason"] and known["status"] == "diverged"
    assert verify(known)["differences"] == []


def test_a_record_of_before_there_were_hashes_that_is_scored_once_more(run, capsys):
    """Its samples have a hash from then on, its adapter still none; and once redacted it has no answers to score."""
    edit(run, lambda r: (r.pop("files"), r.pop("arguments", 0), r.update(schema=1)))
    assert main(["evaluate", str(run), "--metric", "rouge"]) == 0
    assert set(store.load(run)["files"]) == {"samples.parquet"} and verify(store.load(run))["differences"] == []
    assert main(["redact", str(run), "--yes"]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(run), "--metric", "rouge"]) == 1
    assert "its answers were left out by --redact" in capsys.readouterr().err
    assert "texts were left out by redaction" in str(verify(store.load(run))["unverified"])
