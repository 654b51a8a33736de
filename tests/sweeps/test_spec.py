"""What a sweep file may say, and which points it means."""

import json

import pytest

from tests.support.distributions import algorithm
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
        ("axes: {plugin: [a.py, b.py]}", "axes: plugin: no file starts code by itself; if you trust it, take this out"),
        ("axes: {trust_remote_code: [true, false]}", "axes: trust-remote-code: no file starts code by itself"),
        ("command: run --plugin x.py\naxes: {seed: [0]}", "command: --plugin: no file starts code by itself"),
        ("command: run --plugin=x.py\naxes: {seed: [0]}", "command: --plugin: no file starts code by itself"),
        ("command: learn --trust-remote-code\naxes: {seed: [0]}", "`unlearnzoo sweep FILE` with --trust-remote-code"),
        ("command: run --runs-dir=/elsewhere\naxes: {seed: [0]}", "command: --runs-dir is given to each point by"),
        ("command: run 'x\naxes: {seed: [0]}", 'command: No closing quotation in "run \'x"'),
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
        ("command: list\naxes: {seed: [0]}", "no sweep runs `unlearnzoo list`"),
        (
            "command: purge --all --yes\naxes: {seed: [0]}",
            "no sweep runs `unlearnzoo purge`, which makes no records; write",
        ),
        ("command: sweep other.yaml\naxes: {seed: [0]}", "no sweep runs `unlearnzoo sweep`"),
        ("command: learn\naxes: {target-seed: [zero]}", "'zero' is not a valid integer"),
        ("axes: {algo: [ga], allow-unmemorised: [1]}", "expected true or false, got 1"),
    ],
)
def test_a_mistake_in_a_command_line_is_told_before_anything_runs(tmp_path, capsys, text, told):
    assert main(["sweep", str(written(tmp_path, text)), "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert told in err and len(err.strip().splitlines()) == 1 and not (tmp_path / "out").exists()


CODE = "fixed: {bench: remem, plugin: mine.py, trust_remote_code: true}\naxes: {algo: [ga]}"


@pytest.mark.parametrize(
    ("typed", "lacking"),
    [
        ([], "--plugin mine.py --trust-remote-code"),
        (["--plugin", "other.py"], "--plugin mine.py --trust-remote-code"),
        (["--trust-remote-code"], "--plugin mine.py"),
        (["--plugin", "mine.py"], "--trust-remote-code"),
    ],
)
def test_a_file_starts_no_code_by_itself(tmp_path, capsys, typed, lacking):
    path = written(tmp_path, CODE)
    assert main(["sweep", str(path), "--out", str(tmp_path / "out"), *typed]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{path}: fixed: " in line and line.endswith(f"type `unlearnzoo sweep {path} {lacking}`")
    assert not (tmp_path / "out").exists()


def test_what_is_typed_is_given_to_each_point(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "more"):
        (tmp_path / f"{name}.py").write_text(algorithm(name))
    typed = ["--plugin", "mine.py", "--plugin", "more.py", "--trust-remote-code"]
    keys = set()
    for text in (CODE, "fixed: {bench: remem}\naxes: {algo: [ga]}"):
        line = ["sweep", str(written(tmp_path, text)), "--out", str(tmp_path / "out"), "--dry-run", "--json", *typed]
        assert main(line) == 0
        (point,) = json.loads(capsys.readouterr().out)
        words = ["--algo=ga", "--bench=remem", "--plugin=mine.py", "--plugin=more.py", "--trust-remote-code"]
        assert point["argv"] == ["unlearnzoo", "run", *words]
        keys.add(point["key"])
    assert len(keys) == 1


JUDGED = "fixed: {bench: remem, metric: gpt, gpt.base_url: 'http://elsewhere/v1'}\naxes: {algo: [ga]}"


@pytest.mark.parametrize(
    ("text", "option"),
    [
        (JUDGED, "gpt.base_url"),
        ("fixed: {metric: gpt, gpt.key_env: GITHUB_TOKEN}\naxes: {algo: [ga]}", "gpt.key_env"),
        ("fixed: {metric: gpt}\naxes: {gpt.key_env: [OPENAI_API_KEY, GITHUB_TOKEN]}", "gpt.key_env"),
        ("command: run --metric gpt --set gpt.base_url=http://elsewhere/v1\naxes: {algo: [ga]}", "gpt.base_url"),
        ("command: run --set=gpt.key_env=GITHUB_TOKEN --metric gpt\naxes: {algo: [ga]}", "gpt.key_env"),
        ("fixed: {metric: gpt, 'gpt.base_url ': 'http://elsewhere/v1'}\naxes: {algo: [ga]}", "gpt.base_url"),
        ("fixed: {metric: gpt, 'gpt.base_url=http://elsewhere/': v1}\naxes: {algo: [ga]}", "gpt.base_url"),
    ],
)
def test_a_file_does_not_say_where_answers_are_sent(tmp_path, capsys, text, option):
    path = written(tmp_path, text)
    assert main(["sweep", str(path), "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"Error: {option}: {path} says ") and line.endswith(f"type --set {option}=…")


@pytest.mark.parametrize(
    "text",
    [
        "fixed: {bench: remem, metric: gpt}\naxes: {algo: [ga]}",
        "fixed: {bench: remem, metric: [rouge, unlearnzoo-judge/gpt]}\naxes: {algo: [ga]}",
        "fixed: {bench: remem}\naxes: {algo: [ga], metric: [rouge, 'em,gpt']}",
        "command: run --metric=gpt --bench remem\naxes: {algo: [ga]}",
    ],
)
def test_a_file_has_no_answers_sent_to_where_a_metric_sends_them_by_itself(tmp_path, capsys, text):
    path, typed = written(tmp_path, text), "gpt.base_url=https://api.openai.com/v1"
    line = ["sweep", str(path), "--out", str(tmp_path / "out"), "--dry-run"]
    assert main(line) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"Error: metric gpt: only {path} names it, and it sends") and told.endswith(f"--set {typed}")
    assert main([*line, "--set", typed]) == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fixed: {set: ['gpt.base_url=http://elsewhere/v1']}\naxes: {algo: [ga]}", "set: write each option on a line"),
        ("axes: {algo: [ga], set: ['gpt.base_url=http://elsewhere/v1']}", "set: write each option on a line"),
        ("command: run --set\naxes: {algo: [ga]}", "command: --set '': write NAME=VALUE"),
        ("axes: {algo: [ga]}\ncluster: {slurm_setup: [touch x]}", "cluster: slurm_setup: no file starts code"),
        ("axes: {algo: [ga]}\ncluster: {python: ./mine}", "cluster: python: no file starts code"),
        ("axes: {algo: [ga]}\ncluster: {slurm_additional_parameters: {prolog: x}}", "no file starts code"),
        ('axes: {algo: [ga]}\ncluster: {slurm_comment: "a\\ntouch x"}', "slurm_comment: expected a number or a word"),
    ],
)
def test_a_file_starts_no_code_and_no_judge_by_another_way(tmp_path, capsys, text, told):
    path = written(tmp_path, text)
    assert main(["sweep", str(path), "--out", str(tmp_path / "out"), "--dry-run"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"Error: {path}: ") and told in line


@pytest.mark.parametrize(
    "text",
    [
        "fixed: {bench: remem, launch: own.yaml}\naxes: {algo: [ga]}",
        "fixed: {bench: remem}\naxes: {algo: [ga], launch: [ddp, own.yaml]}",
        "command: run --launch own.yaml --bench remem\naxes: {algo: [ga]}",
    ],
)
def test_a_file_joins_no_other_machines(tmp_path, capsys, monkeypatch, text):
    """Processes of one launch are sent objects by one another, and so code."""
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, text)
    for machines, code in ((1, 0), (2, 2)):
        own = f"num_machines: {machines}\nmachine_rank: 0\nmain_process_ip: 192.0.2.1\nmain_process_port: 29500\n"
        (tmp_path / "own.yaml").write_text(f"compute_environment: LOCAL_MACHINE\ndistributed_type: MULTI_GPU\n{own}")
        assert main(["sweep", str(path), "--dry-run"]) == code
    assert "--launch own.yaml: it is over several machines" in capsys.readouterr().err
    (tmp_path / "run.yaml").write_text("launch: own.yaml\nalgo: ga\nbench: remem\n")
    assert main(["run", "--config", "run.yaml", "--dry-run"]) == 2
    assert "--launch own.yaml: it is over several machines" in capsys.readouterr().err


def test_nothing_is_written_through_a_link_in_the_folder_of_a_sweep(tmp_path, capsys):
    """The log of a point is emptied before it is written; such a folder may have been sent."""
    text = "fixed: {bench: remem}\naxes: {algo: [ga]}"
    (point,), _ = planned(tmp_path, text, capsys)
    log = tmp_path / "out" / "points" / point["key"] / "log.txt"
    log.parent.mkdir(parents=True)
    (tmp_path / "precious").write_text("mine")
    log.symlink_to(tmp_path / "precious")
    assert main(["sweep", str(written(tmp_path, text)), "--out", str(tmp_path / "out")]) == 1
    assert f"{log}: a link" in capsys.readouterr().err and (tmp_path / "precious").read_text() == "mine"


def test_options_that_are_typed_are_each_points(tmp_path, capsys):
    out = ["--out", str(tmp_path / "out"), "--dry-run", "--json"]
    assert main(["sweep", str(written(tmp_path, JUDGED)), *out, "--set", "gpt.base_url=http://localhost/v1"]) == 0
    (point,) = json.loads(capsys.readouterr().out)
    assert "--set=gpt.base_url=http://localhost/v1" in point["argv"] and "elsewhere" not in str(point)


@pytest.mark.parametrize(
    ("typed", "told"), [("beta=1", "--set beta: write OWNER.NAME, such as npo.beta"), ("npo.beta=1", "as an axis")]
)
def test_options_that_are_typed_are_whole_and_said_once(tmp_path, capsys, typed, told):
    path = written(tmp_path, "fixed: {bench: remem}\naxes: {npo.beta: [0.1, 0.2]}")
    assert main(["sweep", str(path), "--set", typed]) == 2 and told in capsys.readouterr().err


def test_what_was_written_to_the_folder_of_a_sweep_is_never_run(tmp_path, capsys):
    """The points are those of the file and of the command line, whatever stands in their results."""
    text = "fixed: {bench: remem}\naxes: {algo: [ga]}"
    (point,), _ = planned(tmp_path, text, capsys)
    folder = tmp_path / "out" / "points" / point["key"]
    folder.mkdir(parents=True)
    edited = {"exit": 1, "error": "x", "argv": ["purge", "--all", "--yes"], "values": {"plugin": "evil.py"}}
    (folder / "result.json").write_text(json.dumps(edited))
    (again,), told = planned(tmp_path, text, capsys)
    assert again["argv"] == point["argv"] and again["status"] == "failed" and "purge" not in told


STUDIES = {"scaling": 15, "hops": 12, "forget_ratio": 60, "forget_draw": 15}


def test_every_study_is_here():
    assert {p.stem for p in (ROOT / "examples/studies").glob("*.yaml")} == set(STUDIES)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_one_command(name, capsys, tmp_path):
    path = ROOT / f"examples/studies/{name}.yaml"
    assert main(["sweep", str(path), "--out", str(tmp_path / "out"), "--dry-run"]) == 0
    assert f"{STUDIES[name]} points" in capsys.readouterr().err
    assert spec.read(path).plot["x"] and len(spec.read(path).repeats) == 1
