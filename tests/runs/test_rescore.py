"""Judging the answers of a run once more: only what lacks, only where it belongs, and nothing else moves."""

import copy
import dataclasses
import json
import math
from pathlib import Path

import pytest

from tests.support import records
from unlearnzoo import Column, DataError, Heading, Metric, OptionError, Scored, option
from unlearnzoo.cli import main
from unlearnzoo.errors import PluginError, UnknownName
from unlearnzoo.evaluation import aggregate
from unlearnzoo.evaluation.metric_inputs import scored
from unlearnzoo.evaluation.samples import Sample, read_samples, write_samples
from unlearnzoo.metric import Progress
from unlearnzoo.planning import utility
from unlearnzoo.planning.columns import added
from unlearnzoo.records import store
from unlearnzoo.registry.zoo import Zoo
from unlearnzoo.runs import rescore
from unlearnzoo.runs.progress import ConsoleProgress
from unlearnzoo.storage.atomic import file_hash

FILE = '''
import math
from unlearnzoo import Heading, Metric, Scored, hookimpl, option

class Picky(Metric):
    """Says whether the answer begins with a letter; rows asked are told to a file."""

    name = "picky"
    headings = (Heading("Picky"), Heading("Picky len", "length", "high"))
    letter: str = option("A", "Letter")
    down_after: int = option(10 ** 9, "Rows it can score")
    api_key: str = option("", "Its key")
    log: str = option("", "File that is told how many rows were asked")

    def score(self, prediction, question):
        return self.score_many([{"prediction": prediction}], None)[0]

    def score_many(self, rows, tell):
        if self.log:
            with open(self.log, "a") as file:
                print(len(rows), file=file)
        return [Scored(float(row["prediction"].startswith(self.letter)), {"length": len(row["prediction"]) / 10})
                if i < self.down_after else Scored(math.nan) for i, row in enumerate(rows)]

class Inside(Metric):
    """Needs the model."""

    name = "inside"

    def score(self, logps):
        return 0.5

class Words(Metric):
    """Needs the benchmark's keywords."""

    name = "words"

    def score(self, prediction, keywords):
        return float(any(word in prediction for word in keywords)) if keywords else math.nan

class Picks(Metric):
    """Needs the options of a multiple-choice question."""

    name = "picks"

    def score(self, prediction, answer, choices):
        return float(prediction == choices["AB".index(answer)]) if choices else math.nan

@hookimpl
def unlearnzoo_metrics():
    return [Picky, Inside, Words, Picks]
'''
QUIZ = '''
import dataclasses
from unlearnzoo import Column, hookimpl
from tests.testing.mutants.small import Small
from tests.testing.mutants.utilities import Quiz

def with_choices(rows):
    return [dataclasses.replace(e, answer="B", choices=("a sailor", e.keywords[0])) for e in rows]

class Asked(Quiz):
    """A quiz with options."""
    name = "asked"
    evals = (Column("Picks", "asked", "extra/picks", "all", "high", by=()),)

    def prepare(self):
        super().prepare()
        self.splits = {"asked": with_choices(self.splits["asked"])}

class Lettered(Small):
    """Four people, asked with options."""
    name = "lettered"

    def prepare(self):
        super().prepare()
        self.splits = {split: with_choices(rows) for split, rows in self.splits.items()}

@hookimpl
def unlearnzoo_benchmarks():
    return [Asked, Lettered]
'''


@pytest.fixture
def run(tmp_path):
    plan = {"rules": records.rules(), "columns": ["EMr", "EMf"]}
    return Path(records.finished(tmp_path / "runs", plan=plan)["folder"])


@pytest.fixture
def zoo(tmp_path):
    (tmp_path / "extra.py").write_text(FILE)
    return Zoo.installed([tmp_path / "extra.py"])


def judge(run, zoo, metric="picky", **values):
    return rescore.rescore(run, metric, values, zoo, ConsoleProgress(quiet=True))


def put(run, samples):
    """Write other samples as the run would have: with their hash in its record."""
    write_samples(run / "samples.parquet", samples)
    edited(run, files={"samples.parquet": file_hash(run / "samples.parquet")})


def edited(run, **fields):
    """Write other fields into a record."""
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, **fields}))


@pytest.mark.parametrize(
    ("metric", "lost"),
    [("picky", "name"), ("picky", "forget_identities"), ("words", "name"), ("words", "data"), ("words", "options")],
)
def test_a_benchmark_that_lacks_a_key(run, zoo, metric, lost):
    whole = {"name": "remem", "options": {}, "data": "d", "forget_identities": []}
    edited(run, benchmark={key: value for key, value in whole.items() if key != lost})
    with pytest.raises(DataError, match=rf"run\.json: damaged; `benchmark\.{lost}` is missing"):
        judge(run, zoo, metric)


def column(record, name, model="unlearned"):
    return {row["group"]["hop"]: row for row in record["results"] if row["column"] == name and row["model"] == model}


def test_a_metric_is_added_over_the_forget_set_of_every_model(run, zoo):
    before = json.loads((run / "run.json").read_text())
    found = judge(run, zoo)
    after = json.loads((run / "run.json").read_text())
    assert {k: v for k, v in found.items() if k != "folder"} == after
    # "Ann." is right, "Bob." is not: the new metric is EM by another name.
    for model, share in (("base", 0.0), ("target", 1.0)):
        found = {hop: row["mean"] for hop, row in column(after, "Picky", model).items()}
        assert found == dict.fromkeys(records.HOPS, share)
    assert {h: r["mean"] for h, r in column(after, "Picky").items()} == pytest.approx(
        {h: r["mean"] for h, r in column(after, "EMf").items()}
    )
    assert {r["n"] for r in column(after, "Picky").values()} == {12}
    lengths = column(after, "Picky len").values()
    assert {(round(r["mean"], 9), r["detail"], r["want"]) for r in lengths} == {(0.4, "length", "high")}
    assert after["metrics"]["extra/picky"]["options"]["letter"] == "A"
    assert after["plan"]["columns"] == ["EMr", "EMf", "Picky", "Picky len"]
    rest = [row for row in after["results"] if not row["column"].startswith("Picky")]
    assert rest == before["results"]
    changed = ("results", "metrics", "plan", "files")
    assert {k: v for k, v in after.items() if k not in changed} == {k: v for k, v in before.items() if k not in changed}


def test_only_what_lacks_is_asked_and_other_options_ask_all_again(run, zoo, tmp_path):
    log = tmp_path / "log"
    first = judge(run, zoo, **{"picky.down_after": 30, "picky.log": str(log)})
    assert sum(r["unscored"] for m in ("base", "target", "unlearned") for r in column(first, "Picky", m).values()) == 42
    again = judge(run, zoo)  # as the record says: it can score 30 rows at a time
    assert log.read_text().split() == ["72", "42"]
    assert sum(r["unscored"] for m in ("base", "target", "unlearned") for r in column(again, "Picky", m).values()) == 12
    judge(run, zoo), judge(run, zoo)
    assert log.read_text().split() == ["72", "42", "12", "0"]
    other = judge(run, zoo, **{"picky.letter": "B"})
    assert log.read_text().split()[-1] == "72"
    assert column(other, "Picky", "base")["single"]["mean"] == 1.0


def test_another_version_asks_all_again(run, zoo, tmp_path):
    log = tmp_path / "log"
    metrics = judge(run, zoo, **{"picky.log": str(log)})["metrics"]
    edited(run, metrics={**metrics, "extra/picky": {**metrics["extra/picky"], "version": "0.9"}})
    assert judge(run, zoo)["metrics"] == metrics
    assert log.read_text().split() == ["72", "72"]


def test_a_score_that_gave_no_detail_has_none_of_an_earlier_one(run, zoo):
    judge(run, zoo)
    lost = judge(run, zoo, **{"picky.letter": "B", "picky.down_after": 0})
    assert {r["n"] for r in column(lost, "Picky len").values()} == {0}


def test_a_column_over_tagged_rows_that_count_together_stays_one(run, zoo):
    (first, _), forget = added(zoo.get("benchmark", "remem"), ["picky"], zoo), records.FORGET
    clean = dataclasses.replace(first, name="Picky clean", tagged="clean", all_of="pair")
    judge(run, zoo)
    samples = [
        dataclasses.replace(s, tags={**s.tags, "pair": s.tags["hop"]} | ({"clean": "yes"} if i % 6 < 4 else {}))
        for i, s in enumerate(read_samples(run / "samples.parquet"))
    ]
    put(run, samples)
    results = aggregate.results(samples, [clean, first], forget)
    edited(run, results=results)
    again = judge(run, zoo)
    assert sorted(map(str, again["results"])) == sorted(map(str, results))
    assert {r["n"] for r in column(again, "Picky clean").values()} == {4}


def test_rows_over_everybody_that_other_options_gave_are_gone(run, zoo):
    record = judge(run, zoo)
    ours = [{**row, "metric": "extra/picky"} for row in record["baselines"]]
    edited(run, baselines=[*record["baselines"], *ours])
    assert judge(run, zoo)["baselines"] == [*record["baselines"], *ours]
    assert judge(run, zoo, **{"picky.letter": "B"})["baselines"] == record["baselines"]


def test_samples_keep_their_other_scores(run, zoo):
    before = {(s.model, s.id): s for s in read_samples(run / "samples.parquet")}
    judge(run, zoo)
    after = {(s.model, s.id): s for s in read_samples(run / "samples.parquet")}
    assert before.keys() == after.keys()
    for key, sample in after.items():
        assert sample.scores.items() >= before[key].scores.items()
        asked = sample.split == "finetune" and sample.identity in records.FORGET
        assert ("extra/picky" in sample.scores) == asked


def test_a_key_that_is_given_now_is_in_no_record(run, zoo):
    judge(run, zoo, **{"picky.api_key": "hunter2-hunter2"})
    assert "hunter2" not in (run / "run.json").read_text()
    assert store.load(run)["metrics"]["extra/picky"]["options"]["api_key"] == "***"
    with pytest.raises(OptionError, match="picky.api_key: the record hides what it was; give it again"):
        judge(run, zoo)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (
            lambda run: {"metric": "inside"},
            OptionError,
            "'?inside'?: it needs logps, for which the model must be there",
        ),
        (lambda run: {"metric": "pickle"}, UnknownName, "did you mean 'picky'"),
        (lambda run: {"picky.lettre": "B"}, OptionError, "did you mean 'letter'"),
        (lambda run: (run / "samples.parquet").unlink() or {}, DataError, "it kept no answers"),
        (
            lambda run: edited(run, plan={"columns": []}) or {},
            DataError,
            "its texts were read by an older rule .its rules: not told by its older version; now text",
        ),
        (
            lambda run: edited(run, plan={"rules": records.rules(text=1)}) or {},
            DataError,
            "its rules: pictures 2, text 1; now text 2., so that picky would stand beside columns of another kind; run",
        ),
        (
            lambda run: edited(run, arguments={"redact": True}) or {},
            DataError,
            "its answers were left out by --redact; to have them scored by picky, run it again",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused_and_nothing_changes(run, zoo, change, error, says):
    values = change(run)
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    with pytest.raises(error, match=says):
        judge(run, zoo, **values)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_keywords_come_from_the_benchmark_if_its_data_are_still_the_same(tmp_path, zoo, monkeypatch):
    from tests.support import three
    from unlearnzoo_remem.benchmark import ReMem

    options = {k.removeprefix("remem."): v for k, v in three.OPTIONS.items() if k.startswith("remem.")}
    bench = ReMem.configure({**options, "forget": three.FORGET})
    about = {
        "name": "remem",
        "options": bench.values(),
        "data": bench.fingerprint(),
        "forget_identities": sorted(bench.forget_identities()),
    }
    run = Path(records.finished(tmp_path / "runs", benchmark=about)["folder"])
    rows = bench.forget_pool()
    samples = read_samples(run / "samples.parquet")[: len(rows)]
    put(
        run,
        [
            Sample(
                "unlearned",
                "finetune",
                e.id,
                e.identity,
                dict(e.tags),
                e.question,
                e.answer,
                e.answer if i % 2 else "No.",
                {},
            )
            for i, e in enumerate(rows)
        ],
    )
    found = judge(run, zoo, "words")
    groups = column(found, "words")
    assert sum(r["mean"] * r["n"] for r in groups.values()) == pytest.approx(len(rows) // 2)
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "benchmark": {**about, "data": "other"}}))
    with pytest.raises(DataError, match="not those of this run any more"):
        judge(run, zoo, "words", **{})
    assert samples


def test_choices_come_from_the_rows_of_the_benchmark_and_of_utility_benchmarks(tmp_path):
    """They are in no sample: it said that the model must be there, which is not so."""
    for name, text in (("extra", FILE), ("quiz", QUIZ)):
        (tmp_path / f"{name}.py").write_text(text)
    zoo = Zoo.installed([tmp_path / "extra.py", tmp_path / "quiz.py"])
    bench, quiz = zoo.get("benchmark", "lettered")(), zoo.get("benchmark", "asked")()
    bench.prepare(), quiz.prepare()
    about = {"name": "lettered", "options": bench.values(), "data": bench.fingerprint(), "forget_identities": ["ann"]}
    beside = {"asked": {"distribution": "quiz", "version": "", "options": quiz.values(), "data": quiz.fingerprint()}}
    run = Path(records.finished(tmp_path / "runs", benchmark=about, utility=beside)["folder"])
    (column,) = utility.columns({"asked": type(quiz)}, [])
    samples = [
        Sample("unlearned", split, e.id, e.identity, {}, e.question, e.answer, said(e), {"extra/picks": math.nan})
        for split, rows, said in (
            (column.split, utility.rows({"asked": quiz}, [], "asked/asked"), lambda e: e.choices[e.identity != "ann"]),
            ("finetune", bench.examples("finetune"), lambda e: e.choices[0]),
        )
        for e in rows
    ]
    put(run, samples)
    own = Column("Picks", "finetune", "extra/picks", "forget", "low", by=())
    edited(run, results=aggregate.results(samples, [dataclasses.replace(column, name="Quiz"), own], frozenset({"ann"})))
    results = {row["column"]: (row["mean"], row["n"]) for row in judge(run, zoo, "picks")["results"]}
    assert results == {"Quiz": (0.75, 8), "Picks": (0.0, 2)}  # all but Ann's two rows are right
    edited(run, utility={"asked": {**beside["asked"], "data": "other"}}, metrics={})
    with pytest.raises(DataError, match="the data of asked are not those of this run any more"):
        judge(run, zoo, "picks")


def test_the_command_line(run, tmp_path, zoo, capsys, monkeypatch):
    file = ["--plugin", str(tmp_path / "extra.py")]
    assert main(["evaluate", str(run), "--metric", "picky", *file]) == 0
    assert "Picky len" in capsys.readouterr().out
    assert main(["evaluate", run.name[:12], "--metric", "picky", "--runs-dir", str(run.parent), "--json", *file]) == 0
    assert json.loads(capsys.readouterr().out)[0]["metrics"]["extra/picky"]["distribution"] == "extra"
    for wrong, says in (
        ([str(run)], "RUN takes --metric"),
        ([str(run), "--metric", "picky", "--bench", "remem"], "RUN takes"),
        ([str(run), "--metric", "picky", "--max-new-tokens", "9"], "RUN takes"),
        (["--bench", "remem"], "--model is missing"),
        ([], "--bench is missing"),
    ):
        assert main(["evaluate", *wrong, *file]) == 2
        assert says in capsys.readouterr().err


def test_added_columns_stand_over_what_is_forgotten(zoo):
    bench = zoo.get("benchmark", "remem")
    forget = next(e for e in bench.evals if e.name == "EMf")
    first, second = added(bench, ["picky"], zoo)
    assert (first.name, first.metric, first.want, first.detail) == ("Picky", "extra/picky", "low", "")
    assert (second.name, second.want, second.detail) == ("Picky len", "high", "length")
    assert {(e.split, e.who, e.by) for e in (first, second)} == {(forget.split, forget.who, forget.by)}
    (plain,) = added(bench, ["extra/words"], zoo)
    assert plain.name == "words"
    with pytest.raises(OptionError, match="a column 'words' already"):
        added(bench, ["words", "words"], zoo)


class Many(Metric):
    """Scores rows together."""

    name = "many"
    headings = (Heading("Many"),)
    lost: int = option(0, "Scores that it loses")

    def score(self, prediction):
        return Scored(len(prediction) / 10)

    def score_many(self, rows, tell):
        assert all(set(row) == {"prediction"} for row in rows)
        found = [len(row["prediction"]) / 10 for row in rows]
        return found[: len(found) - self.lost]


def test_scores_of_many_rows_keep_their_order_and_number():
    rows = [{"prediction": "x" * i, "answer": "a"} for i in (3, 1, 2)]
    given = copy.deepcopy(rows)
    assert [one.value for one in scored(Many(), rows, Progress())] == [0.3, 0.1, 0.2]
    assert rows == given and scored(Many(), [], Progress()) == []
    with pytest.raises(PluginError, match=r"many.score_many returned 2 scores for 3 rows"):
        scored(Many(lost=1), rows, Progress())


def test_a_metric_without_it_is_scored_row_by_row(zoo):
    rows = [{"prediction": "Ann", "keywords": ("Ann",)}, {"prediction": "Bob", "keywords": ()}]
    first, second = scored(zoo.get("metric", "words")(), rows, Progress())
    assert first == Scored(1.0) and math.isnan(second.value)
