"""A run that was stopped anywhere goes on to the same result, bit by bit; a broken part of that shows."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.support import broken, three
from tests.support.resuming import by_algorithm, differences, killed
from unlearnzoo.cli import main
from unlearnzoo.evaluation.evaluator import Evaluator
from unlearnzoo.evaluation.samples import read_samples
from unlearnzoo.records.store import load
from unlearnzoo.runs import stage_two
from unlearnzoo.storage.cache import cache_folder
from unlearnzoo.training import loop, stages, trainer
from unlearnzoo.training.checkpointing import state as training_state
from unlearnzoo.training.checkpointing.checkpointer import Checkpointer

#: Two phases, an adapter put back, a look of its own, and every kind of state that a method can hold.
NOISY = """
import torch
from unlearnzoo import Unlearner, hookimpl
class Noisy(Unlearner):
    '''Draws and counts.'''
    name = "noisy"
    def prepare(self, trainer):
        self.own, self.seen = torch.Generator().manual_seed(7), [0]
        self.said = trainer.generate(trainer.pools["forget"][:2])
    def loss(self, forget, forget_ref):
        self.seen[0] += 1
        noise = torch.rand(forget.n) + torch.rand(forget.n, generator=self.own)
        return -forget.nll * noise / self.seen[0] + 0.1 * (forget.logps - forget_ref.logps)
    def unlearn(self, trainer):
        trainer.train(lambda forget: forget.nll, probe=False)
        trainer.set_adapter(trainer.adapter().times(-0.5))
        trainer.probe(strength=0.5)
        trainer.train()
@hookimpl
def unlearnzoo_unlearners():
    return [Noisy]
"""
#: A random model has nothing to remember: only the way matters here. 6 steps of stage 1, then 5 + 5 and 5.
OPTIONS = {
    "learn.steps": 6,
    "learn.epochs": 1,
    "learn.replay": 0,
    "learn.rank": 4,
    "learn.alpha": 8,
    "unlearn.steps": 5,
    "unlearn.rank": 4,
    "unlearn.alpha": 8,
    "unlearn.lr": 0.02,
    "remem.qa": 10,
}
PART = 40
#: A utility benchmark in a record.
QUIZ = {"distribution": "d", "version": "1", "options": {}, "data": "other"}
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def command(tmp_path_factory, checkpoint_folder):
    """The command line of two algorithms."""
    plugin = tmp_path_factory.mktemp("plugin") / "noisy.py"
    plugin.write_text(NOISY)
    return [
        "run",
        "--algo",
        "noisy,kl",
        "--bench",
        "remem",
        "--model",
        str(checkpoint_folder),
        "--allow-unmemorised",
        "--plugin",
        str(plugin),
        "--checkpoint-every",
        "2",
        *three.arguments(**OPTIONS),
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, command):
    """The run that nobody stops: its records by algorithm, and its cache without what stage 1 left."""
    place = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNLEARNZOO_CACHE", str(place / "cache"))
        patch.setattr("unlearnzoo.evaluation.evaluator.PART", PART)
        assert main([*command, "--runs-dir", str(place / "runs")]) == 0
    full = place / "cache"
    empty = shutil.copytree(full, place / "empty")
    for name in ("targets", "judged"):
        shutil.rmtree(empty / name)
    return by_algorithm(place / "runs"), full, empty


@pytest.fixture
def place(whole, tmp_path, monkeypatch):
    """A folder for runs, and a cache that holds the data but not the target."""
    shutil.copytree(whole[2], tmp_path / "cache")
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("unlearnzoo.evaluation.evaluator.PART", PART)
    return tmp_path / "runs"


def learned(whole):
    """Let the target be in the cache."""
    shutil.rmtree(cache_folder())
    shutil.copytree(whole[1], cache_folder(), dirs_exist_ok=True)


def resumed(runs, *more):
    """Resume as a user does who trusts the plugin that the run was started with."""
    record = next(iter(runs.glob("*/run.json")))
    plugins = [word for name in json.loads(record.read_text())["arguments"]["plugins"] for word in ("--plugin", name)]
    return main(["run", "--resume", "--runs-dir", str(runs), *plugins, *more])


def compare(whole, runs):
    found = by_algorithm(runs)
    assert found.keys() == whole[0].keys()
    return {name: differences(whole[0][name], folder) for name, folder in found.items()}


#: Where stage 1 is over its target is cached: it is not learned and judged again for each. Once it is, with stage 2.
@pytest.mark.parametrize(
    ("where", "name", "after", "cached"),
    [
        pytest.param(loop, "_step", 3, False, id="in stage 1"),
        pytest.param(loop, "_step", 5, False, id="in its last step", marks=slow),
        pytest.param(Evaluator, "evaluate", 0, False, id="before judging", marks=slow),
        pytest.param(Evaluator, "evaluate", 2, False, id="in judging base and target", marks=slow),
        pytest.param(loop, "_step", 0, True, id="before stage 2", marks=slow),
        pytest.param(loop, "_step", 3, True, id="in a first phase", marks=slow),
        pytest.param(Checkpointer, "record", 1, True, id="after the last step of a phase", marks=slow),
        pytest.param(loop, "_step", 14, False, id="in a second phase"),
        pytest.param(stage_two, "export", 0, True, id="in the last writes", marks=slow),
        pytest.param(stage_two.StageTwo, "run", 1, True, id="between two algorithms", marks=slow),
        pytest.param(loop, "_step", 13, True, id="in the second algorithm", marks=slow),
    ],
)
def test_stopped_there_it_goes_on_to_the_same_result(command, whole, place, monkeypatch, where, name, after, cached):
    if cached:
        learned(whole)
    with killed(monkeypatch, where, name, after):
        main([*command, "--runs-dir", str(place)])
    assert resumed(place) == 0
    assert compare(whole, place) == {"noisy": [], "kl": []}
    for folder in by_algorithm(place).values():
        assert len(load(folder).get("resumed", [])) <= 1 and not (folder / "checkpoint").exists()
    assert not list(cache_folder("targets").glob("*-partial"))
    assert resumed(place) == 1  # there is nothing left to do


@slow
def test_the_unlearned_model_is_judged_by_part(command, whole, place, monkeypatch, capsys):
    learned(whole)
    with killed(monkeypatch, Evaluator, "evaluate", 1):
        main([*command, "--runs-dir", str(place)])
    folder = by_algorithm(place)["noisy"]
    assert len(list((folder / "checkpoint").glob("judged-*"))) == 1
    asked, real = [], Evaluator.evaluate
    monkeypatch.setattr(
        Evaluator, "evaluate", lambda self, items, state: asked.append(state) or real(self, items, state)
    )
    assert resumed(place) == 0
    parts = -(-len(read_samples(folder / "samples.parquet")) // 3 // PART)  # of base, target and unlearned alike
    assert asked.count("unlearned") <= 2 * parts - 1 and "target" not in asked
    assert compare(whole, place) == {"noisy": [], "kl": []}


@pytest.fixture(scope="module")
def halted(whole, command, tmp_path_factory):
    """A run that was stopped past a checkpoint of the second phase; to be copied."""
    place = tmp_path_factory.mktemp("halted") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNLEARNZOO_CACHE", str(whole[1]))
        patch.setattr("unlearnzoo.evaluation.evaluator.PART", PART)
        with killed(patch, loop, "_step", 9):
            main([*command, "--runs-dir", str(place)])
    return place


@pytest.mark.parametrize(
    "mutant",
    ["sampler", *(pytest.param(name, marks=slow) for name in sorted(set(broken.MUTANTS) - {"none", "sampler"}))],
)
def test_what_is_not_kept_shows(halted, whole, place, monkeypatch, mutant):
    learned(whole)
    shutil.copytree(halted, place)
    for module, name in (
        (stages, "skip_to_checkpoint"),
        (trainer, "skip_to_checkpoint"),
        (training_state, "load_training_state"),
        (training_state, "set_rng_state"),
        (training_state, "load_algorithm_state"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))  # put back at the end
    broken.MUTANTS[mutant]()
    assert resumed(place) == 0
    assert "adapter/adapter_model.safetensors" in compare(whole, place)["noisy"]


def test_sigterm_keeps_the_step_in_progress(command, whole, place, monkeypatch, capsys):
    learned(whole)
    calls, real = [], loop._step

    def step(*args):
        calls.append(1)
        if len(calls) == 8:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_step", step)
        assert main([*command, "--runs-dir", str(place), "--checkpoint-every", "never"]) == 143
    told = capsys.readouterr().err
    assert told.splitlines()[-1] == "Terminated" and "unlearnzoo run --resume" in told
    record = load(by_algorithm(place)["noisy"])
    assert record["status"] == "interrupted" and record["error"] == "terminated by SIGTERM"
    assert resumed(place) == 0
    assert load(by_algorithm(place)["noisy"])["resumed"][0]["step"] == 8  # 5, a look, and 2; the third is told again
    assert compare(whole, place) == {"noisy": [], "kl": []}


@slow
def test_out_of_memory(command, whole, place, monkeypatch, capsys):
    learned(whole)
    calls, real = [], loop._step

    def step(*args):
        calls.append(1)
        if len(calls) == 8:
            raise MemoryError("no room")
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_step", step)
        assert main([*command, "--runs-dir", str(place)]) == 70
    assert "unlearnzoo run --resume" in capsys.readouterr().err
    assert load(by_algorithm(place)["noisy"])["status"] == "failed"
    assert resumed(place) == 0
    assert compare(whole, place) == {"noisy": [], "kl": []}


@slow
def test_a_damaged_checkpoint_is_passed_over(halted, whole, place, capsys):
    learned(whole)
    shutil.copytree(halted, place)
    newest = max((by_algorithm(place)["noisy"] / "checkpoint").glob("state-*"))
    os.truncate(newest, 100)
    assert resumed(place) == 0
    told = capsys.readouterr().err
    assert "cannot be used (" in told and "was truncated or changed); the one before is used" in told
    assert compare(whole, place) == {"noisy": [], "kl": []}


@pytest.fixture(scope="module")
def stopped(halted):
    """The same, to be looked at."""
    return halted


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--seed", "3"], "--seed 3: the run was started with 0; leave it out, or start a new run"),
        (["--algo", "kl"], "--algo kl: the run was started with noisy,kl"),
        (["--set", "unlearn.steps=9"], "--set unlearn.steps=9: the run was started with 5"),
        (["--set", "unlearn.clip=2"], "--set unlearn.clip=2: the run was started without it"),
        (["--forget", "20%"], "--forget 20%: the run was started with 33%"),
    ],
)
def test_other_options_are_refused_by_name(stopped, whole, monkeypatch, capsys, more, told):
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(whole[1]))
    assert resumed(stopped, "--dry-run", *more) == 2
    assert told in capsys.readouterr().err


def edited(stopped, tmp_path, change):
    """Copy the stopped run, its record changed as if something had been another then."""
    runs = shutil.copytree(stopped, tmp_path / "runs")
    for folder in runs.iterdir():
        record = json.loads((folder / "run.json").read_text())
        change(record)
        (folder / "run.json").write_text(json.dumps(record))
    return runs


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda r: r["benchmark"].update(data="other"), "benchmark.data was other and is "),
        (lambda r: r["model"].update(weights="other"), "model.weights was other and is "),
        (lambda r: r["plan"]["unlearn"]["values"].update(clip=7.0), "plan.unlearn.values.clip was 7.0 and is "),
        (
            lambda r: r["metrics"]["unlearnzoo-metrics/em"].update(version="9"),
            "metrics.unlearnzoo-metrics/em.version was 9",
        ),
        (lambda r: r.update(utility={"quiz": QUIZ}), f"utility.quiz was {QUIZ} and is None"),
        (lambda r: r["versions"].update(unlearnzoo="9"), "started with unlearnzoo 9, this is 0"),
        (
            lambda r: r["arguments"]["plugins"].update(dict.fromkeys(r["arguments"]["plugins"], "x")),
            "noisy.py is not there, or not the file that the run was started with",
        ),
    ],
)
def test_what_would_be_another_run_is_refused(stopped, whole, tmp_path, monkeypatch, capsys, change, told):
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(whole[1]))
    assert resumed(edited(stopped, tmp_path, change), "--dry-run") == 1
    assert told in capsys.readouterr().err


def test_what_may_change_last_digits_is_said(stopped, whole, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(whole[1]))
    runs = edited(stopped, tmp_path, lambda r: r["versions"].update(torch="1.0") or r.pop("utility"))
    assert resumed(runs, "--dry-run", "--checkpoint-every", "5m") == 0
    told = capsys.readouterr().err
    assert "last digits may differ: versions.torch: 1.0, now 2" in told and "resuming" in told


def test_a_run_that_is_running_is_left_alone(stopped, whole, monkeypatch, capsys):
    from unlearnzoo.records.run_file import locked

    monkeypatch.setenv("UNLEARNZOO_CACHE", str(whole[1]))
    with locked(by_algorithm(stopped)["noisy"]):
        assert resumed(stopped) == 1
    assert f"it is running (process {os.getpid()} on " in capsys.readouterr().err


def test_the_newest_is_told_by_name_and_not_by_a_clock(stopped, tmp_path):
    from unlearnzoo.runs.resume import find

    folder = shutil.copytree(by_algorithm(stopped)["noisy"], tmp_path / "runs" / "2020-01-01T00-00-00Z_old")
    text = (folder / "run.json").read_text()
    (folder / "run.json").write_text(text.replace(json.loads(text)["group"], "old"))
    for old in by_algorithm(stopped).values():
        shutil.copytree(old, tmp_path / "runs" / old.name)
        os.utime(tmp_path / "runs" / old.name, (0, 0))
    assert {Path(r["folder"]).name for r in find("newest", tmp_path / "runs").records} == {
        p.name for p in by_algorithm(stopped).values()
    }
