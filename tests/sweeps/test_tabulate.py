"""Numbers of a sweep by hand, and the time that it is said to take."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.support import records
from unlearnzoo.cli import main
from unlearnzoo.errors import DataError
from unlearnzoo.records.record import Record
from unlearnzoo.sweeps import estimate, plot, tabulate
from unlearnzoo.sweeps.spec import Spec
from unlearnzoo.sweeps.state import RUNS, Point, ended, key, write_result


def spec(*columns, repeats=("seed",), **drawing):
    return Spec("mine", ("run",), {}, (), repeats, columns, {"columns": (), **drawing}, {})


def rows_of(asked, points):
    return tabulate.rows(asked, tabulate.read(asked, points))


def point(home, kept, **values):
    """Return a finished point whose record is as a run leaves it."""
    argv = ("run", "--bench=remem", *(f"--{name}={value}" for name, value in values.items()))
    found = Point(values, argv, home / "points" / key(argv))
    record = records.finished(found.folder / RUNS, values.get("algo", "ga"), kept, seed=values.get("seed", 0))
    write_result(found.folder, 0, seconds=10.0 * kept, records=[record["folder"].rpartition("/")[2]])
    return found


@pytest.fixture
def points(tmp_path):
    return [
        point(tmp_path, kept, algo=algo, seed=seed)
        for algo, base in (("ga", 0.3), ("gd", 0.6))
        for seed, kept in enumerate((base, base + 0.1, base + 0.2))
    ]


def mean_of(point, column, group, model="unlearned"):
    (path,) = (point.folder / RUNS).glob("*/run.json")
    return next(
        r["mean"]
        for r in json.loads(path.read_text())["results"]
        if (r["model"], r["column"], r["group"].get("hop")) == (model, column, group)
    )


def test_mean_and_students_interval_over_seeds(points):
    rows = rows_of(spec("EMr"), points)
    assert [(r["axes"], r["group"]) for r in rows] == [
        ({"algo": a}, g) for a in ("ga", "gd") for g in ("multi-hop", "single-hop")
    ]
    for row, three in zip(rows[::2], (points[:3], points[3:]), strict=True):
        values = [mean_of(p, "EMr", "multi") for p in three]
        mean = sum(values) / 3
        half = 4.302653 * (sum((v - mean) ** 2 for v in values) / 2 / 3) ** 0.5
        assert (row["mean"], row["low"], row["high"], row["n"]) == pytest.approx((mean, mean - half, mean + half, 3))


def test_columns_of_other_models_of_the_curve_and_of_files(points):
    rows = rows_of(spec("base:EMf", "EMr@50%", "run.json:seconds"), points[:1])
    found = {(r["column"], r["group"]): (r["mean"], r["share"]) for r in rows}
    assert found["base:EMf", "single-hop"] == (mean_of(points[0], "EMf", "single", "base"), True)
    (path,) = (points[0].folder / RUNS).glob("*/run.json")
    assert found["EMr@50%", "multi-hop"] == (json.loads(path.read_text())["matched"]["0.50"]["multi"], True)
    assert found["run.json:seconds", "total"] == (12.0, False)


def test_a_level_that_was_not_reached_is_no_value(points, tmp_path):
    (path,) = (points[0].folder / RUNS).glob("*/run.json")
    record = json.loads(path.read_text())
    record["matched"]["0.10"]["single"] = None
    path.write_text(json.dumps(record))
    rows = {r["group"]: r["n"] for r in rows_of(spec("EMr@10%"), points[:3])}
    assert rows == {"single-hop": 2, "multi-hop": 3}
    text = tabulate.table(spec("EMr@10%"), rows_of(spec("EMr@10%"), points[:1])).text()
    assert "–" in text and "0/1" in text


def test_points_by_other_rules_are_said(points):
    assert tabulate.unlike(tabulate.read(spec(), points)) is None
    (path,) = (points[0].folder / RUNS).glob("*/run.json")
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "plan": {}}))
    said = tabulate.unlike(tabulate.read(spec(), points))
    assert said.startswith(
        "points were made by other rules (not told by its older version: 1 records; pictures 2, text 2: 5 re"
    )


def test_a_diverged_algorithm_is_not_shown_as_the_target(points, tmp_path):
    """It has results of base and target alone; its point is finished where another algorithm came to an end."""
    (path,) = (points[0].folder / RUNS).glob("*/run.json")
    record = json.loads(path.read_text())
    results = [row for row in record["results"] if row["model"] != "unlearned"]
    path.write_text(json.dumps(record | {"status": "diverged", "results": results}))
    rows = {r["group"]: (r["n"], r["values"]) for r in rows_of(spec("EMr"), points[:3])}
    assert rows["single-hop"] == (2, [mean_of(p, "EMr", "single") for p in points[1:3]])


def record_of(point):
    (path,) = (point.folder / RUNS).glob("*/run.json")
    return path


BAD = {
    "damaged; it is no JSON": "{",
    "damaged; `results[0].mean`: expected a score from 0 to 1, got 7": {"results": [{"mean": 7}]},
    "its schema is 9, this unlearnzoo reads 1 and 2; use the version that wrote it": {"schema": 9},
}


@pytest.mark.parametrize("told", BAD)
def test_a_bad_record_is_named_and_hides_no_other(points, told):
    path, whole = record_of(points[0]), json.loads(record_of(points[0]).read_text())
    if isinstance(BAD[told], dict):
        change = {"results": [whole["results"][0] | {"mean": 7}, *whole["results"][1:]]}
        path.write_text(json.dumps(whole | (change if "results" in BAD[told] else BAD[told])))
    else:
        path.write_text(BAD[told])
    found = tabulate.read(spec("EMr"), points[:3])
    assert [one.problem for one in found] == [f"{path}: {told}", None, None]
    rows = {row["group"]: row for row in tabulate.rows(spec("EMr"), found)}
    assert rows["multi-hop"]["values"] == [mean_of(p, "EMr", "multi") for p in points[1:3]]
    data = tabulate.as_data(spec("EMr"), points[:3], [], found)
    assert [row["unread"] for row in data["points"]] == [[f"{path}: {told}"], [], []]
    assert tabulate.unlike(found) is None


@pytest.mark.parametrize("lost", ["run.json", "its folder"])
def test_a_record_that_is_gone_is_named(points, lost):
    path = record_of(points[0])
    path.unlink()
    if lost == "its folder":
        shutil.rmtree(path.parent)
    (found,) = tabulate.read(spec("EMr"), points[:1])
    assert found.problem == f"{path.parent}: no run's folder; it has no run.json"


def test_of_two_records_of_a_point_the_whole_one_is_shown(points):
    path = record_of(points[0])
    other = records.finished(path.parents[1], "npo", 0.5)["folder"].rpartition("/")[2]
    write_result(points[0].folder, 0, records=[path.parent.name, other])
    path.write_text("{")
    rows = rows_of(spec("EMr"), points[:1])
    assert {row["axes"]["algorithm"] for row in rows} == {"npo"} and {row["n"] for row in rows} == {1}


def test_where_nothing_can_be_read_no_column_is_blamed(points):
    record_of(points[0]).write_text("{")
    assert rows_of(spec("EMr"), points[:1]) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [("{", "damaged; it is no JSON"), ('{"a": 1e200}', "a is 1e+200, no number from -1e+100 to 1e+100")],
)
def test_another_file_that_is_damaged_is_named(points, content, told):
    for one, text in zip(points, (content, '{"a": 2}'), strict=False):
        (record_of(one).parent / "own.json").write_text(text)
    asked = spec("own.json:a")
    found = tabulate.read(asked, points[:2])
    assert found[0].problem == f"{record_of(points[0]).parent / 'own.json'}: {told}"
    assert [row["values"] for row in tabulate.rows(asked, found)] == [[2.0]]


def test_the_command_shows_the_others_and_says_which_is_bad(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    file = "command: run\nfixed: {algo: npo, bench: remem}\naxes: {seed: [0, 1]}\ncolumns: [EMr]\n"
    (tmp_path / "s.yaml").write_text(file)
    assert main(["sweep", "s.yaml", "--dry-run", "--json"]) == 0
    for row in json.loads(capsys.readouterr().out):
        folder = tmp_path / "sweeps/s/points" / row["key"]
        name = Path(records.finished(folder / RUNS)["folder"]).name
        write_result(folder, 0, seconds=1.0, records=[name])
    assert main(["sweep", "s.yaml"]) == 0
    (folder / RUNS / name / "run.json").write_text('{"schema": 2, "\x1b": 1}')
    capsys.readouterr()
    assert main(["sweep", "s.yaml"]) == 1
    told = capsys.readouterr()
    assert f"not in the table: seed=1 [{row['key']}]: sweeps/s/points/{row['key']}/runs/{name}/run.json: da" in told.err
    assert "delete a point's folder to have it done again" in told.err and "\x1b" not in told.err
    line = next(line for line in told.out.splitlines() if line.startswith("all "))
    assert line.split()[1] == "1"


def test_a_column_that_is_nowhere_is_refused_with_what_there_is(points):
    with pytest.raises(DataError, match=r"no finished point has a column 'EMz'; there is EMr, EMf, Exp, public EM"):
        rows_of(spec("EMz"), points)


def test_the_table_has_one_line_per_combination(points):
    text = tabulate.table(spec("EMr", "EMf"), rows_of(spec("EMr", "EMf"), points)).text()
    lines = text.splitlines()
    assert lines[0] == "mine, per cent; mean and 95 % interval over seed"
    assert [line.split()[0] for line in lines if line.startswith("algo=")] == ["algo=ga", "algo=gd"]
    assert "single-hop" in text and re.search(r"\d\.\d \[-?\d+\.\d\.\.\d+\.\d\]", text) and "/" not in text


def test_a_picture_of_it(points, tmp_path):
    pytest.importorskip("matplotlib")
    rows = rows_of(spec("EMr", "EMf"), points)
    plot.draw(spec("EMr"), rows, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes()[:4] == b"\x89PNG"
    plot.draw(spec("EMr"), [*rows, {**rows[0], "mean": None, "low": None, "high": None}], tmp_path / "plot.svg")
    assert b"algo" in (tmp_path / "plot.svg").read_bytes()


def test_places_are_numbers_where_they_are_numbers():
    assert plot._places(["5%", "20%", "5%"]) == ({"5%": 5.0, "20%": 20.0}, False)
    assert plot._places(["ga", "5"]) == ({"ga": 0.0, "5": 1.0}, True)


def test_time_is_read_off_finished_points_and_never_made_up(points, tmp_path):
    fresh = Point({"algo": "ga", "seed": 9}, ("run", "--algo=ga", "--seed=9"), tmp_path / "points" / "x")
    assert estimate.estimate([fresh], ("seed",), tmp_path / "nowhere") is None
    found = estimate.estimate([fresh, *points], ("seed",), tmp_path / "nowhere")
    assert found.seconds == pytest.approx(5.5) and "6 finished here" in found.basis


def test_time_is_read_off_the_same_command_lines_elsewhere(tmp_path):
    runs = tmp_path / "runs"
    for line, total in (
        ("unlearnzoo run --algo ga --bench remem --seed 7", 20.0),
        ("unlearnzoo run --bench=remem --algo=ga --runs-dir x --json", 30.0),
        ("unlearnzoo run --algo ga --bench remem --set npo.beta=1", 99.0),
        ("unlearnzoo run --algo gd --bench remem", 99.0),
    ):
        with Record.open(runs, algo="ga", bench="remem", command=line) as record:
            record.finish(seconds={"total": total})
    one = Point({}, ("run", "--algo=ga", "--bench=remem", "--seed=0"), tmp_path / "points" / "x")
    found = estimate.estimate([one], ("seed",), runs)
    assert found.seconds == 25.0 and "2 of the same command lines" in found.basis
    assert estimate.estimate([one], (), runs) is None


@pytest.mark.parametrize(("seconds", "told"), [(3, "3 s"), (89, "89 s"), (100, "2 min"), (7200, "2.0 h")])
def test_durations(seconds, told):
    assert estimate.duration(seconds) == told


def test_how_a_process_ended_that_could_not_say_so(tmp_path):
    killed, stopped = (Point({}, ("run",), tmp_path / name) for name in ("killed", "stopped"))
    for one in (killed, stopped):
        one.folder.mkdir()
        (one.folder / "log.txt").write_text("stage 1\n\x1b[31mlast\n")
    ended(killed, -9)
    ended(stopped, -15)
    assert killed.status == "failed" and stopped.status == "open"
    assert killed.result["error"] == "killed by signal 9 (out of memory?); last words: \\x1b[31mlast"


def test_answers_that_could_not_be_scored_are_counted_over_the_repeats(tmp_path):
    both = [point(tmp_path, 0.4, seed=0), point(tmp_path, 0.6, seed=1)]
    for one in both:
        (folder,) = (one.folder / RUNS).iterdir()
        record = json.loads((folder / "run.json").read_text())
        for row in record["results"]:
            if (row["model"], row["column"], row["group"]) == ("unlearned", "EMf", {"hop": "single"}):
                row |= {"n": 2, "unscored": 12}
        (folder / "run.json").write_text(json.dumps(record))
    own = spec("EMf")
    (row,) = (row for row in rows_of(own, both) if row["group"] == "single-hop")
    assert (row["scored"], row["unscored"]) == (4, 24)
    text = tabulate.table(own, rows_of(own, both)).text()
    assert text.count("(4/28)") == 1


def test_a_point_that_does_not_reach_what_is_required_counts(tmp_path):
    """Left out, the average would be over the points that did."""
    one = point(tmp_path, 0.4, seed=0)
    result = json.loads((one.folder / "result.json").read_text())
    (one.folder / "result.json").write_text(json.dumps(result | {"exit": 5}))
    assert one.status == "finished"
    assert all(row["n"] == 1 for row in rows_of(spec("EMr"), [one]))
