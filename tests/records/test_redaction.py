"""A redacted record holds scores, and no name, value or text of the data, in any of its files."""

import dataclasses
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

import unlearnzoo
from tests.runs import bare
from tests.support import records, three
from tests.support.samples import EM
from unlearnzoo import Column
from unlearnzoo.cli import main
from unlearnzoo.errors import DataError, GateError
from unlearnzoo.evaluation import aggregate
from unlearnzoo.evaluation.samples import read_samples, write_samples
from unlearnzoo.planning.make import make_plan
from unlearnzoo.planning.request import from_arguments
from unlearnzoo.records.record import Record
from unlearnzoo.records.redaction import SILENT, Redactor
from unlearnzoo.records.run_file import locked
from unlearnzoo.records.store import load
from unlearnzoo.registry.zoo import Zoo
from unlearnzoo.reports import report
from unlearnzoo.reports.verify import verify
from unlearnzoo.storage.atomic import file_hash


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


def test_redacting_afterwards_is_as_if_the_run_had_been_asked_to(pair, tmp_path):
    """Same pseudonyms, same samples, same record, and no data at hand."""
    before, _ = pair
    shutil.copytree(pair[1]["folder"], tmp_path / Path(pair[1]["folder"]).name)
    (folder,) = tmp_path.iterdir()
    assert main(["redact", str(folder), "--yes"]) == 0
    assert read_samples(folder / "samples.parquet") == read_samples(Path(before["folder"]) / "samples.parquet")
    asked, after = load(Path(before["folder"])), load(folder)
    own = {"folder", "time", "seconds", "machine", "redacted", "group", "target", "files", "command"}
    assert {k: v for k, v in after.items() if k not in own} == {k: v for k, v in asked.items() if k not in own}
    assert sorted(p.name for p in folder.iterdir()) == ["run.json", "samples.parquet", "steps.jsonl"]
    assert list(after["files"]) == ["samples.parquet"] == list(asked["files"])
    once = (folder / "run.json").read_bytes()
    assert main(["redact", str(folder), "--yes"]) == 0 and (folder / "run.json").read_bytes() == once


NAMED = {"p00": "Ann Lee", "p01": "Zoë Müller", "p02": "王芳", "p03": "7"}


def named(runs_dir, **more):
    """Return the folder of a run over people with names, which stand in paths and in the command line too."""
    record = records.finished(
        runs_dir,
        command="unlearnzoo run --set folder.data=/data/ann-lee/x.csv --model /m/王芳的 --seed 7",
        arguments={
            "set": {"folder.data": "/data/ann_lee/x.csv", "n": 7},
            "model": "/data/ZOE%20MULLER",
            "redact": False,
        },
        benchmark={"name": "folder", "distribution": "d", "data": "d1", "forget_identities": sorted(NAMED.values())},
        **more,
    )
    folder = Path(record["folder"])
    samples = [
        dataclasses.replace(
            s, identity=(who := NAMED.get(s.identity, s.identity)), identities=(who,), question=f"{who}?"
        )
        for s in read_samples(folder / "samples.parquet")
    ]
    write_samples(folder / "samples.parquet", samples)
    (folder / "adapter").mkdir()
    (folder / "adapter" / "adapter_model.safetensors").write_bytes(b"secret")
    return folder


def test_names_are_taken_out_of_paths_and_the_command_line(tmp_path, capsys):
    folder = named(tmp_path / "runs")
    assert main(["redact", str(folder), "--yes", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["people"] == 20 and row["answers"] == 1080 and [Path(p).name for p in row["removed"]] == ["adapter"]
    after, text = load(folder), (folder / "run.json").read_text()
    assert not re.search("ann.lee|zoe|muller|王芳", text, re.IGNORECASE)
    word = next(p for p in after["benchmark"]["forget_identities"] if p in after["command"])
    assert after["arguments"]["set"] == {"folder.data": f"/data/{word}/x.csv", "n": 7}
    assert after["command"].endswith("--seed 7") and after["benchmark"]["name"] == "folder"
    assert after["arguments"]["redact"] and {s.question for s in read_samples(folder / "samples.parquet")} == {""}
    assert {s.identity for s in read_samples(folder / "samples.parquet")} >= set(
        after["benchmark"]["forget_identities"]
    )


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"status": "failed", "error": "row 3: Ann Lee lives in Rome"}, SILENT),
        ({"status": "failed", "error": "DataError: row 3: Ann Lee"}, f"DataError: {SILENT}"),
        ({"status": "failed", "error": "stage 1 failed: EM 3 %"}, "stage 1 failed: EM 3 %"),
        ({"status": "diverged", "error": "the loss is nan at step 3"}, "the loss is nan at step 3"),
    ],
)
def test_the_words_of_an_error_are_left_out_afterwards_too(tmp_path, more, told):
    folder = named(tmp_path / "runs")
    edit(folder, **more)
    assert main(["redact", str(folder), "--yes"]) == 0 and load(folder)["error"] == told


def test_what_cannot_be_known_is_said(tmp_path, capsys):
    folder = named(tmp_path / "runs")
    (folder / "samples.parquet").unlink()
    renamed = folder.with_name(folder.name.replace("npo", "Ann-Lee"))
    folder.rename(renamed)
    assert main(["redact", str(renamed), "--yes"]) == 0
    said = capsys.readouterr().err
    assert "it kept no answers, so names are known of the forget identities alone" in said
    assert "called by a person's name; rename it" in said
    people = load(renamed)["benchmark"]["forget_identities"]
    # Without texts there is no key to rebuild, and one that can be guessed would let names be tried.
    assert not {Redactor([], ()).name("Ann Lee"), Redactor([], (), b"unlearnzoo redact").name("Ann Lee")} & set(people)


def test_a_running_one_and_a_stopped_redaction(tmp_path, capsys):
    folder = named(tmp_path / "runs")
    with locked(folder):
        assert main(["redact", str(folder), "--yes"]) == 1
    assert "it is running" in capsys.readouterr().err and (folder / "adapter").is_dir()
    edit(folder, redacted="2026-01-01T00:00:00+00:00")  # and the samples still hold texts
    assert main(["redact", str(folder), "--yes"]) == 0
    assert not (folder / "samples.parquet").exists() and not (folder / "adapter").exists()
    (tmp_path / "runs" / "notes").mkdir()
    assert main(["redact", str(tmp_path / "runs" / "notes"), "--yes"]) == 1


def edit(folder, **changes):
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


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
        (DataError("row 3: Ann Lee"), "DataError: its words are left out by redaction; run it again without"),
        (GateError("stage 1 failed"), "stage 1 failed"),
    ],
)
def test_an_error_may_quote_the_data(tmp_path, error, told):
    with pytest.raises(type(error)), Record.open(tmp_path, algo="ga", bench="x", redactor=Redactor([], ())) as record:
        raise error
    assert json.loads((record.folder / "run.json").read_text())["error"] == told


def renamed(runs_dir, name, **fields):
    """Return the folder of a run whose `p00` has another name, with other fields."""
    folder = Path(records.finished(runs_dir)["folder"])
    record = load(folder)
    people = sorted({name, *record["benchmark"]["forget_identities"]} - {"p00"})
    edit(folder, benchmark={**record["benchmark"], "distribution": "d", "forget_identities": people}, **fields)
    rows = read_samples(folder / "samples.parquet")
    write_samples(
        folder / "samples.parquet",
        [dataclasses.replace(s, identity=name, identities=(name,)) if s.identity == "p00" else s for s in rows],
    )
    edit(folder, files={"samples.parquet": file_hash(folder / "samples.parquet")})
    return folder


@pytest.mark.parametrize("name", ["Chance", "low", "Target", "step", "Max", "May", "GA"])
def test_a_person_called_like_a_word_of_the_record_is_not_told_by_what_is_missing(tmp_path, name):
    """A pseudonym in the place of a flag, a key or a word of a sentence would say whose it is."""
    command = "unlearnzoo run --algo ga --max-new-tokens 5 --set npo.max_steps=3 --target t"
    arguments = {"set": {"npo.max_steps": "3"}, "max_new_tokens": 5, "algo": ["ga"]}
    folder = renamed(tmp_path / "runs", name, command=command, arguments=arguments)
    before = load(folder)
    assert main(["redact", str(folder), "--yes"]) == 0
    after = load(folder)
    for limit in [x for r in (before, after) for x in r["plan"]["rules"]["generation"].values()]:
        limit.pop("row")
    own = {"benchmark", "arguments", "redacted", "files"}
    assert {k: v for k, v in after.items() if k not in own} == {k: v for k, v in before.items() if k not in own}
    assert after["arguments"] == arguments | {"redact": True}
    assert name not in after["benchmark"]["forget_identities"]
    assert verify(after)["differences"] == []


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("Sean O'Brien", shlex.quote("Sean O'Brien")),
        ("Sean O'Brien", "sean-o-brien"),
        ("Sean O'Brien", "Sean%20O%27Brien"),
        ("Zoë Müller", "Zo%C3%AB%20M%C3%BCller"),
        ("Zoë Müller", "zo%c3%ab_m%c3%bcller"),
        ("王芳", "%E7%8E%8B%E8%8A%B3"),
        ("Max", "max"),
    ],
)
def test_a_name_is_found_as_shells_and_urls_spell_it(tmp_path, name, spelled):
    command = f"unlearnzoo run --max-new-tokens 5 --set folder.data=/data/{spelled}/x.csv --model {spelled}"
    folder = renamed(tmp_path / "runs", name, command=command, arguments={"set": {"folder.data": f"/data/{spelled}"}})
    assert main(["redact", str(folder), "--yes"]) == 0
    after, text = load(folder), (folder / "run.json").read_text()
    (word,) = {part for part in re.split("[/' ]", after["command"]) if re.fullmatch("p[0-9a-f]{16}", part)}
    line = after["command"].replace("'", "")
    assert line == f"unlearnzoo run --max-new-tokens 5 --set folder.data=/data/{word}/x.csv --model {word}"
    assert after["arguments"]["set"]["folder.data"].replace("'", "") == f"/data/{word}"
    assert word in after["benchmark"]["forget_identities"] and spelled not in text.replace("--max-new-tokens", "")


def test_an_option_called_like_a_key_of_the_record_is_looked_at(tmp_path):
    home = str(Path("~").expanduser())
    options = {"split": "Ann Lee", "files": f"{home}/ann-lee.csv"}
    folder = renamed(
        tmp_path / "runs",
        "Ann Lee",
        plan={"benchmark": {"options": options, "published": options, "origins": {}, "provenance": {}}},
    )
    assert main(["redact", str(folder), "--yes"]) == 0
    text = (folder / "run.json").read_text()
    assert "ann" not in text.lower().replace("plan", "") and home not in text


def test_what_a_killed_process_left_beside_its_place_goes_too(tmp_path):
    folder = named(tmp_path / "runs")
    for left in (".samples.parquet-0123abcd", ".run.json-0123abcd"):
        (folder / left).write_bytes(b"Ann Lee")
    assert main(["redact", str(folder), "--yes"]) == 0
    assert sorted(p.name for p in folder.iterdir()) == ["run.json", "samples.parquet"]


BY_PERSON = (
    Column("EMr", "retain", EM, who="retain", want="high", by=("hop",)),
    Column("EMf", "finetune", EM, who="forget", want="low", by=("person", "hop")),
    Column("EMa", "retain", EM, who="retain", want="high", by=(), all_of="together"),
)


def by_person(runs_dir, redactor=None):
    """Return the folder of a run whose benchmark groups by whom a row is about."""
    samples = [
        dataclasses.replace(
            s,
            identity=who,
            identities=(who,),
            tags={**s.tags, "person": who, "near": who, "together": f"{who} {s.id[-1] > '2'}"},
            scores={EM: s.scores[EM]},
        )
        for s in records.judged("unlearned", {"retain": 1.0, "finetune": 0.5})
        for who in [NAMED.get(s.identity, s.identity)]
    ]
    gone = frozenset(NAMED.values())
    samples = [s for s in samples if any(aggregate.concerns(column, s, gone) for column in BY_PERSON)]
    about = {"name": "folder", "distribution": "d", "data": "d1", "forget_identities": sorted(gone)}
    redactor = redactor and redactor(samples, BY_PERSON)
    groups = {f"{who}/{hop}": 0.5 for who in NAMED.values() for hop in records.HOPS}
    with Record.open(runs_dir, algo="npo", bench="folder", benchmark=about, redactor=redactor) as record:
        record.update(algorithm={"name": "npo"}, model={"name": "tiny"})
        record.samples(samples)
        record.finish(
            results=aggregate.results(samples, BY_PERSON, gone),
            curve=[{"step": 0, "EMf": groups, "EMr": dict.fromkeys(records.HOPS, 1.0)}],
            matched={"0.50": groups},
        )
    return record.folder


def test_a_group_that_is_a_person_has_the_pseudonym(tmp_path):
    """Whether the run was asked to redact, or was redacted afterwards; results are made again from its samples."""
    asked = by_person(tmp_path / "asked", Redactor)
    after = by_person(tmp_path / "after")
    assert main(["redact", str(after), "--yes"]) == 0
    for folder in (asked, after):
        record, samples = load(folder), read_samples(folder / "samples.parquet")
        text = (folder / "run.json").read_text() + str(samples)
        assert not re.search("ann.lee|müller|王芳", text, re.IGNORECASE)
        people = set(record["benchmark"]["forget_identities"])
        assert {row["group"]["person"] for row in record["results"] if row["column"] == "EMf"} == people
        assert {s.tags["person"] for s in samples} == {s.identity for s in samples} > people
        assert {s.tags["hop"] for s in samples} == set(records.HOPS) and {*samples[0].tags} == {
            "hop",
            "person",
            "together",
        }
        assert set(record["curve"][0]["EMf"]) == {f"{who}/{hop}" for who in people for hop in records.HOPS}
        assert set(record["matched"]["0.50"]) == set(record["curve"][0]["EMf"])
        differences = [line for line in verify(record)["differences"] if line.startswith(("results", "samples"))]
        assert differences == []  # they are made again from the samples' groups
    one, other = load(asked), load(after)
    assert all(one[key] == other[key] for key in ("results", "curve", "matched", "benchmark"))
    assert read_samples(asked / "samples.parquet") == read_samples(after / "samples.parquet")
