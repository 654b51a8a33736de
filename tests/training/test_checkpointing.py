"""Positions on disk: whole or not there, the newest by number, and whatever is odd about them is said."""

import json
import os
import pickle
import random
import stat
from typing import TypedDict

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.runs.test_survival import small_files
from unlearnzoo import Unlearner, option
from unlearnzoo.errors import CheckpointWarning, OptionError, RunError
from unlearnzoo.storage.atomic import file_hash
from unlearnzoo.storage.hashing import content_key
from unlearnzoo.storage.locks import Lock
from unlearnzoo.training.checkpointing import state
from unlearnzoo.training.checkpointing.checkpointer import Checkpointer
from unlearnzoo.training.checkpointing.interval import CheckpointInterval
from unlearnzoo.training.checkpointing.store import Store


def own(number):
    """Return the name of the file that one position alone stands on."""
    return f"own-{number:04}.parquet"


def store(folder, key="k", last=3):
    """Three positions, each on a file of its own and a common one."""
    made = Store(folder / "checkpoint", key)
    made.add("common-0000.parquet", lambda path: path.write_text("common-0000.parquet"))
    for number in range(1, last + 1):
        made.drop(own(number - 1))
        made.add(own(number), lambda path, n=number: path.write_text(f"own {n}" * 10))
        made.seal({"step": number})
    return made


def names(made):
    return sorted(path.name for path in made.folder.iterdir())


def test_the_last_two_are_kept_and_only_the_owner_sees_them(tmp_path):
    made = store(tmp_path)
    assert names(made) == ["000002.json", "000003.json", "common-0000.parquet", own(2), own(3)]
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in made.folder.iterdir()} == {0o600}
    again = Store(made.folder, "k")
    assert again.load() == {"step": 3} and sorted(again.files) == ["common-0000.parquet", own(3)]
    again.seal({"step": 4})
    assert names(again) == ["000003.json", "000004.json", "common-0000.parquet", own(3)]


def test_what_is_of_no_position_goes_and_the_lock_stays(tmp_path):
    made = store(tmp_path)
    before = names(made)
    (made.folder / ".own-0009.parquet-half").write_text("")
    with Lock(made.folder / "lock") as lock:
        made.sweep()
        assert names(made) == [*before[:3], "lock", "lock.holder", *before[3:]] and lock.held


def test_the_newest_is_told_by_its_number_and_by_no_clock(tmp_path):
    made = store(tmp_path)
    for path in made.folder.glob("000003*"):
        os.utime(path, (0, 0))
    assert Store(made.folder, "k").load() == {"step": 3}


@pytest.mark.parametrize("name", [own(3), "000003.json"])
@pytest.mark.parametrize("size", [0, 0.3, 0.9])
def test_a_truncated_write_is_passed_over(tmp_path, name, size):
    made = store(tmp_path)
    os.truncate(made.folder / name, int(size * (made.folder / name).stat().st_size))
    again = Store(made.folder, "k")
    with pytest.warns(CheckpointWarning, match=r"checkpoint 3 cannot be used .*the one before is used"):
        assert again.load() == {"step": 2}
    again.seal({"step": 5})
    assert Store(made.folder, "k").load() == {"step": 5} and "000003.json" not in names(again)


def test_each_flipped_bit_is_seen(tmp_path):
    made = store(tmp_path)
    for name in (own(3), "000003.json"):
        whole = (made.folder / name).read_bytes()
        for at in random.Random(0).sample(range(len(whole)), 40):
            bad = bytearray(whole)
            bad[at] ^= 1 << (at % 8)
            (made.folder / name).write_bytes(bad)
            with pytest.warns(CheckpointWarning):
                assert Store(made.folder, "k").load() == {"step": 2}, (name, at)
        (made.folder / name).write_bytes(whole)


def test_what_both_stand_on_is_gone(tmp_path):
    made = store(tmp_path)
    (made.folder / "common-0000.parquet").unlink()
    with pytest.warns(CheckpointWarning) as told:
        assert Store(made.folder, "k").load() is None
    first, second = (str(one.message) for one in told)
    assert "common-0000.parquet: No such file" in first and second.endswith("this stage starts again")


def test_that_of_another_run_is_not_used(tmp_path):
    made = store(tmp_path, key="theirs")
    with pytest.warns(CheckpointWarning, match="it is of another run"):
        assert Store(made.folder, "ours").load() is None


ELSEWHERE = ["../secret-0001.parquet", "/etc/passwd", "lock", "000003.json", "", ".", "own-0001.parquet/..", "\x1b"]


def forged(made, change):
    """Put a position in the place of the newest, with the right checksum: whoever sends one can compute it."""
    path = made.folder / "000003.json"
    body = json.loads(path.read_text())["position"] | change
    path.write_text(json.dumps({"sha256": content_key(body, 64), "position": body}))


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_position_names_no_file_but_such_as_are_written(tmp_path, monkeypatch, name):
    made = store(tmp_path)
    (tmp_path / "secret-0001.parquet").write_text("x")
    forged(made, {"files": {name: file_hash(tmp_path / "secret-0001.parquet")}})
    read, real = [], file_hash
    monkeypatch.setattr("unlearnzoo.training.checkpointing.store.file_hash", lambda p: read.append(p.name) or real(p))
    with pytest.warns(CheckpointWarning, match=r"checkpoint 3 .*is no file of a checkpoint\); the one before") as told:
        assert Store(made.folder, "k").load() == {"step": 2}
    assert sorted(read) == ["common-0000.parquet", own(2)] and "\x1b" not in str(told[0].message)


@pytest.mark.parametrize("change", [{"files": []}, {"files": {own(3): 1}}, {"facts": None}, {"format": "2"}])
def test_a_position_of_other_types_is_passed_over(tmp_path, change):
    made = store(tmp_path)
    forged(made, change)
    with pytest.warns(CheckpointWarning, match=r"checkpoint 3 cannot be used \(its list of files is damaged\)"):
        assert Store(made.folder, "k").load() == {"step": 2}


@pytest.mark.parametrize("content", ["[]", '{"sha256": "", "position": []}', '{"position": {}}', "[" * 100_000])
def test_a_position_that_is_none(tmp_path, content):
    made = store(tmp_path)
    (made.folder / "000003.json").write_text(content)
    with pytest.warns(CheckpointWarning, match=r"\(its list of files is damaged\)"):
        assert Store(made.folder, "k").load() == {"step": 2}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
@pytest.mark.parametrize("name", ["000003.json", own(3)])
def test_a_pipe_in_its_place_does_not_wait(tmp_path, name):
    made = store(tmp_path)
    (made.folder / name).unlink()
    os.mkfifo(made.folder / name)
    with pytest.warns(CheckpointWarning, match="checkpoint 3 cannot be used"):
        assert Store(made.folder, "k").load() == {"step": 2}


class Trap:
    """Says so when it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("it was unpickled",)


def test_nothing_is_unpickled(tmp_path):
    made = store(tmp_path)
    (made.folder / own(3)).write_bytes(pickle.dumps(Trap()))
    (made.folder / "000003.json").write_bytes(pickle.dumps(Trap()))
    with pytest.warns(CheckpointWarning):
        Store(made.folder, "k").load()
    # Not even one whose checksum is right.
    forged = Store(tmp_path / "forged", "k")
    forged.add("state-000001.safetensors", lambda path: torch.save({"x": Trap()}, path))
    forged.seal({"rng": {}, "training": {"done": 1, "pending": None}})
    with pytest.raises(RunError, match="checkpoint 1 is none that a run writes"):
        Checkpointer(Store(tmp_path / "forged", "k"), CheckpointInterval())


def test_a_full_disk_costs_a_warning_and_keeps_what_was_there(tmp_path):
    made, parameter = Store(tmp_path / "checkpoint", "k"), torch.nn.Parameter(torch.zeros(100))
    optimizer = torch.optim.AdamW([parameter])
    # The generators' state alone is larger than what may be written then.
    checkpointer = Checkpointer(made, CheckpointInterval(steps=1))
    checkpointer.begin([parameter], optimizer)
    checkpointer.step(1)
    before = names(made)
    with small_files(), pytest.warns(CheckpointWarning, match="no checkpoint was written: .*the run goes on") as told:
        [checkpointer.step(done) for done in (2, 3)]  # said once
    assert len(told) == 1 and names(made) == before
    assert Store(made.folder, "k").load()["training"]["done"] == 1
    checkpointer.step(4)
    assert Store(made.folder, "k").load()["training"]["done"] == 4


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("50", CheckpointInterval(50)),
        ("30s", CheckpointInterval(None, 30)),
        ("1.5m", CheckpointInterval(None, 90)),
        ("2h", CheckpointInterval(None, 7200)),
        ("never", CheckpointInterval()),
    ],
)
def test_how_often(text, wanted):
    assert CheckpointInterval.parse(text) == wanted


@pytest.mark.parametrize("text", ["0", "5 minutes", "-3", "m", ""])
def test_how_often_in_other_words_is_refused(text):
    with pytest.raises(OptionError, match="write steps"):
        CheckpointInterval.parse(text)


def test_by_time_it_never_takes_more_than_its_share(tmp_path, monkeypatch):
    now, writes = [0.0], []
    monkeypatch.setattr("unlearnzoo.training.checkpointing.checkpointer.time.monotonic", lambda: now[0])
    checkpointer = Checkpointer(Store(tmp_path / "checkpoint", "k"), CheckpointInterval(None, 60))
    monkeypatch.setattr(checkpointer, "_save", lambda *rest: (writes.append(now[0]), now.__setitem__(0, now[0] + 6)))
    for _ in range(2000):
        now[0] += 1
        checkpointer.step(1)
    spent = 6 * len(writes)
    assert writes[0] == 60 and spent / now[0] <= 0.02 * 1.6 and len(writes) == 7  # 60, then one in 306


def test_the_optimiser_goes_on_bit_by_bit(tmp_path):
    def made():
        torch.manual_seed(0)
        parameters = [torch.nn.Parameter(torch.randn(3, 4)), torch.nn.Parameter(torch.randn(5))]
        return parameters, torch.optim.AdamW(parameters, lr=0.1, betas=(0.9, 0.95))

    def steps(parameters, optimizer, some):
        for i in some:
            optimizer.zero_grad()
            sum((p * (i + 1)).sin().sum() for p in parameters).backward()
            optimizer.step()
        return [p.detach().clone() for p in parameters]

    whole = steps(*made(), range(9))
    parameters, optimizer = made()
    steps(parameters, optimizer, range(4))
    kept = state.training_state(parameters, optimizer)
    steps(parameters, optimizer, range(4, 6))  # what is lost
    parameters, optimizer = made()
    state.load_training_state(parameters, optimizer, kept)
    assert all(torch.equal(a, b) for a, b in zip(steps(parameters, optimizer, range(4, 9)), whole, strict=True))


def test_generators_go_on():
    facts, tensors = state.rng_state()
    wanted = random.random(), float(np.random.rand()), float(torch.rand(1))
    state.seed(5)
    state.set_rng_state(json.loads(json.dumps(facts)), tensors)
    assert (random.random(), float(np.random.rand()), float(torch.rand(1))) == wanted


def test_of_the_gpus_a_process_keeps_its_own_alone(monkeypatch):
    """Whoever goes on may have fewer of them, and each of several processes has another."""
    gpu, put = torch.arange(4, dtype=torch.uint8), []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "set_rng_state", put.append)
    for every in ("get_rng_state_all", "set_rng_state_all"):
        monkeypatch.setattr(torch.cuda, every, lambda *rest: pytest.fail("it asks for all of them"))
    state.set_rng_state(*state.rng_state())
    assert len(put) == 1 and torch.equal(put[0], gpu)


class OnGpu(torch.Tensor):
    """Says that it lies on the second GPU."""

    device = torch.device("cuda", 1)


def test_what_an_algorithm_noted_on_a_gpu_goes_to_that_of_the_process(monkeypatch):
    one, went = Noted(), []
    one.seen = torch.arange(3).as_subclass(OnGpu)
    facts, tensors = state.algorithm_state(one, set())
    monkeypatch.setattr(torch.Tensor, "to", lambda self, device: went.append(device))
    state.load_algorithm_state(Noted(), facts, tensors, set())
    assert went == ["cuda"]  # torch: the current one


class Noted:
    """An algorithm with all kinds of notes."""

    def __init__(self):
        self.option, self.module = 1, torch.nn.Linear(2, 2)
        self.count, self.name, self.seen = 3, "x", {"a": [1, (2.5, None)], 4: torch.arange(3)}
        self.draw, self.other, self.third = torch.Generator().manual_seed(3), random.Random(3), np.random.default_rng(3)


def test_notes_of_an_algorithm_go_on():
    one = Noted()
    torch.rand(2, generator=one.draw), one.other.random(), one.third.random()
    facts, tensors = state.algorithm_state(one, {"option"})
    assert "option" not in facts and "module" not in facts
    other = Noted()
    kept, module = other.draw, other.module
    other.count, other.seen, other.option = 0, None, 9
    state.load_algorithm_state(other, json.loads(json.dumps(facts)), tensors, {"option"})
    assert (other.count, other.name, other.option) == (3, "x", 9)
    assert other.seen["a"] == [1, (2.5, None)] and torch.equal(other.seen[4], torch.arange(3))
    assert other.draw is kept and other.module is module
    for draw in (
        lambda n: torch.rand(1, generator=n.draw).item(),
        lambda n: n.other.random(),
        lambda n: n.third.random(),
    ):
        assert draw(one) == draw(other)


def test_an_algorithm_that_takes_another_way_is_refused(tmp_path):
    checkpointer = Checkpointer(Store(tmp_path / "c", "k"), CheckpointInterval(steps=1))
    checkpointer.record("generate", texts=["a"], steps=0)
    again = Checkpointer(Store(tmp_path / "c", "k"), CheckpointInterval(steps=1))
    with pytest.raises(RunError, match="called 'train' where it called 'generate' before"):
        again.replay("train")
    assert Checkpointer(Store(tmp_path / "c", "k"), CheckpointInterval()).replay("generate")["texts"] == ["a"]


class Counting(Unlearner):
    """Notes a number of its own."""

    name = "counting"
    beta: float = option(0.1, "Strength")
    calls = 0

    def loss(self, forget):
        return -forget.nll


def parameters():
    torch.manual_seed(0)
    made = [torch.nn.Parameter(torch.randn(3, 4))]
    return made, torch.optim.AdamW(made)


def kept(folder):
    """Keep a position within a training, as a run does: what it says, and its tensors."""
    made, algorithm = Store(folder, "k"), Counting()
    algorithm.calls, algorithm.draw = 3, torch.Generator().manual_seed(1)
    checkpointer = Checkpointer(made, CheckpointInterval(steps=1), lambda: {"steps": 1}, algorithm=algorithm)
    checkpointer.record("generate", texts=["a"], steps=0)
    ours, optimizer = parameters()
    checkpointer.begin(ours, optimizer)
    ours[0].sum().backward()
    optimizer.step()
    checkpointer.step(1)
    (name,) = (name for name in made.files if name.startswith("state-"))
    return made, name


def resealed(folder, change, tensors=dict):
    """Write a position anew, with checksums that fit, as whoever sends a folder can."""
    made, name = kept(folder)
    facts, whole = Store(folder, "k").load(), load_file(folder / name)
    change(facts)
    made.add(name, lambda path: save_file(whole | tensors(), path))
    made.seal(facts)


def taken_up(folder):
    """Go on from a position; return the algorithm and the parameter."""
    algorithm, (ours, optimizer) = Counting(), parameters()
    checkpointer = Checkpointer(Store(folder, "k"), CheckpointInterval(), algorithm=algorithm)
    checkpointer.left(Steps)
    checkpointer.replay("generate")
    checkpointer.begin(ours, optimizer)
    return algorithm, ours[0]


class Steps(TypedDict):
    steps: int


def test_what_a_run_kept_is_taken_up(tmp_path):
    resealed(tmp_path, lambda facts: None)
    algorithm, ours = taken_up(tmp_path)
    assert algorithm.calls == 3 and algorithm.beta == 0.1 and algorithm.draw.initial_seed() == 1
    assert torch.equal(ours, load_file(tmp_path / "state-000002.safetensors")["parameter.0"])


def put(*path, value=None):
    """Return what puts a value into a position's facts; None takes the key out."""

    def change(facts):
        for key in path[:-1]:
            facts = facts[key]
        facts.pop(path[-1]) if value is None else facts.__setitem__(path[-1], value)

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (put("rng"), "missing required field `rng`"),
        (put("journal"), "missing required field `journal`"),
        (put("rng", "python", value=[3, [1], None]), "length >= 625 - at `$.rng.python[1]`"),
        (put("rng", "numpy", value=["PCG64", 0, 0, 0.0]), "Invalid enum value 'PCG64'"),
        (put("training", "done", value=-1), "`int` >= 0 - at `$.training.done`"),
        (put("training", "done", value=10**30), "$.training.done"),
        (put("training", "pending", value=["x"]), "got `array` - at `$.training.pending`"),
        (put("journal", 0, "texts", value=[1]), "Expected `str`, got `int` - at `$.journal[0].texts[0]`"),
        (put("extra_state", "steps", value="1"), "Expected `int`, got `str` - at `$.steps`"),
        (put("algorithm"), "algorithm is missing"),
        (put("algorithm", "beta", value=5.0), "beta is nothing that an algorithm notes"),
        (put("algorithm", "loss", value="x"), "loss is nothing that an algorithm notes"),
        (put("algorithm", "values", value="x"), "values is nothing that an algorithm notes"),
        (put("algorithm", "gold_standard", value=True), "gold_standard is nothing that an algorithm notes"),
        (put("algorithm", "__class__", value="x"), "__class__ is nothing that an algorithm notes"),
        (put("algorithm", "calls", value={"eval": "1"}), "{'eval': '1'} is no note of an algorithm"),
        (put("algorithm", "calls", value={"tensor": "elsewhere", "device": "cpu"}), "elsewhere is missing"),
        (put("algorithm", "calls", value={"tensor": "attribute.draw", "device": "meta"}), "is no note of an algorithm"),
        (put("algorithm", "calls", value={"tensor": "attribute.draw", "device": "\x1b[31m"}), "device"),
        (put("algorithm", "calls", value={"random": [3, [1], None]}), "state vector"),
        (put("algorithm", "calls", value={"numpy": {"bit_generator": "PCG64"}}), "state"),
        (put("algorithm", "calls", value={"dict": [[1]]}), "unpack"),
        (put("algorithm", "calls", value={"dict": [[{"list": []}, 1]]}), "unhashable"),
        (put("algorithm", "draw", value={"generator": "parameter.0"}), "RNG"),
    ],
)
def test_facts_that_no_run_writes_are_refused_by_name(tmp_path, change, told):
    """Their checksums fit: they are of no secret."""
    resealed(tmp_path, change)
    with pytest.raises(RunError) as refused:
        taken_up(tmp_path)
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{tmp_path}: checkpoint 3 is none that a run writes (") and told in line, line
    assert line.endswith("remove this folder, and the stage starts again") and "\x1b" not in line


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("parameter.0", torch.zeros(4), "parameter.0 has the shape (4,), expected (3, 4)"),  # it would be spread
        ("parameter.1", torch.zeros(4), "parameter.1 is of no parameter"),
        ("optimizer.x", torch.zeros(4), "optimizer.x is of no parameter"),
        ("optimizer.0.exp_avg", torch.zeros(1, 4), "optimizer.0.exp_avg has the shape (1, 4), expected (3, 4)"),
        ("rng.torch", torch.zeros(4, dtype=torch.uint8), "RNG state"),
        ("rng.numpy", torch.zeros(4), "rng.numpy has the shape (4,), expected (624,)"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_by_name(tmp_path, name, value, told):
    resealed(tmp_path, lambda facts: None, lambda: {name: value})
    with pytest.raises(RunError, match="checkpoint 3 is none that a run writes") as refused:
        taken_up(tmp_path)
    assert told in str(refused.value)


def test_a_folder_that_has_become_a_link_is_neither_written_nor_swept(tmp_path):
    made, elsewhere = store(tmp_path), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("mine")
    made.folder.rename(tmp_path / "moved")
    made.folder.symlink_to(elsewhere)
    for write in (made.sweep, lambda: made.seal({}), lambda: made.add(own(9), lambda path: path.write_text("secret"))):
        with pytest.raises(RunError, match="checkpoint: a link"):
            write()
    assert [path.name for path in elsewhere.iterdir()] == ["precious"]
