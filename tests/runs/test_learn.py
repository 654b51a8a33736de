"""Stage 1 alone: its record, its report, and that `run` takes its target and what was judged from the cache."""

import json
from pathlib import Path

import pytest

from tests.runs import bare
from tests.support import three
from tests.support.resuming import killed
from tests.support.schema import check
from unlearnzoo.cli import main
from unlearnzoo.evaluation.samples import read_samples
from unlearnzoo.records import store
from unlearnzoo.reports import report
from unlearnzoo.runs.stage_two import StageTwo
from unlearnzoo.storage.cache import partial_target
from unlearnzoo.training import loop


def learned(capsys, folder, *more):
    options = [x for k, v in bare.OPTIONS.items() if not k.startswith("unlearn") for x in ("--set", f"{k}={v}")]
    code = main(
        [
            "learn",
            "--bench",
            "remem",
            "--model",
            str(bare.MODEL),
            "--recipe",
            "tiny",
            *options,
            "--set",
            f"remem.forget={three.FORGET}",
            "--runs-dir",
            str(folder),
            *more,
        ]
    )
    return code, *capsys.readouterr()


def test_it_says_what_base_and_target_know(capsys, tmp_path, monkeypatch):
    code, out, err = learned(capsys, tmp_path, "--json")
    (found,) = json.loads(out)
    assert code == 0 and found["status"] == "finished" and found["valid"] is True and check(found)[0] == []
    assert found["algorithm"] == {"name": None} and "gate, finetune" in err
    means = {(r["model"], r["column"], r["group"]["hop"]): r["mean"] for r in found["results"]}
    for split in ("finetune", "test"):
        for hop in ("single", "multi"):
            gate = next(r for r in found["gate"] if r["split"] == split and r["group"]["hop"] == hop)
            assert means["target", f"em {split}", hop] == pytest.approx(gate["target"])
            assert means["base", f"em {split}", hop] == pytest.approx(gate["base"])
            assert means["target", f"rouge {split}", hop] > means["base", f"rouge {split}", hop]
    samples = read_samples(Path(found["folder"]) / "samples.parquet")
    em = [
        s.scores["unlearnzoo-metrics/em"]
        for s in samples
        if (s.model, s.split, s.tags["hop"]) == ("target", "test", "single")
    ]
    assert sum(em) / len(em) == pytest.approx(means["target", "em test", "single"])
    # A run finds it; what it does with it is not the point here.
    with killed(monkeypatch, StageTwo, "run", 0):
        bare.run(tmp_path / "run", "ga")
    run = store.load(next((tmp_path / "run").iterdir()))
    assert run["target"]["cached"] and run["target"]["key"] == found["target"]["key"]


def test_below_the_gate_it_is_finished_and_not_valid(capsys, tmp_path):
    code, out, err = learned(capsys, tmp_path, "--set", "learn.epochs=1")
    assert code == 0 and "FAILED" in err and "em finetune" in out and "not valid" in out
    learned(capsys, tmp_path, "--set", "learn.epochs=1", "--json")
    records = [store.load(p) for p in sorted(tmp_path.iterdir())]
    assert [r["valid"] for r in records] == [False, False]
    text = report.render(records)
    # Each has a row of its own; base is the same model for both.
    assert text.count("stage 1") >= 2 and "base" in text and "\ntarget" not in text


def test_one_that_was_killed_names_its_target_so_that_purge_finds_what_it_left(capsys, tmp_path, monkeypatch):
    with killed(monkeypatch, loop, "_step", 1):
        learned(capsys, tmp_path, "--target-seed", "7")
    (record,) = [store.load(path) for path in tmp_path.iterdir()]
    assert record["status"] == "started" and record["device"]["type"] == "cpu"
    assert record["target"] == {"key": record["target"]["key"], "cached": False, "judged": []}
    left = partial_target(record["target"]["key"])
    assert left.exists()
    assert main(["purge", Path(record["folder"]).name, "--runs-dir", str(tmp_path), "--yes"]) == 0
    assert not left.exists()


def test_a_plan_without_weights(capsys, tmp_path):
    code, out, err = learned(capsys, tmp_path / "runs", "--dry-run")
    assert (code, out) == (0, "") and not (tmp_path / "runs").exists()
    assert "plan: stage 1 on remem with " in err and "em finetune" in err and "for its backward" in err
