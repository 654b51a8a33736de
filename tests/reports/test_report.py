"""The report's text: what stands where, and that nothing in it can harm a terminal."""

import json

import pytest

from tests.support.records import finished
from unlearnzoo.errors import DataError, GateError
from unlearnzoo.records.record import Record
from unlearnzoo.reports.report import render


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [finished(folder, "ga", 0.3), finished(folder, "npo", 0.9)]


def section(text, title):
    """Return the lines of the part whose first line begins so."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(title))
    ends = [i for i, line in enumerate(lines) if i > start + 2 and not line]
    return lines[start : ends[0]]


def test_the_papers_layout(two):
    lines = section(render(two), "Results, per cent: remem with tiny")
    assert [part.strip() for part in lines[2].split("|")] == ["single-hop", "multi-hop", "utility"]
    assert lines[3].split() == ["EMr", "EMf", "Exp", "|"] * 2 + ["public", "EM"]
    assert [line.split()[0] for line in lines[4:] if "─" not in line] == [
        "chance",
        "base",
        "target",
        "ga",
        "npo",
        "n/people",
    ]


def test_numbers_are_the_records(two):
    lines = section(render(two), "Results")
    means = {(r["model"], r["column"], r["group"].get("hop")): r["mean"] for r in two[1]["results"]}
    row = next(line for line in lines if line.startswith("npo")).replace("|", " ").split()[1:]
    assert row == [
        f"{100 * means['unlearned', column, hop]:.1f}"
        for hop in ("single", "multi")
        for column in ("EMr", "EMf", "Exp")
    ] + [f"{100 * means['unlearned', 'public EM', None]:.1f}"]


def test_chance_stands_beside_exposure(two):
    line = next(x for x in section(render(two), "Results") if x.startswith("chance"))
    assert line.replace("|", " ").split() == ["chance", "–", "–", "29.3", "–", "–", "29.3", "–"]


def test_counts(two):
    line = next(x for x in section(render(two), "Results") if x.startswith("n/people"))
    assert line.replace("|", " ").split()[1:4] == ["48/16", "12/4", "12/4"]


def test_matched_levels(two):
    lines = section(render(two), "EMr where EMf first comes down")
    assert lines[2].replace("|", " ").split() == ["single:", "EMr", "at", "EMf", "=", "multi:", "EMr", "at", "EMf", "="]
    assert lines[3].replace("|", " ").split() == ["50", "%", "25", "%", "10", "%"] * 2
    expected = [
        f"{100 * two[0]['matched'][level][hop]:.1f}"
        for hop in ("single", "multi")
        for level in ("0.50", "0.25", "0.10")
    ]
    assert lines[5].replace("|", " ").split() == ["ga", *expected]


def test_a_level_that_was_not_reached_is_a_dash(two):
    record = {**two[0], "matched": {"0.50": {"single": 0.5}, "0.10": {"single": None}}}
    assert section(render([record]), "EMr where")[5].split() == ["ga", "50.0", "–"]


def test_differences_need_two(two):
    assert "ga - npo" in render(two)
    assert "Differences" not in render(two[:1])


def test_a_clear_difference_is_marked_only_where_people_are_enough(two):
    lines = section(render(two), "Differences")
    row = next(line for line in lines if line.startswith("ga - npo"))
    emr, emf = row.removeprefix("ga - npo").split()[:2]
    assert emr.startswith("-")
    assert emr.endswith("*")  # 16 people, .3 against .9
    assert not emf.endswith("*")  # 4 people


def test_intervals_say_what_they_are(two):
    text = render(two, intervals=True)
    assert "[" in section(text, "Results")[7]
    assert "95 % interval" in text
    assert "95 % interval" not in render(two) and "earlier versions" not in text


def test_intervals_by_the_rule_of_before_are_said(two):
    rows = [{k: v for k, v in row.items() if k != "interval"} for row in two[0]["results"]]
    assert "Records of earlier versions have too narrow ones" in render([{**two[0], "results": rows}], True, 200)


def test_one_person_has_no_interval(two):
    none = {"low": None, "high": None, "interval": None, "clusters": 1}
    lines = section(
        render([{**two[0], "results": [row | none for row in two[0]["results"]]}], intervals=True), "Results"
    )
    assert "[" not in "".join(lines)


def test_intervals_are_the_records(two):
    lines = section(render(two, intervals=True), "Results")
    below = lines[next(i for i, line in enumerate(lines) if line.startswith("npo")) + 1]
    row = {r["column"]: r for r in two[1]["results"] if r["model"] == "unlearned" and r["group"].get("hop") == "single"}
    # Four people, too: wide, but there.
    assert below.split()[:2] == [
        f"[{100 * row[column]['low']:.0f}..{100 * row[column]['high']:.0f}]" for column in ("EMr", "EMf")
    ]


def test_a_run_that_was_killed_is_said(two):
    text = render([{**two[0], "status": "started"}])
    assert text.splitlines()[0] == "ga: not finished: it is still running, or it was killed; no result."


def test_a_run_cut_short_is_no_run_of_its_method(two):
    cut = {**two[1], "status": "interrupted", "error": "interrupted", "results": [], "group": "g"}
    del cut["verdict"]
    text = render([two[0], cut])
    first = " ".join(" ".join(text.splitlines()[:3]).split())
    assert first.startswith("npo: not finished: it was interrupted; its curve ends at step 24; no result;")
    assert f"unlearnzoo run --resume {cut['folder']}" in " ".join(text.split())
    equal = section(text, "EMr where EMf first comes down")
    assert any(line.startswith("ga") for line in equal) and not any(line.startswith("npo") for line in equal)


def test_of_a_run_that_diverged_the_curve_is_shown_as_such(two):
    results = [row for row in two[1]["results"] if row["model"] != "unlearned"]
    text = render([two[0], {**two[1], "status": "diverged", "error": "x", "results": results}])
    assert any(line.startswith("npo, 1 diverged") for line in section(text, "EMr where EMf first comes down"))


@pytest.mark.parametrize("width", [80, 100, 140])
@pytest.mark.parametrize("intervals", [False, True])
def test_never_wider_than_asked(two, width, intervals):
    assert max(map(len, render(two, intervals, width).splitlines())) <= width


def test_nothing_from_a_record_reaches_the_terminal_raw(two):
    evil = json.loads(
        json.dumps(two[0])
        .replace('"EMf"', r'"E\u001b[2J\u202e"')
        .replace('"ga"', r'"g\u001b]0;x\u0007[red]a"')
        .replace('"single"', r'"s\r\nX"')
        .replace('"tiny"', r'"t\u0000"')
    )
    text = render([{**evil, "status": "failed", "error": "line\nother\x1b[31m"}, two[1]])
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "[red]" in text


def test_a_run_that_stopped_at_the_gate(tmp_path):
    with (
        pytest.raises(GateError),
        Record.open(tmp_path, algo="npo", bench="remem", algorithm={"name": "npo"}) as record,
    ):
        record.update(valid=False)
        raise GateError("stage 1 failed: EM 13 % < 80 %")
    text = render([record.data])
    assert text.splitlines()[0] == "npo: failed (stage 1 failed: EM 13 % < 80 %); no result."
    assert "not valid" not in text, "the reason has said so"


def test_a_diverged_run_keeps_its_row(two):
    results = [row for row in two[1]["results"] if row["model"] != "unlearned"]
    text = render([two[0], {**two[1], "status": "diverged", "error": "x", "results": results}])
    line = next(x for x in section(text, "Results") if x.startswith("npo"))
    assert set(line.replace("|", " ").split()[1:]) == {"–"}


def test_an_own_target_has_no_base(two):
    results = [row for row in two[0]["results"] if row["model"] != "base"]
    lines = section(render([{**two[0], "results": results}]), "Results")
    assert not any(line.startswith("base") for line in lines)


def test_damaged_samples_are_an_error(two, tmp_path):
    (tmp_path / "samples.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"samples\.parquet"):
        render([two[0], {**two[1], "folder": str(tmp_path)}])
