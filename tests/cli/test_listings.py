"""``list``, ``show`` and ``plugins``: as text and as JSON, sorted."""

import json

import pytest

from tests.support.distributions import algorithm, install
from unlearnzoo.cli import main

METRIC = """
from unlearnzoo import Benchmark, Column, Metric, hookimpl, option

class Length(Metric):
    name = "length"
    limit: int | None = option(None, "Longest answer", ge=1)
    mode: str = option("a", "How", choices=("a", "b"))

    def score(self, prediction, answer):
        return 1.0

class Bench(Benchmark):
    '''A benchmark.

    Of two paragraphs.
    '''
    name = "bench"
    forget: str = option("20%", "Share of the identities to forget")
    evals = (
        Column("EMf", "finetune", "x/length", "forget", "low"),
        Column("EMr", "retain", "x/length", "retain", "high"),
    )
    gate = {"finetune": 0.8}
    recipe = {"learn": {"rank": 64}}
    prepare = fingerprint = examples = forget_identities = learn_pool = lambda self: None

@hookimpl
def unlearnzoo_metrics():
    return [Length]

@hookimpl
def unlearnzoo_benchmarks():
    return [Bench]
"""
CARD = """
from unlearnzoo import Column, ModelCard
card = ModelCard("folder", recipe={"learn": {"rank": 8}}, replay="replay.parquet",
                 evals=(Column("Known", "utility", "x/length", "all", "high"),))
"""


@pytest.fixture
def filled(site):
    """An environment with one of each kind and a broken one."""
    install(site, "unlearnzoo-zebra", algorithm("zebra"), entry="zebra")
    install(site, "unlearnzoo-ant", algorithm("ant"), entry="ant", version="2.1")
    install(site, "x", METRIC, entry="x")
    install(site, "unlearnzoo-tiny", CARD, entry="tiny", group="unlearnzoo.models", attribute="card")
    install(site, "unlearnzoo-bad", "import no_such_module_anywhere", entry="bad")
    return site


def output(capsys, *line):
    assert main(line) == 0
    return capsys.readouterr().out


def test_list(filled, capsys):
    lines = output(capsys, "list").splitlines()
    assert lines.index("Algorithms  (run --algo NAME)") + 1 == lines.index(
        "  ant    unlearnzoo-ant    An algorithm for tests."
    )
    assert "  zebra  unlearnzoo-zebra  An algorithm for tests." in lines
    assert "  length  x" in lines
    assert "  tiny  unlearnzoo-tiny  What unlearnzoo-tiny is" in lines


def test_list_json_is_sorted(filled, capsys):
    rows = json.loads(output(capsys, "list", "--json"))
    assert [(r["kind"], r["name"]) for r in rows] == [
        ("algorithm", "ant"),
        ("algorithm", "zebra"),
        ("benchmark", "bench"),
        ("metric", "length"),
        ("model", "tiny"),
    ]
    assert rows[0] == {
        "kind": "algorithm",
        "name": "ant",
        "distribution": "unlearnzoo-ant",
        "version": "2.1",
        "doc": "An algorithm for tests.",
    }
    assert rows[3]["doc"] == ""


def test_list_of_nothing(site, capsys):
    assert output(capsys, "list").count("none installed") == 4
    assert json.loads(output(capsys, "list", "--json")) == []


def test_list_with_a_file(site, tmp_path, capsys):
    path = tmp_path / "quick.py"
    path.write_text(algorithm("quick"))
    assert "  quick  quick  An algorithm" in output(capsys, "list", "--plugin", str(path))
    assert main(["list", "--plugin", str(tmp_path / "none.py")]) == 2
    assert "give an existing .py file" in capsys.readouterr().err


def test_show_an_algorithm(filled, capsys):
    text = output(capsys, "show", "ant")
    assert text.startswith("ant: algorithm of unlearnzoo-ant 2.1 (")
    assert "  forget  the forget answers, scored by the model being trained" in text
    assert "  beta  float  default 0.1  > 0  Inverse temperature" in text
    facts = json.loads(output(capsys, "show", "ant", "--json"))
    assert facts["full_name"] == "unlearnzoo-ant/ant"
    assert facts["options"] == [
        {"name": "beta", "type": "float", "default": 0.1, "gt": 0, "help": "Inverse temperature"}
    ]
    assert facts["inputs"][0]["optional"] is False


def test_show_a_benchmark(filled, capsys):
    text = output(capsys, "show", "bench")
    assert "  A benchmark.\n\n  Of two paragraphs.\n" in text
    assert "  EMf  x/length  finetune  forget, best low" in text
    assert "Gate\n  finetune: 0.8" in text
    assert "  learn: rank 64" in text
    facts = json.loads(output(capsys, "show", "x/bench", "--json"))
    assert facts["columns"][1] == {
        "name": "EMr",
        "split": "retain",
        "metric": "x/length",
        "who": "retain",
        "want": "high",
        "by": ["hop"],
        "detail": "",
        "all_of": None,
        "tagged": None,
    }


def test_show_a_metric(filled, capsys):
    text = output(capsys, "show", "length")
    assert "  answer      str: the true answer" in text
    assert "  limit  int | None  default None  ≥ 1    Longest answer" in text
    assert "  mode   str         default a     a | b  How" in text


def test_show_a_model(filled, capsys):
    text = output(capsys, "show", "tiny")
    assert text.startswith("tiny: model of unlearnzoo-tiny 1.0")
    assert "Folder\n  folder" in text
    assert "  learn: rank 8" in text
    facts = json.loads(output(capsys, "show", "tiny", "--json"))
    assert (facts["folder"], facts["replay"], facts["utility"]) == ("folder", "replay.parquet", None)


def test_show_a_stage(site, capsys):
    text = output(capsys, "show", "learn")
    assert text.startswith("learn: stage of unlearnzoo 0.2.0")
    assert "Options  (--set learn.NAME=VALUE)" in text
    assert "Passes over the learn pool" in text
    assert json.loads(output(capsys, "show", "unlearn", "--json"))["full_name"] == "unlearnzoo/unlearn"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["show", "antt"], "nothing is called 'antt'; did you mean 'ant'?"),
        (["show", "qqqq"], "nothing is called 'qqqq'; installed: ant, bench, learn, length, tiny, unlearn, zebra"),
        (["show", "bad"], "'bad': unlearnzoo-bad 1.0 is broken: ModuleNotFoundError"),
        (["show", "ant", "--kind", "metric"], "nothing is called 'ant'"),
    ],
)
def test_show_what_is_not_there(filled, capsys, line, told):
    assert main(line) == 2
    assert told in capsys.readouterr().err


def test_show_a_name_of_two_kinds(filled, capsys):
    install(filled, "unlearnzoo-length", algorithm("length"), entry="length")
    assert main(["show", "length"]) == 2
    assert "'length' is algorithm and metric: add --kind algorithm" in capsys.readouterr().err
    assert json.loads(output(capsys, "show", "length", "--kind", "metric", "--json"))["kind"] == "metric"


def test_show_a_name_of_two_distributions(filled, capsys):
    install(filled, "other-ant", algorithm("ant"), entry="ant")
    assert main(["show", "ant"]) == 2
    assert "ambiguous: write other-ant/ant or unlearnzoo-ant/ant" in capsys.readouterr().err
    assert output(capsys, "show", "other-ant/ant").startswith("ant: algorithm of other-ant 1.0")
    assert [r["name"] for r in json.loads(output(capsys, "list", "--json"))][:2] == [
        "other-ant/ant",
        "unlearnzoo-ant/ant",
    ]


def test_a_slow_plugin_is_named(site, capsys):
    install(site, "unlearnzoo-slow", "import time\ntime.sleep(0.25)\n" + algorithm("slow"), entry="slow")
    install(site, "unlearnzoo-swift", algorithm("swift"), entry="swift")
    slow, *told, swift = output(capsys, "plugins", "--times").splitlines()
    assert int(slow.split()[1]) >= 250 and swift.split()[2:4] == ["ms", "unlearnzoo-swift"]
    told = " ".join(" ".join(told).split())
    assert told.startswith("slow slows down every command: import torch and the like inside the functions")
    assert "slows" not in output(capsys, "plugins")


def test_plugins_with_reason_and_advice(filled, capsys):
    rows = {r["distribution"]: r for r in json.loads(output(capsys, "plugins", "--json"))}
    assert list(rows) == ["unlearnzoo-ant", "unlearnzoo-bad", "unlearnzoo-tiny", "unlearnzoo-zebra", "x"]
    assert rows["x"]["provides"] == ["benchmark bench", "metric length"]
    assert rows["unlearnzoo-tiny"].pop("seconds") > 0
    assert rows["unlearnzoo-tiny"] == {
        "distribution": "unlearnzoo-tiny",
        "version": "1.0",
        "name": "tiny",
        "group": "model",
        "status": "loaded",
        "provides": ["model tiny"],
        "where": str(filled),
        "reason": "",
        "advice": "",
    }
    bad = rows["unlearnzoo-bad"]
    assert (bad["status"], bad["provides"]) == ("broken", [])
    assert "No module named" in bad["reason"]
    assert bad["advice"].endswith("pip install --force-reinstall unlearnzoo-bad")


def test_plugins_as_text_warns_of_nothing_twice(filled, capsys):
    assert main(["plugins"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "broken  unlearnzoo-bad    1.0" in captured.out
    assert "    bad: ModuleNotFoundError: No module named 'no_such_module_anywhere'" in captured.out


def test_plugins_shows_what_is_off_and_a_broken_model(filled, capsys, monkeypatch):
    install(filled, "unlearnzoo-odd", "card = 7", entry="odd", group="unlearnzoo.models", attribute="card")
    monkeypatch.setenv("UNLEARNZOO_PLUGINS", "ant,odd")
    rows = {r["distribution"]: r for r in json.loads(output(capsys, "plugins", "--json"))}
    assert rows["unlearnzoo-zebra"]["status"] == "off"
    assert rows["unlearnzoo-zebra"]["advice"] == "add zebra to UNLEARNZOO_PLUGINS"
    assert rows["unlearnzoo-odd"]["status"] == "broken"
    assert "expected a ModelCard" in rows["unlearnzoo-odd"]["reason"]


def test_plugins_says_what_the_limit_names_in_vain(filled, capsys, monkeypatch):
    monkeypatch.setenv("UNLEARNZOO_PLUGINS", "ant,typo")
    assert main(["plugins"]) == 0
    assert capsys.readouterr().err == "Warning: UNLEARNZOO_PLUGINS names 'typo', which is not installed\n"


def test_plugins_of_nothing(site, capsys):
    assert "no plugin is installed; try: pip install unlearnzoo-npo" in output(capsys, "plugins")
    assert json.loads(output(capsys, "plugins", "--json")) == []


def test_a_terminal_gets_lines_of_its_width(filled, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "44")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    lines = output(capsys, "list").splitlines()
    assert max(map(len, lines)) <= 44
    assert any(line.endswith("…") for line in lines)


#: Colour, cursor, bell, a line of its own, and two marks that reorder what is read.
ODD = "\x1b[31mred\x1b[2K\x07\x0b\u2028a\u202eb\u2066c"
COMMAND = f"""
import click

@click.group(help={ODD!r}, short_help={ODD!r})
def odd():
    pass

@odd.command(help={ODD!r})
@click.option("--x", help={ODD!r})
def below(x):
    raise click.ClickException({ODD!r})
"""
ALGORITHM = f"""
from unlearnzoo import Unlearner, hookimpl, option

class Algo(Unlearner):
    {ODD!r}
    name = "odd-algo"
    beta: float = option(0.1, {ODD!r}, gt=0)

    def loss(self, forget):
        return -forget.nll

@hookimpl
def unlearnzoo_unlearners():
    return [Algo]
"""


@pytest.fixture
def odd(site):
    """Distributions whose metadata and texts would move the cursor."""
    install(site, "odd-one", ALGORITHM, entry="odd-algo")
    install(site, "odd-two", COMMAND, entry="odd", group="unlearnzoo.commands", attribute="odd")
    install(site, "odd-three", f"raise RuntimeError({ODD!r})", entry=ODD.partition(chr(11))[0])
    install(site, "odd-four", CARD, entry="odd-model", group="unlearnzoo.models", attribute="card")
    for info in site.glob("odd_*.dist-info"):
        text = (info / "METADATA").read_text()
        (info / "METADATA").write_text(text.replace("Summary: What", "Summary: \x1b[31m\x07\u202eWhat"))
    return site


@pytest.mark.parametrize(
    "line",
    [
        ["plugins"],
        ["plugins", "--times"],
        ["list"],
        ["show", "odd-algo"],
        ["show", "odd-model"],
        ["--help"],
        ["odd", "--help"],
        ["odd", "below", "--help"],
        ["odd", "below"],
        ["show", "\x1b[31m"],
        ["\x1b[31m"],
    ],
    ids=" ".join,
)
def test_nothing_that_a_plugin_says_moves_the_cursor(odd, capsys, line):
    main(line)
    shown = "".join(capsys.readouterr())
    assert shown and all(c.isprintable() or c == "\n" for c in shown), ascii(shown)
    assert "\\x1b[31m" in shown


@pytest.mark.parametrize("line", [["plugins", "--json"], ["list", "--json"], ["show", "odd-algo", "--json"]])
def test_json_has_it_as_it_is(odd, capsys, line):
    main(line)
    out = capsys.readouterr().out
    assert json.loads(out) and out.isascii() and "\x1b" not in out and "\\u001b[31m" in out


def test_nor_does_what_a_check_found(monkeypatch, capsys):
    row = {"kind": "algorithm", "name": "odd", "check": "steps", "ok": False, "what": ODD, "why": ODD, "fix": ODD}
    monkeypatch.setattr("unlearnzoo.cli.check.run_checks", lambda name, sets: [row])
    assert main(["check", "odd"]) == 1
    shown = capsys.readouterr().out
    assert shown.count("\\x1b[31m") == 3 and all(c.isprintable() or c == "\n" for c in shown)
