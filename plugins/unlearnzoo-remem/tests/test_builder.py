"""``unlearnzoo remem build``: the set is read by the benchmark, the same twice, whole or not there, and goes on."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from unlearnzoo import OptionError
from unlearnzoo_remem.benchmark import ReMem
from unlearnzoo_remem.builder import portraits
from unlearnzoo_remem.builder.job import build
from unlearnzoo_remem.builder.order import Order
from unlearnzoo_remem.read.data import load

SPLITS = ("finetune", "retain", "test")


def made(out: Path, **options) -> Path:
    build(Order(out=out, **{"identities": 3, "qa": 20, "views": 2, **options}), say=print)
    return out


def content(folder: Path) -> str:
    """Hash decoded pixels and strings of all splits, in order."""
    from datasets import Dataset

    total = hashlib.sha256()
    for file in sorted((folder / "data").iterdir()):
        for row in Dataset.from_parquet(str(file), cache_dir=str(folder.parent / "arrow")):
            total.update(row.pop("image").convert("RGB").tobytes())
            total.update(json.dumps(row, sort_keys=True).encode())
    return total.hexdigest()


def command(*words: str, before: str = "") -> subprocess.Popen[str]:
    code = (
        f"{before}\nimport sys; from unlearnzoo_remem.builder.cli import remem; from unlearnzoo.cli import app\n"
        "app.app.add_command(remem); sys.exit(app.main(['remem', 'build', *sys.argv[1:]]))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *words], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("built") / "out")


def test_the_benchmark_reads_it(small: Path) -> None:
    bench = ReMem.configure({"data": str(small), "forget": "33%"})
    bench.prepare()
    assert bench.forget_identities() == {"id_00"}
    assert {split: len(bench.examples(split)) for split in SPLITS} == {"finetune": 60, "retain": 60, "test": 84}
    hops = Counter(example.tags["hop"] for example in bench.examples("finetune"))
    assert hops == {"single": 42, "multi": 18}
    assert bench.examples("finetune")[0].images[0].open().size == (48, 48)
    found = load(str(small), strict=True)
    assert (found.self_answering, found.keyword_elsewhere) == (0, 0)
    assert sorted(found.published) == [1, 2]


def test_its_pictures_and_texts_are_those_of_the_generated_data(small: Path) -> None:
    """The builder adds choice, not another benchmark."""
    from unlearnzoo_remem.generate.cache import generated
    from unlearnzoo_remem.generate.plan import Spec

    assert content(small) == content(generated(Spec(3, 20, views=2)))


def test_the_hub_schema_stands_in_the_card_and_the_files_keep_to_it(small: Path) -> None:
    """`datasets` reads the folder by its card alone, as the hub does, and checks rows and kinds against it."""
    code = (
        "import sys, datasets; datasets.disable_progress_bars(); found = datasets.load_dataset(sys.argv[1])\n"
        "print({k: len(v) for k, v in found.items()}, type(found['test'].features['image']).__name__, "
        "found['test'][0]['image'].size)"
    )
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(small.parent / "hf")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(small)], env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == (
        "{'finetune': 60, 'retain': 60, 'test': 84, 'forget1': 20, 'forget2': 40} Image (48, 48)"
    ), done.stderr[-2000:]


def test_the_card_is_one_for_the_hub(small: Path) -> None:
    from huggingface_hub import DatasetCard

    card = DatasetCard.load(small / "README.md")
    info = card.data.to_dict()["dataset_info"]
    assert {s["name"]: s["num_examples"] for s in info["splits"]}["finetune"] == 60
    sizes = Counter()
    for file in (small / "data").iterdir():
        sizes[file.name.split("-")[0]] += file.stat().st_size
    assert {s["name"]: s["num_bytes"] for s in info["splits"]} == dict(sizes)


def test_nobody_else_may_read_it(small: Path) -> None:
    assert small.stat().st_mode & 0o77 == 0
    assert all(path.stat().st_mode & 0o77 == 0 for path in small.rglob("*"))
    assert {path.name for path in small.iterdir()} == {"data", "README.md", "review.html", "build.json"}


def test_the_same_order_gives_the_same_content_and_another_seed_does_not(tmp_path: Path) -> None:
    one, two, other = (
        made(tmp_path / name, identities=2, seed=seed, locales=("de_DE", "ja_JP"))
        for name, seed in (("one", 4), ("two", 4), ("other", 5))
    )
    assert content(one) == content(two) != content(other)
    assert (one / "build.json").read_bytes() == (two / "build.json").read_bytes()
    assert (one / "review.html").read_bytes() == (two / "review.html").read_bytes()


def test_size_and_views_and_many_questions(tmp_path: Path) -> None:
    out = made(tmp_path / "out", identities=2, qa=200, single=1.0, views=3, size=64)
    bench = ReMem.configure({"data": str(out), "forget": "50%"})
    bench.prepare()
    rows = bench.examples("finetune")
    assert len(rows) == 400
    assert {example.tags["hop"] for example in rows} == {"single"}
    assert rows[0].images[0].open().size == (64, 64)
    assert len({example.images[0].open().tobytes() for example in rows}) == 6


def test_a_large_set_is_cut_into_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: Path) -> None:
    monkeypatch.setattr("unlearnzoo_remem.builder.splits.SHARD", 100_000)
    out = made(tmp_path / "out")
    names = sorted(path.name for path in (out / "data").glob("finetune-*"))
    assert len(names) > 1
    assert names[0] == f"finetune-00000-of-{len(names):05d}.parquet"
    assert load(str(out)).fingerprint == load(str(small)).fingerprint


def test_killed_it_goes_on_and_ends_the_same(tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = (str(tmp_path / "out"), "--identities", "3", "--qa", "20", "--views", "2")
    slow = (
        "import time; import unlearnzoo_remem.builder.portraits as p; save = p.save\n"
        "def wait(path, pictures):\n"
        "    save(path, pictures)\n"
        "    if path.name == '001.parquet': time.sleep(60)\n"
        "p.save = wait"
    )
    process = command(*words, before=slow)
    second = tmp_path / "out.part/people/001.parquet"
    while not second.exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert second.exists() and not (tmp_path / "out").exists()
    (second.parent / ".002.parquet-abc").write_text("half")  # a write that was killed
    with pytest.raises(OptionError, match=r"other options \(qa\); give that command again"):
        made(tmp_path / "out", qa=30)
    drawn, draw = [], portraits.drawn
    monkeypatch.setattr(portraits, "drawn", lambda *given: drawn.append(given[2]) or draw(*given))
    said: list[str] = []
    build(Order(out=tmp_path / "out", identities=3, qa=20, views=2), say=said.append)
    assert said[0] == "going on: the pictures of 2 of 3 people were there"
    assert drawn == [2]
    assert content(tmp_path / "out") == content(small)
    assert not (tmp_path / "out.part").exists()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"data", "README.md", "review.html", "build.json"}


def test_a_full_disk_is_one_line_and_keeps_what_is_done(tmp_path: Path) -> None:
    # A limit on the size of a file stands in for the disk: parts fit, the split finetune does not.
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))"
    process = command(str(tmp_path / "out"), "--identities", "3", "--qa", "20", "--views", "2", before=limit)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    last = stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ") and "cannot be written: the file grew beyond the limit" in last
    assert not (tmp_path / "out").exists()
    assert len(list((tmp_path / "out.part/people").iterdir())) == 3


def test_two_at_once(tmp_path: Path) -> None:
    from unlearnzoo.errors import RunError
    from unlearnzoo_remem.builder.workshop import workshop

    with workshop(tmp_path / "out", {"qa": 1}) as folder:
        assert folder.name == "out.part"
        with pytest.raises(RunError, match="another process is building it"), workshop(tmp_path / "out", {"qa": 1}):
            pass
    assert (tmp_path / "out").is_dir()


@pytest.mark.parametrize("taken", ["file", "full", "link", "part"])
def test_a_taken_folder_is_refused_and_left_alone(taken: str, tmp_path: Path) -> None:
    out, message = tmp_path / "out", "OUT .*out: is no folder"
    if taken == "file":
        out.write_text("mine")
    elif taken == "link":
        (tmp_path / "empty").mkdir()
        out.symlink_to(tmp_path / "empty")
    elif taken == "full":
        (out / "mine").mkdir(parents=True)
        message = "OUT .*out: exists and is not empty"
    else:
        (tmp_path / "out.part/mine").mkdir(parents=True)
        message = "out.part: is in the way, and no unfinished build"
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OptionError, match=message):
        made(out)
    assert [path for path in sorted(tmp_path.rglob("*")) if path.name != ".lock"] == before


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert (made(tmp_path / "out", identities=2) / "README.md").exists()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    from unlearnzoo.errors import RunError

    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written: a part of this path is a file"):
        made(tmp_path / "file/out")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"views": 21}, "--views 21: must be at most --qa 20"),
        ({"identities": 21}, "20 people ship with the plugin; give --seed 1"),
        ({"threshold": 0.3}, "--threshold 0.3 needs --face-model"),
        ({"face_model": Path("m.onnx")}, "--face-model is for photographs"),
        ({"locales": ("xx_YY",)}, "--locale xx_YY: Faker has no such locale"),
        ({"locales": ("de_ED",)}, "did you mean 'de_DE'"),
    ],
)
def test_what_cannot_be_built_is_refused_before_anything_is_made(options, message: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=message):
        made(tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["--qa", "19"],
        ["--qa", "201"],
        ["--single", "1.1"],
        ["--identities", "61"],
        ["--profiles", "nowhere.csv"],
        ["--size", "0"],
    ],
)
def test_values_out_of_range_are_refused(words: list[str], tmp_path: Path) -> None:
    from click.testing import CliRunner

    from unlearnzoo_remem.builder.cli import remem

    done = CliRunner().invoke(remem, ["build", str(tmp_path / "out"), *words])
    assert done.exit_code == 2
    assert words[0] in done.output
    assert not (tmp_path / "out").exists()


def test_the_command_says_where_everything_is(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from unlearnzoo_remem.builder.cli import remem

    few = ["--identities", "2", "--qa", "20", "--views", "1"]
    done = CliRunner().invoke(remem, ["build", str(tmp_path / "out"), *few])
    assert done.exit_code == 0, done.output
    assert "2 people, 40 questions and 56 held out, 16 pictures of 48 x 48 pixels" in done.stdout
    assert f"--set remem.data={tmp_path / 'out'}" in done.stdout
    done = CliRunner().invoke(remem, ["build", str(tmp_path / "json"), *few, "--json"])
    assert json.loads(done.stdout) == json.loads((tmp_path / "json/build.json").read_text())


def test_help_is_light() -> None:
    code = (
        "import sys; from unlearnzoo_remem.builder.cli import remem\n"
        "for words in (['--help'], ['build', '--help']): remem.main(words, standalone_mode=False)\n"
        "print('LOADED', [m for m in ('PIL', 'datasets', 'dicebear', 'faker', 'jinja2', 'numpy', 'onnxruntime', "
        "'pyarrow', 'torch') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.splitlines()[-1] == "LOADED []"
    assert "--face-model" in done.stdout


def test_the_group_is_an_entry_point() -> None:
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    parser.read(Path(__file__).parents[1] / "setup.cfg", "utf-8")
    assert parser["options.entry_points"]["unlearnzoo.commands"].split() == [
        "remem",
        "=",
        "unlearnzoo_remem.builder.cli:remem",
    ]
