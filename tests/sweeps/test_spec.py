"""What a sweep file may say, and which points it means."""

import json

import pytest

from tests.support.pages import ROOT
from unlearnzoo.cli import main
from unlearnzoo.errors import OptionError
from unlearnzoo.sweeps import spec


def written(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return path


def planned(tmp_path, text, capsys):
    assert main(["sweep", str(written(tmp_path, text)), "--out", str(tmp_path / "out"), "--dry-run", "--json"]) == 0
    told = capsys.readouterr()
    return json.loads(told.out), told.err


def test_points_are_the_product_of_the_axes(tmp_path, capsys):
    text = (
        "fixed: {bench: remem, unlearn.steps: 8}\n"
        "axes: {algo: [ga, gd], forget: [5%, 10%], seed: [0, 1, 2], npo.beta: [.1]}"
    )
    points, told = planned(tmp_path, text, capsys)
    assert len(points) == 12 and {p["status"] for p in points} == {"open"}
    assert points[0]["argv"] == [
        "unlearnzoo",
        "run",
        "--algo=ga",
        "--bench=remem",
        "--forget=5%",
        "--set=npo.beta=0.1",
        "--seed=0",
        "--set=unlearn.steps=8",
    ]
    assert len({p["key"] for p in points}) == 12
    assert "12 points" in told and "0, 1, 2  (averaged over)" in told and "not known before the first" in told
    assert not (tmp_path / "out").exists()


def test_the_identity_of_a_point_is_its_command_line_alone(tmp_path, capsys):
    one, _ = planned(tmp_path, "fixed: {bench: remem, target_seed: 1}\naxes: {algo: [ga], seed: [0]}", capsys)
    same, _ = planned(
        tmp_path, "fixed: {algo: ga}\naxes: {seed: [0, 1], target-seed: [1], bench: [remem]}\ncolumns: [EMf]", capsys
    )
    assert one[0]["key"] == same[0]["key"] != same[1]["key"]


def test_a_list_of_axes_is_their_union(tmp_path, capsys):
    points, _ = planned(
        tmp_path, "fixed: {bench: remem}\naxes:\n- {algo: [ga, gd], seed: [0, 1]}\n- {algo: [ga], seed: [1, 2]}", capsys
    )
    assert len(points) == 5


def test_flags_lists_and_what_is_left_out(tmp_path, capsys):
    points, _ = planned(
        tmp_path,
        "fixed: {bench: remem}\naxes:\n  algo: [[ga, gd]]\n  allow-unmemorised: [true, false]\n  recipe: [null, paper]",
        capsys,
    )
    lines = [" ".join(p["argv"][2:]) for p in points]
    assert lines[0] == "--algo=ga,gd --allow-unmemorised --bench=remem"
    assert lines[3] == "--algo=ga,gd --bench=remem --recipe=paper"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("axes", "expected `axes:` and other keys, got a str"),
        ("axis: {seed: [0]}", "a sweep has no key 'axis'; did you mean 'axes'?"),
        ("fixed: {algo: ga}", "axes: write `name: [value, ...]` lines"),
        ("axes: {seed: 0}", "axes: seed: expected a list of values, got 0"),
        ("axes: {seed: [0, 0]}", "a value is there twice"),
        ("axes: {seed: [0]}\nfixed: {seed: 0}", "seed is an axis and fixed"),
        ("axes: {seed: [0]}\nfixed: {learn: {epochs: 1}}", "write learn.OPTION: VALUE"),
        ("axes: {seed: [0]}\nfixed: {runs_dir: x}", "runs-dir is given to each point by the sweep itself"),
        ("axes: {seed: [0]}\nrepeats: [sed]", "repeats: 'sed' is no axis; did you mean 'seed'?"),
        ("axes: {seed: [0], algo: [ga]}\nplot: {x: seed}", "plot: x: 'seed' is no axis that is shown"),
        ("axes: {seed: [0]}\nplot: {y: EMf}", "plot has no key 'y'"),
        ("axes: [", "no YAML"),
        ("axes: {seed: &s [0, 1], target_seed: *s}", "an alias"),
        (f"axes: {{{', '.join(f'{axis}: {list(range(1000))}' for axis in 'abcde')}}}", "1,000,000,000,000,000 points"),
    ],
)
def test_a_mistake_in_the_file_is_one_line(tmp_path, text, told):
    path = written(tmp_path, text)
    with pytest.raises(OptionError) as caught:
        spec.read(path)
    assert told in str(caught.value) and str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("command: rnu\naxes: {seed: [0]}", "command: there is no 'rnu'; did you mean 'run"),
        ("command: list\naxes: {seed: [0]}", "list has no --runs-dir"),
        ("command: learn\naxes: {target-seed: [zero]}", "'zero' is not a valid integer"),
        ("axes: {algo: [ga], allow-unmemorised: [1]}", "expected true or false, got 1"),
    ],
)
def test_a_mistake_in_a_command_line_is_told_before_anything_runs(tmp_path, capsys, text, told):
    assert main(["sweep", str(written(tmp_path, text)), "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert told in err and len(err.strip().splitlines()) == 1 and not (tmp_path / "out").exists()


STUDIES = {"scaling": 15, "hops": 12, "forget_ratio": 60, "forget_draw": 15}


def test_every_study_is_here():
    assert {p.stem for p in (ROOT / "examples/studies").glob("*.yaml")} == set(STUDIES)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_one_command(name, capsys, tmp_path):
    path = ROOT / f"examples/studies/{name}.yaml"
    assert main(["sweep", str(path), "--out", str(tmp_path / "out"), "--dry-run"]) == 0
    assert f"{STUDIES[name]} points" in capsys.readouterr().err
    assert spec.read(path).plot["x"] and len(spec.read(path).repeats) == 1
