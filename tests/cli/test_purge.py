"""``unlearnzoo purge``: what held people's data is gone, scores stay, and nothing else is touched."""

import hmac
import io
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.records import finished
from unlearnzoo.cli import main
from unlearnzoo.errors import RunError
from unlearnzoo.models import adapter_export
from unlearnzoo.records import purge, store
from unlearnzoo.records.record import Record
from unlearnzoo.storage.atomic import file_hash
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


HOLD = """
import sys
from unlearnzoo.storage.cache import in_use
with in_use():
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def another(run):
    """Another command at work, in a process of its own, with records elsewhere."""
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.stdin.close()


@pytest.mark.parametrize("what", [["--all"], ["RUN"]])
def test_what_another_command_uses_stays(run, another, tmp_path, capsys, what):
    before = [left(run), {*left(tmp_path / "cache")}]
    assert main(["purge", *[str(run) if word == "RUN" else word for word in what], "--yes"]) == 1
    err = capsys.readouterr().err
    assert f"{tmp_path / 'cache'}: it is in use (process {another.pid} on " in err and len(err.splitlines()) == 1
    assert [left(run), {*left(tmp_path / "cache")}] == before


def test_a_run_that_shares_nothing_goes_meanwhile(another, tmp_path):
    alone = made(tmp_path / "elsewhere", key="a" * 20, judged=[])
    assert main(["purge", str(alone), "--yes"]) == 0 and left(alone) == ["run.json"]


@pytest.mark.parametrize(
    "line",
    [
        ["run", "--algo", "npo", "--bench", "remem"],
        ["learn", "--bench", "remem"],
        ["evaluate", "--bench", "remem", "--model", "tiny"],
        ["tune", "--algo", "npo", "--bench", "remem"],
        ["diagnose", "--bench", "remem"],
    ],
    ids=lambda line: line[0],
)
def test_each_command_with_a_model_is_such_a_one(run, tmp_path, monkeypatch, capsys, line):
    codes = []

    def plan(*arguments, **named):
        codes.append(main(["purge", "--all", "--yes"]))
        raise RunError("enough")

    monkeypatch.setattr("unlearnzoo.planning.make.make_plan", plan)
    monkeypatch.setattr("unlearnzoo.tuning.protocol.make_plan", plan)
    assert main(line) == 1 and codes == [1]
    assert f"it is in use (process {os.getpid()} on " in capsys.readouterr().err
    assert main(["purge", "--all", "--yes"]) == 0 and not list((tmp_path / "cache").iterdir())


def test_nothing_starts_while_it_asks(run, tmp_path, monkeypatch, capsys):
    class Answer(io.StringIO):
        def readline(self, *rest):
            codes.append(main(["learn", "--bench", "remem", "--runs-dir", str(tmp_path / "other")]))
            return "y\n"

    codes = []
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda text: Answer().readline().strip())
    assert main(["purge", str(run)]) == 0 and codes == [1]
    assert "it is being purged" in capsys.readouterr().err and left(run) == ["run.json"]


def test_a_run_that_left_nothing(run, tmp_path, capsys):
    with Record.open(tmp_path / "runs", algo="npo", bench="remem", algorithm={"name": "npo"}) as record:
        record.update(error="stopped")
    assert main(["purge", str(record.folder), "--yes"]) == 0
    assert "nothing to remove" in capsys.readouterr().err


def manifest_of(folder):
    (file,) = folder.glob("purged-*.json")
    return json.loads(file.read_text())


def test_a_manifest_says_what_went_and_what_no_purge_reaches(run, tmp_path, capsys):
    (run / "link").symlink_to(tmp_path / "nowhere")
    was = {path: file_hash(path) for path in (run / "samples.parquet", run / "adapter" / "adapter_model.safetensors")}
    assert main(["purge", str(run), "--yes"]) == 0
    file = next((tmp_path / "runs").glob("purged-*.json"))
    assert f"manifest: {file}" in capsys.readouterr().err and file.stat().st_mode & 0o777 == 0o600
    told = manifest_of(tmp_path / "runs")
    removed = {row["path"]: row for row in told["removed"]}
    assert {path: removed[str(path)]["sha256"] for path in was} == was
    assert removed[str(cache_folder("targets") / KEY / "adapter_model.safetensors")]["bytes"] == 600
    assert told["not_found"] == [str(run / "checkpoint"), str(cache_folder("targets") / f"{KEY}-partial")]
    assert str(run / "run.json") in told["stays"] and told["not_removed"] == told["rewritten"] == []
    assert "backups" in told["beyond_reach"][0] and told["names"] is None


def test_a_manifest_goes_where_it_is_told(run, tmp_path, capsys):
    for name, said in [("runs", "it is there already"), ("no/x.json", "cannot be written there")]:
        assert main(["purge", str(run), "--yes", "--manifest", name]) == 1
        assert said in capsys.readouterr().err and (run / "adapter").is_dir()
    assert main(["purge", str(run), "--yes", "--manifest", str(run / "adapter" / "x.json")]) == 1
    assert "it lies in what is removed" in capsys.readouterr().err and (run / "adapter").is_dir()
    assert main(["purge", "--all", "--yes", "--manifest", "all.json"]) == 0
    paths = {row["path"] for row in json.loads((tmp_path / "all.json").read_text())["removed"]}
    assert any(OTHER in path for path in paths)


def test_what_could_not_be_removed_is_in_the_manifest(run, tmp_path, monkeypatch):
    monkeypatch.setattr("unlearnzoo.records.purge.shutil.rmtree", failing)
    assert main(["purge", str(run), "--yes"]) == 1
    told = manifest_of(tmp_path / "runs")
    assert str(run / "adapter" / "adapter_model.safetensors") in told["not_removed"]


def failing(path):
    raise PermissionError(13, "Permission denied")


def test_names_become_salted_hashes_that_who_has_the_salt_can_prove(run, tmp_path, capsys):
    """Of forget identities, and of people that only the samples tell, in paths and the command line too."""
    people = store.load(run)["benchmark"]["forget_identities"]
    edit(run, command="unlearnzoo run --set folder.data=/data/p19/rows.csv --seed 7", arguments={"set": {"seed": 7}})
    before = store.load(run)
    assert main(["purge", str(run), "--names", "--yes"]) == 0
    said = capsys.readouterr().err
    salt = bytes.fromhex(re.search(r"salt of the names: ([0-9a-f]{32}) ", said)[1])
    after, text = store.load(run), (run / "run.json").read_text()
    hashed = {name: "p" + hmac.new(salt, name.encode(), "sha256").hexdigest()[:16] for name in [*people, "p19"]}
    assert sorted(after["benchmark"]["forget_identities"]) == sorted(hashed[name] for name in people)
    assert after["command"] == f"unlearnzoo run --set folder.data=/data/{hashed['p19']}/rows.csv --seed 7"
    assert not re.search(r"\bp\d\d\b", text) and salt.hex() not in text
    assert after["results"] == before["results"] and after["purged"] and after["redacted"]
    assert salt.hex() not in next((tmp_path / "runs").glob("purged-*.json")).read_text()
    assert "HMAC-SHA256" in manifest_of(tmp_path / "runs")["names"]
    assert main(["report", str(run)]) == 0
    assert main(["purge", str(run), "--names", "--yes"]) == 0
    assert "its people are pseudonyms already" in capsys.readouterr().err
    assert store.load(run)["benchmark"] == after["benchmark"]


def test_names_that_cannot_be_known_are_said(run, capsys):
    (run / "samples.parquet").unlink()
    assert main(["purge", str(run), "--names", "--yes"]) == 0
    assert "names are known of the forget identities alone" in capsys.readouterr().err
    damaged = made(run.parent)
    (damaged / "run.json").write_text("{")
    assert main(["purge", str(damaged), "--names", "--yes"]) == 0
    assert "its record is damaged, and may hold names: remove the folder" in capsys.readouterr().err


def test_the_adapter_of_the_unlearned_model_stays_and_its_target_cannot_be_cut_out(run, capsys):
    """As saved, the first ranks are the target; afterwards no cut is, and the sum is the same."""
    draw = torch.Generator().manual_seed(0)
    names = ["base_model.model.x.lora_A.weight", "base_model.model.x.lora_B.weight"]
    (a, b), (c, d) = ([torch.randn(*size, generator=draw) for size in ((r, 12), (9, r))] for r in (4, 2))
    whole = adapter_export.joined([(dict(zip(names, pair, strict=True)), 1.0) for pair in ((a, b), (c, d))])
    file = run / "adapter" / "adapter_model.safetensors"
    assert main(["purge", str(run), "--keep-unlearned", "--yes"]) == 1
    assert "holds no adapter that a run saved" in capsys.readouterr().err and (run / "samples.parquet").exists()
    save_file(whole, file)
    (run.parent / next(run.parent.glob("purged-*.json")).name).unlink()
    capsys.readouterr()
    assert main(["purge", str(run), "--keep-unlearned", "--yes"]) == 0
    assert f"written anew, the target mixed in: {file.parent}" in capsys.readouterr().err
    fresh = load_file(file)
    down, up = (fresh[name] for name in names)
    assert torch.allclose(up @ down, b @ a + d @ c, atol=1e-5) and down.shape == (6, 12)
    assert torch.allclose(whole[names[1]][:, :4] @ whole[names[0]][:4], b @ a)
    cuts = [up[:, i:j] @ down[i:j] for i in range(6) for j in range(i + 1, 7)]
    assert min(torch.dist(cut, b @ a) for cut in cuts) > torch.dist(d @ c, torch.zeros(())) / 3
    assert left(run) == ["adapter/adapter_model.safetensors", "run.json"]
    assert store.load(run)["files"]["adapter/adapter_model.safetensors"] == file_hash(file)
    assert [Path(row["path"]).name for row in manifest_of(run.parent)["rewritten"]] == ["adapter_model.safetensors"]
    bare = made(run.parent)
    shutil.rmtree(bare / "adapter")
    assert main(["purge", str(bare), "--keep-unlearned", "--yes"]) == 1
    assert "none of these runs has an adapter" in capsys.readouterr().err


def edit(run, **changes):
    path = run / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_what_a_killed_process_left_beside_its_place_goes_too(run):
    """A file is written beside its place and renamed into it; whoever is killed between the two leaves all of it."""
    left_over = [
        run / ".samples.parquet-a_b1c2d3",
        run / ".run.json-0123abcd",
        run / ".adapter.0123abcd.part" / "adapter_model.safetensors",
        cache_folder("judged") / f".{KEY}-target.parquet-0123abcd",
        cache_folder("targets") / f".{KEY}.0123abcd.part" / "adapter_model.safetensors",
    ]
    for path in left_over:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"secret")
    (run / ".notes-01234567").write_text("mine")
    assert main(["purge", str(run), "--yes"]) == 0
    assert left(run) == [".notes-01234567", "run.json"] and not any(path.exists() for path in left_over)
    assert str(left_over[0]) in {row["path"] for row in manifest_of(run.parent)["removed"]}


def test_a_purge_that_stops_half_way_leaves_a_cache_that_is_ours(run, tmp_path, monkeypatch):
    """Whoever is stopped between two removals can go on with the rest."""
    gone = []

    def stopping(path):
        gone.append(path)
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("unlearnzoo.records.purge.shutil.rmtree", stopping)
    (run / "adapter" / "adapter_model.safetensors").unlink()
    (run / "adapter").rmdir()
    made(tmp_path / "other", key=OTHER, judged=[])
    monkeypatch.setattr("unlearnzoo.cli.purge._ours", lambda entries: iter(()))
    assert main(["purge", "--all", "--yes"]) == 1 and gone
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "cache"))
    assert main(["purge", "--all", "--yes"]) == 0 and not list((tmp_path / "cache").iterdir())


def test_each_purge_has_a_manifest_of_its_own_with_whole_paths(run, tmp_path, monkeypatch):
    """Also two in one second; and where the command was typed need not be known."""
    second = made(tmp_path / "runs")
    monkeypatch.setattr("unlearnzoo.cli.purge.datetime", Stopped)
    for folder in (run, second):
        assert main(["purge", str(folder.relative_to(tmp_path)), "--yes"]) == 0
    told = [json.loads(file.read_text()) for file in sorted((tmp_path / "runs").glob("purged-*.json"))]
    removed = {row["path"] for one in told for row in one["removed"]}
    assert {str(folder / "samples.parquet") for folder in (run, second)} <= removed and len(told) == 2
    assert all(Path(path).is_absolute() for one in told for key in ("not_found", "stays") for path in one[key])


class Stopped(datetime):
    """A clock that stands."""

    @classmethod
    def now(cls, tz=None):
        return datetime(2026, 1, 1, tzinfo=tz)


def test_a_manifest_does_not_go_into_the_cache(run, tmp_path, capsys):
    """There it would be what a later purge takes for somebody else's file."""
    assert main(["purge", "--all", "--yes", "--manifest", str(tmp_path / "cache" / "purged.json")]) == 1
    assert "it lies in what is removed" in capsys.readouterr().err and (run / "adapter").is_dir()


def test_names_go_before_the_samples_that_tell_them(run, monkeypatch):
    """Stopped between the two, the next purge would know the forget identities alone."""
    edit(run, command="unlearnzoo run --set folder.data=/data/p19/rows.csv")
    removing = purge.remove

    def stopping(paths):
        if run / "samples.parquet" in (paths := list(paths)):
            raise RunError("stopped")
        removing(paths)

    monkeypatch.setattr(purge, "remove", stopping)
    assert main(["purge", str(run), "--names", "--yes"]) == 1
    assert "p19" not in (run / "run.json").read_text() and (run / "samples.parquet").exists()
    monkeypatch.undo()


def test_it_asks_also_where_an_adapter_is_written_anew_and_nothing_else_is_done(run, monkeypatch):
    assert main(["purge", str(run), "--yes"]) == 0
    save_file({"x": torch.zeros(1)}, (run / "adapter").mkdir() or run / "adapter" / "adapter_model.safetensors")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["purge", str(run), "--keep-unlearned"]) == 130


def test_without_a_manifest_nothing_is_removed(run, tmp_path, monkeypatch, capsys):
    """The disk may be full, or of a kind that only says so when it is written."""

    def full(path, content):
        raise RunError(f"{path}: cannot be written: the disk is full")

    monkeypatch.setattr("unlearnzoo.storage.atomic.atomic_write", full)
    before = left(run)
    assert main(["purge", str(run), "--yes"]) == 1
    assert "the disk is full" in capsys.readouterr().err and left(run) == before


def test_a_run_inside_of_another(run, tmp_path):
    inside = run / "adapter" / run.name
    shutil.copytree(made(tmp_path / "other"), inside)
    assert main(["purge", str(tmp_path / "runs"), "--names", "--yes"]) == 0 and left(run) == ["run.json"]
    assert str(inside / "samples.parquet") in {row["path"] for row in manifest_of(tmp_path / "runs")["removed"]}
