"""A whole run with three people: what it records, that it repeats, and that it needs no network."""

import json
import os
import shutil
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

from tests.runs import bare
from tests.runs.bare import run
from tests.support import three
from tests.support.schema import check
from unlearnzoo.benchmark import utility_part
from unlearnzoo.errors import GateError
from unlearnzoo.evaluation.samples import read_samples
from unlearnzoo.records.store import load
from unlearnzoo.reports import report


@pytest.fixture(scope="module")
def records(tmp_path_factory, shared_folder):
    """Two algorithms, one stage 1."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNLEARNZOO_CACHE", str(shared_folder / "cache"))
        return run(tmp_path_factory.mktemp("runs"), "npo,gd")


def means(record, model, column):
    return {
        row["group"].get("hop"): row["mean"]
        for row in record["results"]
        if row["model"] == model and row["column"] == column
    }


def test_the_target_learned_and_the_forget_set_was_forgotten(records):
    for record in records:
        assert record["status"] == "finished" and record["valid"] is True
        assert all(row["passed"] and row["target"] >= row["least"] for row in record["gate"])
        assert all(v <= 0.1 for v in means(record, "base", "EMf").values())
        assert all(v >= 0.8 for v in means(record, "target", "EMf").values())
        before, after = means(record, "target", "EMf"), means(record, "unlearned", "EMf")
        assert all(after[hop] < before[hop] for hop in before)


def test_a_record_says_all_that_a_reader_needs(records):
    record = load(Path(records[0]["folder"]))
    assert check(record)[0] == []
    assert {
        "schema",
        "status",
        "valid",
        "algorithm",
        "benchmark",
        "model",
        "seed",
        "target_seed",
        "command",
        "versions",
        "git",
        "results",
        "curve",
        "matched",
        "seconds",
        "plan",
        "gate",
        "metrics",
    } <= record.keys()
    assert record["algorithm"] == {
        "name": "npo",
        "distribution": "unlearnzoo-npo",
        "version": "0.2.0",
        "options": {"beta": 1.0, "retain_weight": 0.0},
        "gold_standard": False,
    }
    assert {name: record["device"][name] for name in ("type", "precision")} == {"type": "cpu", "precision": "fp32"}
    assert record["device"]["arithmetic"].startswith("base float32, adapters float32, logits float32, autocast no")
    assert record["machine"]["cpu_seconds"] > 0 and record["machine"]["matmul_gflops"] > 0
    assert set(record["seconds"]) == {"plan", "learn", "unlearn", "evaluate", "total"}
    assert record["curve"][0]["step"] == 0 and record["curve"][-1]["step"] == 8
    for row in record["results"]:
        assert {"model", "split", "metric", "group", "mean", "low", "high", "n", "clusters", "unscored"} <= row.keys()


def test_samples_hold_each_judged_answer(records):
    samples = read_samples(Path(records[0]["folder"]) / "samples.parquet")
    assert {s.model for s in samples} == {"base", "target", "unlearned"}
    forget = [s for s in samples if s.model == "unlearned" and s.split == "finetune"]
    assert len(forget) == 20 and all(s.prediction is not None for s in forget)
    assert all(1 <= s.details["rank"] <= 3 and s.details["candidates"] == 3 for s in forget)
    # EM of the samples is EM of the table.
    em = [s.scores["unlearnzoo-metrics/em"] for s in forget if s.tags["hop"] == "single"]
    assert sum(em) / len(em) == pytest.approx(means(records[0], "unlearned", "EMf")["single"])


def test_the_saved_adapter_answers_like_the_unlearned_model(records):
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText, AutoProcessor

    folder = Path(records[0]["folder"])
    source = records[0]["model"]["source"]
    model = PeftModel.from_pretrained(AutoModelForImageTextToText.from_pretrained(source), folder / "adapter")
    processor = AutoProcessor.from_pretrained(source)
    samples = [s for s in read_samples(folder / "samples.parquet") if s.model == "unlearned" and s.split == "retain"]
    bench = unlearnzoo_remem()
    images = {e.id: e.images[0] for e in bench.examples("retain")}
    for sample in samples[:6]:
        content = [{"type": "image"}, {"type": "text", "text": sample.question}]
        text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
        inputs = processor(images=[images[sample.id].open()], text=text, return_tensors="pt")
        out = model.generate(**inputs, max_new_tokens=64, do_sample=False)
        reply = processor.tokenizer.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        assert reply.strip() == sample.prediction


def unlearnzoo_remem():
    from unlearnzoo.registry.zoo import Zoo

    bench = (
        Zoo.installed()
        .get("benchmark", "remem")
        .configure(
            {k.removeprefix("remem."): v for k, v in three.OPTIONS.items() if k.startswith("remem.")}
            | {"forget": three.FORGET}
        )
    )
    bench.prepare()
    return bench


def test_the_same_command_gives_the_same_numbers_and_reuses_stage_1(records, tmp_path):
    again = run(tmp_path)[0]
    assert again["target"] == records[0]["target"] | {"cached": True}
    assert again["results"] == records[0]["results"] and again["curve"] == records[0]["curve"]
    other = run(tmp_path, seed=1)[0]
    assert other["target"]["key"] == again["target"]["key"] and other["curve"] != again["curve"]


def test_stop_at_ends_where_forgetting_is_there(records, tmp_path):
    found = run(tmp_path, "ga", stop_at="EMf=.5", options={"unlearn.steps": 30})[0]
    assert found["steps"] < 30
    assert max(found["curve"][-1]["EMf"].values()) <= 0.5


def test_a_model_that_never_memorised_is_refused(tmp_path):
    short = {"learn.epochs": 1}
    with pytest.raises(GateError, match=r"stage 1 failed: EM \d+ % < 80 %.*means nothing"):
        run(tmp_path, options=short)
    record = load(next(tmp_path.iterdir()))
    assert record["status"] == "failed" and record["valid"] is False and record["gate"]
    # "Never learned" and "says it otherwise" are told apart by answers.
    kept = read_samples(Path(record["folder"]) / "samples.parquet")
    assert {s.model for s in kept} == {"base", "target"} and any(s.prediction for s in kept)
    assert "target" in (said := report.render([record])) and "failed (stage 1 failed" in said and "EMf" in said
    going_on = run(tmp_path, options=short, allow_unmemorised=True)[0]
    assert going_on["status"] == "finished" and going_on["valid"] is False


def test_divergence_keeps_what_was_computed_and_the_others_go_on(records, tmp_path):
    plugin = tmp_path / "explode.py"
    plugin.write_text(
        "from unlearnzoo import Unlearner, hookimpl\n"
        "class Explode(Unlearner):\n"
        "    '''Breaks at its third step.'''\n"
        "    name = 'explode'\n"
        "    def loss(self, forget):\n"
        "        self.calls = getattr(self, 'calls', 0) + 1\n"
        "        return forget.nll * (1.0 if self.calls < 3 else float('nan'))\n"
        "@hookimpl\n"
        "def unlearnzoo_unlearners():\n"
        "    return [Explode]\n"
    )
    bad, good = run(tmp_path / "runs", "explode,ga", plugins=[plugin])
    assert (bad["status"], good["status"]) == ("diverged", "finished")
    assert "step 3" in bad["error"] and bad["curve"] and bad["results"]
    (path,) = (tmp_path / "runs").glob("*explode*/steps.jsonl")
    steps = [json.loads(line) for line in path.read_text().splitlines()]
    assert [s["step"] for s in steps] == [1, 2]


def test_results_are_written_before_the_adapter_finds_the_disk_full(records, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("unlearnzoo.runs.stage_two.adapter_export.save", full)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path, "gd")
    record, whole = load(next(tmp_path.iterdir())), records[1]
    assert record["status"] == "failed" and not (Path(record["folder"]) / "adapter").exists()
    assert [record[name] for name in ("results", "curve", "matched", "steps")] == [
        whole[name] for name in ("results", "curve", "matched", "steps")
    ]


NO_NETWORK = """
import socket, sys
def refuse(*args, **kwargs):
    raise AssertionError(f"the network was used: {args}")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from unlearnzoo.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_the_command_prints_json_and_needs_no_network(tmp_path):
    """The embedded model as its users run it: stage 1 with replay, and what it could do before beside the rest."""
    command = ["run", "--algo", "ga", "--bench", "remem", "--json", "--runs-dir", str(tmp_path), *three.arguments()]
    found = subprocess.run(
        [sys.executable, "-c", NO_NETWORK, *command],
        capture_output=True,
        text=True,
        env=os.environ | {"HF_HUB_OFFLINE": "0"},
        timeout=300,
    )
    assert found.returncode == 0, found.stderr
    (record,) = json.loads(found.stdout)
    assert record["status"] == "finished" and check(record)[0] == []
    # Of one person there is no interval; of two there is.
    assert all((row["low"] is None) == (row["interval"] is None) == (row["clusters"] < 2) for row in record["results"])
    assert "gate, finetune" in found.stderr and "Warning" not in found.stderr


def evaluate(folder, *more, model=bare.MODEL):
    from unlearnzoo.cli import main

    return main(
        [
            "evaluate",
            "--bench",
            "remem",
            "--model",
            str(model),
            "--runs-dir",
            str(folder),
            *three.arguments()[:8],
            *more,
        ]
    )


def test_a_model_unlearned_elsewhere_is_judged_the_same(records, tmp_path, monkeypatch, capsys):
    # Elsewhere: what is at hand is a base and an adapter on it.
    folder = Path(records[0]["folder"])
    assert evaluate(tmp_path, "--adapter", str(folder / "adapter"), "--name", "theirs", "--json") == 0
    told = capsys.readouterr()
    (found,) = json.loads(told.out)
    assert found["algorithm"]["name"] == "theirs" and found["valid"] is None
    assert any("no target was asked" in doubt for doubt in found["verdict"]["believable"]["doubts"])
    ours = [row for row in records[0]["results"] if row["model"] == "unlearned"]
    assert [(r["column"], r["group"], r["n"]) for r in found["results"]] == [
        (r["column"], r["group"], r["n"]) for r in ours
    ]
    for one, other in zip(found["results"], ours, strict=True):
        assert one["mean"] == pytest.approx(other["mean"], abs=1.5 / one["n"]), one["column"]
    from unlearnzoo.reports.report import render

    text = render([load(folder), load(Path(found["folder"]))])
    assert "theirs" in text and "target" in text


def test_a_target_that_knows_nothing_is_no_target(records, tmp_path, monkeypatch, capsys):
    assert evaluate(tmp_path, "--target", str(bare.MODEL)) == 3
    assert "unlearning a model that never memorised" in capsys.readouterr().err
    (folder,) = tmp_path.iterdir()
    record = load(folder)
    assert record["status"] == "failed" and record["valid"] is False and len(record["gate"]) == 4


def test_both_models_from_elsewhere_are_judged_in_the_precision_that_was_asked_for(tmp_path, monkeypatch):
    from unlearnzoo.runs import evaluate as evaluating

    loaded, real = [], evaluating.Engine
    monkeypatch.setattr(
        evaluating, "Engine", lambda checkpoint: loaded.append(checkpoint.precision) or real(checkpoint)
    )
    monkeypatch.setattr(evaluating.Evaluator, "evaluate", lambda *rest: [])  # nobody need be asked
    assert evaluate(tmp_path, "--target", str(bare.MODEL), "--allow-unmemorised", "--precision", "bf16") == 0
    (folder,) = tmp_path.iterdir()
    assert loaded == ["bf16", "bf16"] and load(folder)["device"]["precision"] == "bf16"


def test_a_model_evaluated_with_redact_has_the_pseudonyms_of_a_run_redacted_afterwards(records, tmp_path):
    from unlearnzoo.cli import main

    shutil.copytree(records[0]["folder"], run := tmp_path / "run" / Path(records[0]["folder"]).name)
    assert main(["redact", str(run), "--yes"]) == 0
    adapter = ["--adapter", str(Path(records[0]["folder"]) / "adapter")]
    assert evaluate(tmp_path / "evaluated", *adapter, "--redact") == 0
    (folder,) = (tmp_path / "evaluated").iterdir()
    own = [s for s in read_samples(run / "samples.parquet") if s.model == "unlearned"]
    theirs = read_samples(folder / "samples.parquet")
    assert {(s.split, s.id, s.identity, s.question) for s in theirs} == {
        (s.split, s.id, s.identity, "") for s in own if utility_part(s.split) is None
    }
    assert load(folder)["benchmark"]["forget_identities"] == load(run)["benchmark"]["forget_identities"]


def test_the_target_is_judged_written_and_gone_before_the_other_model_loads(tmp_path, monkeypatch, capsys):
    """The device may not hold two, and the second may not load."""
    from unlearnzoo.errors import ModelError
    from unlearnzoo.runs import evaluate as evaluating

    load_engine, engines = evaluating.Engine, []

    def engine(checkpoint):
        if engines:
            engines.append(engines[0]())
            raise ModelError("there is no room")
        found = load_engine(checkpoint)
        engines.append(weakref.ref(found))
        return found

    monkeypatch.setattr(evaluating, "Engine", engine)
    assert evaluate(tmp_path, "--target", "tiny", "--allow-unmemorised", model="tiny") == 1
    assert "there is no room" in capsys.readouterr().err and engines[1] is None
    (folder,) = tmp_path.iterdir()
    assert load(folder)["status"] == "failed"
    samples = read_samples(folder / "samples.parquet")
    assert {s.model for s in samples} == {"target"} and {s.split for s in samples} > {"utility:figure", "retain"}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--adapter", "nowhere"), "there is no adapter_config.json"),
        (("--target", "nowhere"), "no model 'nowhere' is installed"),
        (("--bench", "remen"), "no benchmark 'remen'; did you mean 'remem'?"),
    ],
)
def test_evaluating_what_is_not_there(tmp_path, capsys, more, told):
    assert evaluate(tmp_path, *more) in (1, 2)
    assert told in capsys.readouterr().err and not list(tmp_path.iterdir())
