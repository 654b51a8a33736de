"""The command on three people, whole: what it writes, prints, and does not do twice."""

import builtins
import json
import math
import stat
from pathlib import Path

import pytest

from tests.support import three
from tests.support.schema import check
from unlearnzoo.cli import main
from unlearnzoo.evaluation.aggregate import summary
from unlearnzoo.evaluation.evaluator import Evaluator
from unlearnzoo.planning.make import make_plan
from unlearnzoo.planning.request import Request
from unlearnzoo.records import store
from unlearnzoo.registry.zoo import Zoo
from unlearnzoo.runs.progress import ConsoleProgress
from unlearnzoo.runs.stage_one import learned
from unlearnzoo.training import stages
from unlearnzoo_diagnose import diagnosis, names, pairs, report, schema, tracing

SETS = [
    x
    for k, v in {**three.OPTIONS, "remem.forget": three.FORGET}.items()
    if not k.startswith("unlearn.")
    for x in ("--set", f"{k}={v}")
]


def rows_of(path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pq.ParquetFile(pa.BufferReader(path.read_bytes())).read(use_threads=False).to_pylist()


@pytest.fixture(scope="module")
def done(tmp_path_factory, shared_folder):
    """The diagnosis of three people, with everything, and a plainer second one."""
    runs = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNLEARNZOO_CACHE", str(shared_folder / "cache"))
        first = ["diagnose", "--bench", "remem", *SETS, "--runs-dir", str(runs)]
        assert main([*first, "--people", "6", "--images", "2"]) == 0
        assert main([*first, "--people", "2", "--images", "1", "--no-trace", "--precision", "fp32"]) == 0
    one, two = sorted((diagnosis.load(p) for p in runs.iterdir()), key=lambda d: d["time"])
    return one, two, runs


@pytest.fixture
def found(done):
    return done[0]


@pytest.fixture
def home(found):
    return Path(found["folder"])


def test_every_key_is_described_with_its_type_and_every_description_is_of_a_key(found):
    wrong, met = check(found, schema.FIELDS)
    assert wrong == []
    absent = {p for p in schema.FIELDS if p.startswith("gate[]")} if not found["gate"] else set()
    # Three people are too few for an interval; a checkout is not everywhere.
    assert {p for p in set(schema.FIELDS) - met - absent if not p.startswith("git.")} == set()


def test_a_diagnosis_says_what_was_asked_for_and_what_it_ran_in(done):
    assert [one["arguments"]["precision"] for one in done[:2]] == [None, "fp32"]
    assert all(one["rules"]["generation"]["finetune"]["origin"] == "longest answer + 8" for one in done[:2])
    device = done[0]["device"]
    assert device == done[1]["device"]
    assert (device["type"], device["precision"]) == ("cpu", "fp32") and "base float32" in device["arithmetic"]


def test_the_parquet_files_have_the_columns_that_are_described(home):
    assert list(rows_of(home / "names.parquet")[0]) == list(schema.NAMES)
    assert list(rows_of(home / "traces.parquet")[0]) == list(schema.TRACES)


def test_the_folder_is_the_owners_and_is_no_run(home, done):
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert {p.name for p in home.iterdir()} >= {"diagnosis.json", "names.parquet", "traces.parquet"}
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in home.iterdir())
    assert store.find(done[2]) == []


def test_stage_1_was_learned_and_the_gate_says_so(found, done):
    assert found["valid"] and done[1]["target"] == {"key": found["target"]["key"], "cached": True}
    scores = {(r["model"], r["split"], r["group"]["hop"], r["metric"]): r for r in found["memorised"]}
    for row in found["gate"]:
        mine = scores["target", row["split"], row["group"]["hop"], row["metric"]]
        assert mine["mean"] == pytest.approx(row["target"]) and mine["n"] == row["n"]["target"]
    rouge = scores["target", "finetune", "single", "unlearnzoo-metrics/rouge"]
    assert rouge["mean"] > scores["base", "finetune", "single", "unlearnzoo-metrics/rouge"]["mean"]
    loss = {(r["model"], r["group"]["hop"]): r for r in found["loss"]}
    assert loss["target", "single"]["mean"] < 0.5 * loss["base", "single"]["mean"]
    assert loss["base", "multi"]["perplexity"] == pytest.approx(math.exp(loss["base", "multi"]["mean"]))


def test_nothing_is_learned_or_judged_twice(found, monkeypatch):
    asked = []
    monkeypatch.setattr(stages, "learn", lambda *args: pytest.fail("learned again"))
    monkeypatch.setattr(Evaluator, "_answers", lambda self, examples, state: asked.extend(examples) or ([], []))
    request = Request(
        bench="remem", forget=three.FORGET, set={k: v for k, v in three.OPTIONS.items() if not k.startswith("unlearn.")}
    )
    stage = learned(make_plan(request, Zoo.installed()), ConsoleProgress(quiet=True))
    assert asked == [] and (stage.key, stage.cached) == (found["target"]["key"], True)
    assert stage.states == ("base", "target") and stage.failure is None
    assert list(stage.gate) == found["gate"]


def test_summaries_are_the_means_of_the_rows(found, home):
    rows = rows_of(home / "names.parquet")
    for one in found["names"]:
        mine = [r for r in rows if (r["model"], r["set"]) == (one["model"], one["set"])]
        expected = summary((r["identity"], r["min_k"]) for r in mine)
        assert one["min_k"] == {k: expected[k] for k in one["min_k"]}
        assert all(r["min_k"] == pytest.approx(names.min_k(r["logps"], 20)) for r in mine)
    assert {(o["model"], o["set"], o["min_k"]["n"]) for o in found["names"]} >= {
        ("base", "taught", 6),
        ("target", "taught", 6),
        ("target", "held-out", 6),
        ("base", "real", 6),
    }


def test_the_base_knows_its_figures_and_not_the_people(found):
    known = {(o["model"], o["set"]): o["inverse_perplexity"]["mean"] for o in found["names"]}
    assert known["base", "real"] > 0.5 > known["base", "taught"]


def test_maps_are_the_means_of_the_rows(found, home):
    rows = rows_of(home / "traces.parquet")
    assert len(rows) == (3 + 6) * len(pairs.EXCHANGED) * len(tracing.KINDS) * found["depth"] * len(pairs.GROUPS)
    for one in found["traces"]:
        mine = [r for r in rows if all(r[k] == one[k] for k in ("model", "set", "exchanged", "kind"))]
        for group in pairs.GROUPS:
            for layer in range(found["depth"]):
                cell = [r["ie"] for r in mine if (r["group"], r["layer"]) == (group, layer + 1)]
                assert one["ie"][group][layer] == pytest.approx(sum(cell) / len(cell))
        assert one["peak"]["mean"] == max(x for values in one["ie"].values() for x in values)
        assert one["ie"][one["peak"]["group"]][one["peak"]["layer"] - 1] == one["peak"]["mean"]
    assert {(r["model"], r["set"]) for r in rows} == {("base", "real"), ("target", "taught")}


def test_the_image_is_what_tells_the_base_its_figures(found):
    """Before the first layer mixes positions the exchanged image is all that differs."""
    real = next(t for t in found["traces"] if (t["set"], t["exchanged"], t["kind"]) == ("real", "image", "hidden"))
    assert real["clean"]["mean"] > 0.5 > 0.1 > real["corrupted"]["mean"]
    assert real["ie"]["image"][0] > 0.3
    assert real["ie"]["last"][-1] == pytest.approx(real["clean"]["mean"] - real["corrupted"]["mean"], abs=1e-4)


def test_what_is_left_out_is_left_out(done):
    two = done[1]
    assert (two["traces"], two["depth"]) == ([], None) and not (Path(two["folder"]) / "traces.parquet").exists()
    assert {o["min_k"]["n"] for o in two["names"] if o["set"] == "taught"} == {2}


def test_a_person_reads_the_verdict_and_every_number(found):
    shown = report.render(found)
    assert max(map(len, shown.splitlines())) <= 120
    assert f"{found['learn']['steps']} steps" in shown and "60 answers about 3 people on 12 images" in shown
    real = next(o for o in found["names"] if (o["model"], o["set"]) == ("base", "real"))
    line = next(x for x in shown.splitlines() if x.startswith("Real Set: base"))
    assert report.interval(real["min_k"]) in line and "6/6" in line
    assert "Verdict: " in shown and "Min-20 %" in shown


def test_pictures_are_drawn(home):
    pytest.importorskip("matplotlib")
    from PIL import Image

    for name in ("names.png", "traces.png"):
        with Image.open(home / name) as image:
            assert min(image.size) > 300 and len(image.convert("RGB").getcolors(1 << 24)) > 50


def test_without_matplotlib_it_says_so_and_goes_on(found, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    assert report.draw(found) == [] and "unlearnzoo[plot]" in report.NO_PLOT


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--k", "0"], "--k 0.0: per cent of the tokens, above 0 and at most 100"),
        (["--people", "1"], "--people 1: at least 2"),
        (["--images", "0"], "--images 0: at least 1"),
        (["--window", "0"], "--window 0: at least 1"),
        (["--real", "nowhere"], "--real nowhere: there is no names.csv"),
        (["--set", "learn.stepps=3"], "learn has no option 'stepps'"),
    ],
)
def test_mistakes_are_refused_before_anything_is_learned(capsys, tmp_path, arguments, text):
    assert main(["diagnose", "--bench", "remem", *SETS, "--runs-dir", str(tmp_path / "runs"), *arguments]) in (1, 2)
    err = capsys.readouterr().err
    assert text in err and len(err.strip().splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_a_benchmark_without_names_is_refused(capsys, tmp_path):
    (tmp_path / "mine.csv").write_text("question,answer,set\nWho?,Ann.,forget\nWhere?,Graz.,retain\n")
    assert (
        main(
            [
                "diagnose",
                "--bench",
                "folder",
                "--set",
                f"folder.data={tmp_path / 'mine.csv'}",
                "--runs-dir",
                str(tmp_path / "runs"),
            ]
        )
        == 1
    )
    assert "folder: what 'line-2' is called is in no row; the diagnosis asks for names" in capsys.readouterr().err


def test_a_broken_diagnosis_leaves_no_empty_folder(monkeypatch, tmp_path):
    def broken(plan, progress):
        raise RuntimeError("no")

    monkeypatch.setattr(diagnosis, "learned", broken)
    assert main(["diagnose", "--bench", "remem", *SETS, "--runs-dir", str(tmp_path / "runs")]) == 6
    assert list((tmp_path / "runs").iterdir()) == []


def test_json_is_the_record(capsys, found, monkeypatch):
    monkeypatch.setattr("unlearnzoo.planning.make.make_plan", lambda request, zoo: None)
    monkeypatch.setattr(diagnosis, "diagnose", lambda plan, options, progress: found)
    assert main(["diagnose", "--bench", "remem", *SETS, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found


def test_another_file_is_no_diagnosis(tmp_path):
    from unlearnzoo import DataError

    for content in ("{}", "[]", "no", None):
        if content is not None:
            (tmp_path / "diagnosis.json").write_text(content)
        with pytest.raises(DataError, match="diagnosis"):
            diagnosis.load(tmp_path)
