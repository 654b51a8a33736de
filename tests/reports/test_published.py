"""Records beside a paper: each cell next to its own, by model, and what keeps them apart said in words."""

import dataclasses
import json

import pytest

from tests.support.records import finished
from unlearnzoo import Benchmark, Published
from unlearnzoo.cli import main
from unlearnzoo.errors import OptionError, UnknownName
from unlearnzoo.registry.zoo import Zoo
from unlearnzoo.reports import text
from unlearnzoo.reports.published import data, published, section

PAPER = "remem-paper"
TABLE_2 = "Table 2: stage 2"


@pytest.fixture(scope="module")
def zoo():
    return Zoo.installed()


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [finished(folder, "ga", 0.4), finished(folder, "npo", 0.7)]


def named(folder, model, algo="npo", **more):
    return finished(folder, algo, model={"name": model, "source": model}, **more)


def render(parts):
    return "\n\n".join(text.render([section(part)]) for part in parts)


def cell(part, run, column, hop):
    (found,) = [r for r in part["rows"] if (r["run"], r["column"], r["group"]) == (run, column, {"hop": hop})]
    return found


def test_each_cell_is_ours_with_its_interval_beside_the_papers(two, zoo):
    (part,) = data(two, PAPER, zoo)
    found = cell(part, "npo", "EMr", "single")
    ours = next(
        r for r in two[1]["results"] if (r["model"], r["column"], r["group"]) == ("unlearned", "EMr", {"hop": "single"})
    )
    assert (found["ours"]["mean"], found["ours"]["low"]) == (ours["mean"], ours["low"])
    assert found["paper"] == {"LLaVA-1.5-7B": pytest.approx(0.5045), "LLaVA-1.5-13B": pytest.approx(0.6295)}
    assert cell(part, "ga", "GPT", "multi")["ours"] is None


def test_its_intervals_are_explained_as_those_of_the_report(two, zoo):
    text_of = render(data(two, PAPER, zoo))
    legend = "[low..high]: 95 % interval of these models over people; of one person there is none."
    assert legend in " ".join(text_of.split()) and "(least..greatest)" not in text_of


def test_another_model_stands_beside_both_and_it_is_said(two, zoo):
    (part,) = data(two, PAPER, zoo)
    assert part["models"] == ["LLaVA-1.5-7B", "LLaVA-1.5-13B"]
    assert any("tiny is none of the paper's models: a different model is compared" in note for note in part["notes"])


@pytest.mark.parametrize(
    ("name", "model"), [("llava-hf/llava-1.5-7b-hf", "LLaVA-1.5-7B"), ("./models/LLaVA-1.5-13B", "LLaVA-1.5-13B")]
)
def test_a_model_of_the_paper_stands_beside_its_own(tmp_path, zoo, name, model):
    (part,) = data([named(tmp_path, name)], PAPER, zoo)
    assert part["models"] == [model] and all(set(row["paper"]) == {model} for row in part["rows"])
    assert not any("different model" in note for note in part["notes"])


def test_records_of_two_models_are_two_parts(tmp_path, zoo):
    parts = data([named(tmp_path, f"llava-hf/llava-1.5-{size}-hf") for size in ("7b", "13b")], PAPER, zoo)
    assert [part["models"] for part in parts] == [["LLaVA-1.5-7B"], ["LLaVA-1.5-13B"]]


def test_seeds_of_one_method_each_stand_beside_it(tmp_path, zoo):
    (part,) = data([finished(tmp_path, "npo", seed=s) for s in (0, 1)], PAPER, zoo)
    assert {row["run"] for row in part["rows"] if row["table"] == TABLE_2} == {"npo seed 0", "npo seed 1"}


def test_what_the_paper_lacks_and_what_we_lack_is_said(tmp_path, zoo):
    (part,) = data([finished(tmp_path, "npo"), finished(tmp_path, "retrain")], PAPER, zoo)
    assert "retrain" not in {row["run"] for row in part["rows"]}
    notes = "\n".join(part["notes"])
    assert "not in the paper: retrain" in notes and "GPT" in notes and "not measured in these runs" in notes
    assert "nothing to set beside" in notes and "Table 4: MMBench" in notes


def test_other_data_and_other_values_are_said(tmp_path, zoo):
    plan = {
        "learn": {"origins": {"rank": "model", "lr": "benchmark", "per_image": "model"}},
        "unlearn": {"origins": {"lr": "user", "beta2": "default"}},
    }
    bench = {
        "name": "remem",
        "data": "d1",
        "forget_identities": [],
        "options": {"data": "generated", "forget": "10%", "draw": 0},
    }
    (part,) = data([finished(tmp_path, "npo", plan=plan, benchmark=bench)], PAPER, zoo)
    assert "remem.data is generated; the paper's is herbwood27/Remem" in part["notes"]
    assert "remem.forget is 10%; the paper's is 20%" in part["notes"]
    assert not any("remem.draw" in note for note in part["notes"])
    assert any(note.endswith("recipe or yours: learn.rank, unlearn.lr") for note in part["notes"])


def test_the_text_has_ours_above_the_papers(two, zoo):
    lines = render(data(two, PAPER, zoo)).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(TABLE_2))
    assert "tiny beside LLaVA-1.5-7B and LLaVA-1.5-13B of ReMem" in lines[start]
    npo = next(i for i, line in enumerate(lines) if i > start and line.startswith("npo"))
    ours = next(
        r for r in two[1]["results"] if (r["model"], r["column"], r["group"]) == ("unlearned", "EMr", {"hop": "single"})
    )
    assert lines[npo].split()[2] == f"{100 * ours['mean']:.1f}"
    assert f"[{100 * ours['low']:.0f}..{100 * ours['high']:.0f}]" in lines[npo + 1]
    assert lines[npo + 2].split()[:4] == ["LLaVA-1.5-7B", "87.72", "50.45", "20.54"]
    assert lines[npo + 3].split()[:2] == ["LLaVA-1.5-13B", "92.88"]
    assert max(map(len, lines)) <= 110


def test_another_judge_is_named_and_so_is_what_it_could_not_score(tmp_path, zoo):
    gpt = "unlearnzoo-judge/gpt"
    record = finished(tmp_path, "npo")
    (emf,) = (
        r for r in record["results"] if (r["model"], r["column"], r["group"]) == ("unlearned", "EMf", {"hop": "single"})
    )
    record["results"].append({**emf, "column": "GPT", "metric": gpt, "mean": 1.0, "n": 2, "unscored": 12})
    record["metrics"] = {gpt: {"options": {"model": "my-model", "base_url": "http://localhost:8000/v1"}}}
    (part,) = data([record], PAPER, zoo)
    assert any(
        note.startswith("GPT: the paper's judge is Gemini 2.5, ours my-model at http://localhost:8000/v1;")
        for note in part["notes"]
    )
    assert "100.0 (2/14)" in render([part])
    (without,) = data([finished(tmp_path, "ga")], PAPER, zoo)
    assert not any("judge" in note for note in without["notes"])


def test_the_command(two, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    folders = [record["folder"] for record in two]
    assert main(["report", *folders, "--beside", PAPER]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Results, per cent") and TABLE_2 in out
    assert main(["report", *folders, "--beside", PAPER, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["beside"]
    assert [r["run"] for r in found[0]["rows"]][-1] == "npo" and found[0]["source"].startswith("ReMem")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("remem", "--beside remem: write the benchmark's name and -paper; there is remem-paper"),
        ("folder-paper", "folder has no published results; there is remem-paper"),
    ],
)
def test_a_name_that_has_nothing(two, zoo, name, told):
    with pytest.raises(OptionError, match=told):
        data(two, name, zoo)


def test_a_benchmark_that_is_not_there(two, zoo):
    with pytest.raises(UnknownName, match="did you mean 'remem'"):
        data(two, "remme-paper", zoo)


def test_a_record_of_another_benchmark(tmp_path, zoo):
    record = finished(tmp_path, "npo", benchmark={"name": "folder", "data": "d", "forget_identities": []})
    with pytest.raises(OptionError, match="is a run on folder"):
        data([record], PAPER, zoo)


def test_names_of_a_damaged_record_are_escaped(two, zoo):
    record = {**two[0], "model": {"name": "\x1b[31mred"}}
    assert "\x1b" not in render(data([record], PAPER, zoo))


def test_a_benchmark_has_nothing_published_unless_it_says_so():
    assert Benchmark.published() is None
    assert dataclasses.is_dataclass(Published)
    assert published(PAPER, Zoo.installed())[0].name == "remem"


def test_stage_1_and_utility_have_tables_of_their_own(two, zoo):
    row = {"split": "x", "who": "all", "want": "high", "metric": "m/x", "group": {}, "n": 560, "clusters": 20}
    known = [
        {**row, "model": model, "column": "EM all", "mean": mean, "low": mean, "high": mean}
        for model, mean in (("base", 0.0), ("target", 0.875))
    ]
    used = [
        {**row, "model": model, "column": "MMB van", "mean": 0.5, "low": 0.4, "high": 0.6}
        for model in ("base", "unlearned")
    ]
    record = {**two[1], "baselines": known, "results": [*two[1]["results"], *used]}
    (part,) = data([record], PAPER, zoo)
    found = {(r["table"], r["run"], r["column"]): (r["ours"] or {}).get("mean") for r in part["rows"] if not r["group"]}
    assert found["Table 3: stage 1", "target", "EM all"] == 0.875
    assert found["Table 3: stage 1", "target", "GPT all"] is None
    assert found["Table 4: MMBench", "base", "MMB van"] == found["Table 4: MMBench", "npo", "MMB van"] == 0.5
    assert ("Table 4: MMBench", "ga", "MMB van") not in found
    shown = render([part])
    assert "[40..60]" in shown and "91.50" in shown and "68.72" in shown
    assert not any("nothing to set beside" in note for note in part["notes"])
