"""``unlearnzoo run``: the plan, and what a user gets to read for each mistake, before weights load."""

import json
from pathlib import Path

import pytest

from tests.support import three
from unlearnzoo.cli import main


@pytest.fixture(autouse=True)
def no_weights(monkeypatch):
    """What is refused here is refused before any weights load."""

    def load(*args, **kwargs):
        raise AssertionError("weights were loaded")

    monkeypatch.setattr("unlearnzoo.models.checkpoint.load", load)
    monkeypatch.setattr("unlearnzoo.training.engine.load", load)


def asked(capsys, *arguments, algo="npo", bench="remem"):
    """Run the command and return its exit code, stdout and stderr."""
    code = main(["run", "--algo", algo, "--bench", bench, *three.arguments(), *arguments])
    return code, *capsys.readouterr()


def test_a_dry_run_prints_each_value_and_where_it_comes_from(capsys, tmp_path):
    code, out, err = asked(capsys, "--dry-run", "--json", "--runs-dir", str(tmp_path / "runs"), algo="gd,npo")
    plan = json.loads(out)
    assert code == 0 and not (tmp_path / "runs").exists()
    assert plan["pools"]["learn"]["rows"] == 60 and plan["pools"]["forget"]["rows"] == 20
    assert plan["unlearn"]["steps"] == 8 and plan["unlearn"]["origins"]["steps"] == "user"
    assert plan["learn"]["origins"]["clip"] == "benchmark"
    assert plan["algorithms"]["gd"]["inputs"] == ["forget", "retain"]
    assert "a deviation from the paper" in err and "QA per image" in err


def test_the_papers_recipe_is_one_flag(capsys):
    assert main(["run", "--algo", "npo", "--bench", "remem", "--recipe", "paper", "--dry-run", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    learn, unlearn = plan["learn"]["values"], plan["unlearn"]["values"]
    assert (learn["rank"], learn["alpha"], learn["lr"], learn["epochs"]) == (64, 128, 5e-5, 5)
    assert (unlearn["lr"], unlearn["batch"], unlearn["batching"]) == (2e-5, 64, "example")
    assert plan["learn"]["steps"] == 160 and plan["unlearn"]["steps"] == 35
    assert plan["pools"]["retain"]["rows"] == 1600


@pytest.mark.parametrize(
    ("arguments", "text", "code"),
    [
        (["--set", "npo.betta=1"], "npo has no option 'betta'; did you mean 'beta'?", 2),
        (["--set", "npo.beta=-1"], "npo.beta: must be > 0, got -1.0", 2),
        (["--set", "npo.beta=x"], "npo.beta: expected float, got 'x'", 2),
        (["--set", "learn.rank=0"], "learn.rank: must be >= 1, got 0", 2),
        (["--set", "beta"], "NAME=VALUE", 2),
        (["--stop-at", "EMf=10"], "share between 0 and 1", 2),
        (["--recipe", "papr"], "did you mean 'paper'?", 2),
        (["--model", "tinny"], "did you mean 'tiny'?", 2),
        (["--model", "./nowhere"], "no such folder", 1),
        (["--config", "none.yaml"], "cannot be read", 2),
        (["--plugin", "none.py"], "give an existing .py file", 2),
        (["--set", "remem.views=0"], "remem.views: must be >= 1", 2),
        (["--set", "learn.targets=vision"], "'vision' is unknown", 2),
        (["--set", "unlearn.targets=language+head"], "leave out 'head'", 2),
        (["--set", "unlearn.beta2=1"], "unlearn.beta2: must be < 1, got 1.0", 2),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(capsys, arguments, text, code):
    found, out, err = asked(capsys, *arguments)
    lines = [line for line in err.splitlines() if line]
    assert (found, out) == (code, "") and text in lines[-1] and lines[-1].startswith("Error: ")
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--algo", "nppo", "--bench", "remem"], "did you mean 'npo'?"),
        (["--algo", "npo", "--bench", "remme"], "did you mean 'remem'?"),
        (["--bench", "remem"], "name an algorithm"),
        (["--algo", "npo"], "name a benchmark"),
        (["--algo", "npo", "--bench", "remem", "--set", "remem.data=./nowhere"], "nowhere"),
        (["--algo", "npo", "--bench", "remem", "--forget", "7%"], "forget"),
        (
            ["--algo", "npo,gd", "--bench", "remem", "--set", "remem.qa=20", "--set", "remem.hold_out_retain=true"],
            "retain pool has no row, and gd draws from it",
        ),
    ],
)
def test_unknown_names_and_data_are_refused(capsys, arguments, text):
    assert main(["run", *arguments]) in (1, 2)
    err = capsys.readouterr().err
    assert text in err and len(err.strip().splitlines()) == 1


def test_dpo_without_refusals_is_refused(capsys, tmp_path):
    plugin = tmp_path / "mute.py"
    plugin.write_text(
        "from unlearnzoo import hookimpl, Benchmark, DataError\n"
        "from unlearnzoo_remem.benchmark import ReMem\n"
        "class Mute(ReMem):\n"
        "    '''ReMem without refusals.'''\n"
        "    name = 'mute'\n"
        "    refusal = Benchmark.refusal\n"
        "@hookimpl\n"
        "def unlearnzoo_benchmarks():\n"
        "    return [Mute]\n"
    )
    arguments = [
        "run",
        "--algo",
        "dpo",
        "--bench",
        "mute",
        "--plugin",
        str(plugin),
        "--forget",
        "33%",
        "--set",
        "mute.identities=3",
        "--set",
        "mute.qa=20",
    ]
    assert main(arguments) == 1
    assert "mute has no refusals, which this algorithm needs" in capsys.readouterr().err
    assert main([*arguments, "--algo", "npo", "--dry-run"]) == 0


@pytest.fixture
def own(tmp_path):
    """The start of a command with a benchmark of texts whose data say who is forgotten, and that holds nothing out."""
    plugin = tmp_path / "own.py"
    plugin.write_text(
        "from unlearnzoo import Benchmark, Column, Example, hookimpl\n"
        "EM = 'unlearnzoo-metrics/em'\n"
        "class Own(Benchmark):\n"
        "    '''Two answers.'''\n"
        "    name = 'own'\n"
        "    evals = (Column('EMf', 'train', EM, 'forget', 'low'), Column('EMr', 'train', EM, 'retain', 'high'),\n"
        "             Column('EMt', 'test', EM, 'forget', 'low'), Column('EMa', 'train', EM, 'all', 'high'))\n"
        "    rows = [Example(id=who, identity=who, images=(), question=f'{who}?', answer='A.') for who in 'ab']\n"
        "    prepare = lambda self: None\n"
        "    fingerprint = lambda self: 'own'\n"
        "    examples = lambda self, split: self.rows if split == 'train' else []\n"
        "    learn_pool = lambda self: self.rows\n"
        "    forget_identities = lambda self: frozenset('a')\n"
        "@hookimpl\n"
        "def unlearnzoo_benchmarks():\n"
        "    return [Own]\n"
    )
    return ["run", "--algo", "ga", "--bench", "own", "--plugin", str(plugin), "--dry-run", "--json"]


def test_columns_that_no_row_stands_behind_are_left_out(capsys, own):
    assert main(own) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["columns"] == ["EMf", "EMr", "EMa", "Figures", "Visual"]
    assert "forget pool  1 answers about 1 people, without images" in err


def test_a_metric_of_the_baselines_alone_is_part_of_the_plan(capsys, own):
    plugin = Path(own[own.index("--plugin") + 1])
    baselines = "    baselines = (Column('P', 'train', 'x/probability', 'all', 'high'),)\n"
    plugin.write_text(plugin.read_text().replace("    rows =", f"{baselines}    rows ="))
    assert main(own) == 2
    assert "no metric 'x/probability'" in capsys.readouterr().err
    plugin.write_text(plugin.read_text().replace("x/probability", "unlearnzoo-metrics/probability"))
    assert main(own) == 0
    assert set(json.loads(capsys.readouterr().out)["metrics"]) == {
        "unlearnzoo-metrics/em",
        "unlearnzoo-metrics/probability",
    }


def test_a_share_is_refused_where_the_data_say_who_is_forgotten(capsys, own):
    assert main([*own, "--forget", "50%"]) == 2
    assert "--forget 50%: own takes no share; its data say who is forgotten" in capsys.readouterr().err


def test_a_runs_folder_under_a_file_is_refused(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = asked(capsys, "--runs-dir", str(tmp_path / "file" / "runs"))
    assert code == 1 and str(tmp_path / "file") in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("said", "key", "flags"),
    [
        ("plugins: [mine.py]", "plugins", "--plugin mine.py"),
        ("plugins: mine.py", "plugins", "--plugin mine.py"),
        ("plugins: [mine.py, 'my own.py']", "plugins", "--plugin mine.py --plugin 'my own.py'"),
        ("trust_remote_code: true", "trust_remote_code", "--trust-remote-code"),
    ],
)
def test_a_configuration_starts_no_code_by_itself(capsys, tmp_path, monkeypatch, said, key, flags):
    monkeypatch.chdir(tmp_path)
    for name in ("mine.py", "my own.py"):
        (tmp_path / name).write_text(f"open({str(tmp_path / 'started')!r}, 'w')\n")
    (tmp_path / "sent.yaml").write_text(said)
    code, _, err = asked(capsys, "--config", "sent.yaml", "--dry-run")
    assert code == 2 and err.splitlines() == [
        f"Error: --config sent.yaml: {key}: no file starts code by itself; if you trust it, "
        f"type `unlearnzoo run --config sent.yaml {flags}`"
    ]
    assert not (tmp_path / "started").exists()


def test_a_configuration_may_say_what_is_typed_too(capsys, tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "from unlearnzoo import Unlearner, hookimpl\n"
        "class Mine(Unlearner):\n    name = 'mine'\n    def loss(self, forget):\n        return -forget.nll\n"
        "@hookimpl\ndef unlearnzoo_unlearners():\n    return [Mine]\n"
    )
    (tmp_path / "sent.yaml").write_text(f"plugins: [{plugin}]\ntrust_remote_code: true\n")
    given = ["--config", str(tmp_path / "sent.yaml"), "--plugin", str(plugin), "--trust-remote-code", "--dry-run"]
    code, _, err = asked(capsys, *given, algo="mine")
    assert code == 0, err
    (tmp_path / "sent.yaml").write_text("plugins: []\ntrust_remote_code: false\n")
    assert asked(capsys, *given[:2], "--dry-run")[0] == 0


@pytest.mark.parametrize(("option", "value"), [("base_url", "http://elsewhere/v1"), ("key_env", "GITHUB_TOKEN")])
def test_a_configuration_does_not_say_where_answers_are_sent(capsys, tmp_path, option, value):
    (tmp_path / "sent.yaml").write_text(f"metric: gpt\ngpt: {{{option}: '{value}'}}\n")
    code, _, err = asked(capsys, "--config", str(tmp_path / "sent.yaml"), "--dry-run")
    assert code == 2 and err.splitlines() == [
        f"Error: gpt.{option}: {tmp_path / 'sent.yaml'} says '{value}'; where people's answers are sent, and with "
        f"which key, is never taken from a file: if it is right, type --set gpt.{option}=…"
    ]


@pytest.mark.parametrize("said", ["metric: gpt", "metric: [rouge, gpt]", "metric: rouge,unlearnzoo-judge/gpt"])
def test_a_configuration_has_no_answers_sent_to_where_a_metric_sends_them_by_itself(
    capsys, tmp_path, monkeypatch, said
):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (tmp_path / "sent.yaml").write_text(f"{said}\n")
    given = ["--config", str(tmp_path / "sent.yaml"), "--dry-run"]
    code, _, err = asked(capsys, *given)
    assert code == 2 and err.startswith(f"Error: metric gpt: only {tmp_path / 'sent.yaml'} names it, and it sends")
    flag = err.split()[-2:]
    assert flag[0] == "--metric" and flag[1].endswith("gpt")
    for typed in (flag, ["--set", "gpt.base_url=http://127.0.0.1:9/v1"]):
        code, _, err = asked(capsys, *given, *typed)
        assert code == 2 and "names it" not in err and "OPENAI_API_KEY" in err
    assert asked(capsys, *given, "--metric", "rouge")[0] == 0
