"""A redacted record holds scores, and no name, value or text of the data, in any of its files."""

import json
import re
from pathlib import Path

import pytest

import unlearnzoo
from tests.runs import bare
from tests.support import records, three
from unlearnzoo.errors import DataError, GateError
from unlearnzoo.evaluation.samples import read_samples
from unlearnzoo.planning.make import make_plan
from unlearnzoo.planning.request import from_arguments
from unlearnzoo.records.record import Record
from unlearnzoo.records.redaction import Redactor
from unlearnzoo.records.store import load
from unlearnzoo.registry.zoo import Zoo
from unlearnzoo.reports import report


@pytest.fixture(scope="module")
def pair(tmp_path_factory, shared_folder):
    """The same run, redacted and not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNLEARNZOO_CACHE", str(shared_folder / "cache"))
        folder = tmp_path_factory.mktemp("runs")
        return [bare.run(folder / str(redact), "ga", redact=redact)[0] for redact in (True, False)]


def private(plan):
    """Return every identity, name, value, question and answer of the data."""
    rows = [e for split in ("finetune", "retain", "test") for e in plan.benchmark.examples(split)]
    texts = {text for e in rows for text in (e.identity, e.id, e.question, e.answer, *e.keywords)}
    names = {name for e in rows for name in re.findall(r"\b[A-Z][a-z]+(?: [A-Z][a-z]+)+\b", f"{e.question} {e.answer}")}
    return {text for text in texts | names if len(text) > 2}  # one or two signs are everywhere


def test_no_file_of_the_folder_holds_any_text_of_the_data(pair):
    plan = make_plan(
        from_arguments({"algo": "ga", "bench": "remem", "forget": three.FORGET}, three.OPTIONS), Zoo.installed()
    )
    redacted, plain = (Path(record["folder"]) for record in pair)
    wanted = private(plan)
    assert len(wanted) > 100
    assert sorted(p.name for p in redacted.iterdir()) == ["run.json", "samples.parquet", "steps.jsonl"]

    def held(folder):
        # Parquet compresses: what stands in its columns is looked through, too.
        content = [p.read_bytes().decode("utf-8", "replace") for p in folder.iterdir() if p.is_file()]
        content += [str(sample) for sample in read_samples(folder / "samples.parquet")]
        return {text for text in wanted if any(text in one for one in content)}

    assert held(redacted) == set()
    assert len(held(plain)) > 100  # the search does find


def test_the_scores_are_all_there(pair):
    redacted, plain = (load(Path(record["folder"])) for record in pair)
    assert redacted["results"] == plain["results"]
    assert redacted["curve"] == plain["curve"] and redacted["matched"] == plain["matched"]
    ours, theirs = (read_samples(Path(r["folder"]) / "samples.parquet") for r in (redacted, plain))
    assert [(s.model, s.split, s.scores) for s in ours] == [(s.model, s.split, s.scores) for s in theirs]
    assert {s.question + s.answer + str(s.prediction) for s in ours} == {"None"}


def test_redacted_records_are_compared_example_by_example(tmp_path):
    rows = [unlearnzoo.Example(id="x", identity="p00", images=(), question="Who?", answer="Ann.")]
    redactor = Redactor(rows, records.EVALS)
    plain = [records.finished(tmp_path / "plain", algo, kept) for algo, kept in (("ga", 0.3), ("gd", 0.7))]
    redacted = [
        records.finished(tmp_path / "redacted", algo, kept, redactor=redactor)
        for algo, kept in (("ga", 0.3), ("gd", 0.7))
    ]
    keep = ("a", "b", "column", "mean", "n", "clusters", "unpaired")
    found, expected = ([{k: row[k] for k in keep} for row in report.data(r)["paired"]] for r in (redacted, plain))
    assert found == expected and any(row["mean"] for row in found)


def test_pseudonyms_are_stable_and_cannot_be_guessed_without_the_data():
    def row(**more):
        return unlearnzoo.Example(
            **{"id": "a", "identity": "Ann Lee", "images": (), "question": "?", "answer": "x"} | more
        )

    one, again = (Redactor([row(), row(id="b")][::sign], ()) for sign in (1, -1))
    other = Redactor([row(), row(id="b", answer="y")], ())
    assert one.name("Ann Lee") == again.name("Ann Lee") != one.name("Bob Ray")
    assert one.name("Ann Lee") != other.name("Ann Lee")


def test_the_row_that_decides_where_answers_are_cut_is_a_pseudonym():
    redactor = Redactor([], ())
    said = redactor.fields({"plan": {"rules": records.rules(), "columns": ["EMf"]}})["plan"]
    (row,) = {limit["row"] for limit in said["rules"]["generation"].values()}
    assert row == redactor.name("r-0") and said["columns"] == ["EMf"]
    assert {limit["tokens"] for limit in said["rules"]["generation"].values()} == {26}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (DataError("row 3: Ann Lee"), "DataError: its words are left out by --redact; run it again without"),
        (GateError("stage 1 failed"), "stage 1 failed"),
    ],
)
def test_an_error_may_quote_the_data(tmp_path, error, told):
    with pytest.raises(type(error)), Record.open(tmp_path, algo="ga", bench="x", redactor=Redactor([], ())) as record:
        raise error
    assert json.loads((record.folder / "run.json").read_text())["error"] == told
