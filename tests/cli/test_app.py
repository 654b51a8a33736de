"""The command itself: help, exit codes, and one line for whatever goes wrong."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.support.distributions import algorithm, install
from unlearnzoo.cli import main
from unlearnzoo.cli.app import app
from unlearnzoo.errors import DataError, Diverged, GateError, OptionError, RunError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def raising(monkeypatch):
    """Make ``unlearnzoo list`` raise what a test wants."""

    def install_command(error):
        @click.command("list")
        def command():
            raise error

        monkeypatch.setattr(app, "get_command", lambda ctx, name: command if name == "list" else None)

    return install_command


def test_the_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "unlearnzoo, version 0.2.0\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OptionError("npo has no option 'betta'"), 2),
        (DataError("row 3: no image"), 1),
        (RunError("no"), 1),
        (GateError("stage 1 failed"), 3),
        (Diverged("loss is nan"), 4),
    ],
)
def test_an_error_that_can_be_fixed_is_one_line_and_a_code(raising, capsys, error, code):
    raising(error)
    assert main(["list"]) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"Error: {error}\n")


def test_a_bug_is_one_line_that_names_debug(raising, capsys):
    raising(KeyError("x\ny"))
    assert main(["list"]) == 70
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith("Error: internal error (KeyError: 'x")
    assert "rerun with --debug" in err


@pytest.mark.parametrize("line", [["--debug", "list"], ["list", "--debug"]])
def test_debug_shows_the_traceback_wherever_it_stands(raising, capsys, line):
    raising(ZeroDivisionError("division"))
    assert main(line) == 70
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("Error: internal error (ZeroDivisionError: division)\n")


def test_debug_behind_two_dashes_is_an_argument(capsys):
    assert main(["show", "--", "--debug"]) == 2
    assert "nothing is called '--debug'" in capsys.readouterr().err


def test_ctrl_c(raising, capsys):
    raising(KeyboardInterrupt())
    assert main(["list"]) == 130
    assert capsys.readouterr().err.strip() == "Interrupted"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["lst"], "no command 'lst'; did you mean 'list'? (see `unlearnzoo --help`)"),
        (["qqqq"], "no command 'qqqq'; there is check, evaluate, launch, learn, list, models, new, "),
        (["--jsn"], "No such option"),
        (["list", "--jsn"], "(see `unlearnzoo list --help`)"),
        (["show"], "Missing argument 'NAME' (see `unlearnzoo show --help`)"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_code_2(site, capsys, line, told):
    assert main(line) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Error: ")
    assert captured.err.count("\n") == 1
    assert told in captured.err


def test_a_plugins_warning_is_one_line_and_the_command_goes_on(site, capsys):
    install(site, "unlearnzoo-bad", "import no_such_module_anywhere", entry="bad")
    install(site, "unlearnzoo-good", algorithm("good"), entry="good")
    assert main(["list"]) == 0
    captured = capsys.readouterr()
    assert "good" in captured.out
    assert captured.err == (
        "Warning: plugin 'bad' of unlearnzoo-bad 1.0 is not used: ModuleNotFoundError: No module named "
        "'no_such_module_anywhere' (`unlearnzoo plugins` says more)\n"
    )


COMMAND = "import click\n@click.command()\ndef hello():\n    '''Say hello.'''\n    click.echo('hello')\n"


def test_a_plugin_can_add_a_command(site, capsys):
    install(site, "unlearnzoo-hello", COMMAND, entry="hello", group="unlearnzoo.commands", attribute="hello")
    assert main(["hello"]) == 0
    assert capsys.readouterr().out == "hello\n"


@pytest.mark.parametrize("source", ["import no_such_module_anywhere", "hello = 7"])
def test_a_broken_command_is_told_when_called(site, capsys, source):
    install(site, "unlearnzoo-hello", source, entry="hello", group="unlearnzoo.commands", attribute="hello")
    assert main(["hello"]) == 2
    assert "command 'hello' of unlearnzoo-hello 1.0 is broken: " in capsys.readouterr().err


def test_a_plugin_cannot_replace_a_command(site, capsys):
    install(site, "unlearnzoo-list", COMMAND, entry="list", group="unlearnzoo.commands", attribute="hello")
    assert main(["list"]) == 0
    assert "hello" not in capsys.readouterr().out


BROKEN = """
import click
from unlearnzoo import contains_words

@click.command()
@click.argument("how")
def hello(how):
    if how == "leaves":
        raise SystemExit(3)
    contains_words(1, 2) if how == "core" else {}["beta"]
"""


def test_a_plugins_own_mistake_is_told_as_its_own_with_its_line(site, capsys):
    module = install(site, "unlearnzoo-hello", BROKEN, entry="hello", group="unlearnzoo.commands", attribute="hello")
    place = f"({site / module}.py, line 10, in hello: contains_words"
    assert main(["hello", "own"]) == 6
    told = capsys.readouterr().err
    assert told.startswith(f"Error: unlearnzoo-hello 1.0 failed: KeyError: 'beta' {place}") and told.count("\n") == 1
    assert told.endswith("; rerun with --debug for the traceback and tell its author\n") and "internal" not in told
    assert main(["hello", "leaves"]) == 6
    assert "unlearnzoo-hello 1.0 failed: SystemExit: 3 (" in capsys.readouterr().err
    assert main(["hello", "own", "--debug"]) == 6
    told = capsys.readouterr().err
    assert "Traceback" in told and "rerun" not in told


BENCHMARK = """
from unlearnzoo import Benchmark, hookimpl

class Mine(Benchmark):
    '''A benchmark for tests.'''
    name = "mine"
    evals = ()
    curve = ()
    gate = {}

    def prepare(self):
        self.rows["all"]

    def examples(self, split):
        return []

    def forget_identities(self):
        return set()

    def learn_pool(self):
        return []

    def fingerprint(self):
        return ""

@hookimpl
def unlearnzoo_benchmarks():
    return [Mine]
"""


@pytest.mark.slow
def test_a_plan_tells_a_benchmarks_own_mistake(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text(BENCHMARK)
    assert main(["run", "--algo", "ga", "--bench", "mine", "--plugin", str(path), "--dry-run"]) == 6
    told = (
        f"Error: mine.py failed: AttributeError: 'Mine' object has no attribute 'rows' ({path}, line 12, in prepare: "
    )
    assert capsys.readouterr().err.startswith(told)


def test_the_core_that_fails_for_a_plugin_is_told_with_the_line_that_called_it(site, capsys):
    module = install(site, "unlearnzoo-hello", BROKEN, entry="hello", group="unlearnzoo.commands", attribute="hello")
    assert main(["hello", "core"]) == 70
    told = capsys.readouterr().err
    assert told.startswith("Error: internal error (AttributeError: ") and told.count("\n") == 1
    assert f", as unlearnzoo-hello 1.0 called it ({site / module}.py, line 10, in hello: contains_words" in told


def test_what_a_message_quotes_does_not_reach_the_terminal_raw(capsys):
    assert main(["show", "a\x1b]0;owned\x07\nb"]) == 2
    told = capsys.readouterr().err
    assert "\x1b" not in told and r"a\x1b]0;owned\x07" in told and told.count("\n") == 1


def test_help_names_all_commands_and_imports_no_plugin(site, capsys):
    install(
        site, "unlearnzoo-hello", "raise AssertionError", entry="hello", group="unlearnzoo.commands", attribute="hello"
    )
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for name in ("evaluate", "hello", "list", "new", "plugins", "report", "run", "runs", "show"):
        assert f"\n  {name} " in out
    assert "What unlearnzoo-hello is" in out


def spawn(*arguments, **environment):
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "unlearnzoo", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.parametrize("line", [["--help"], ["list"], ["plugins"], ["plugins", "--json"], ["run", "--help"]])
def test_listings_are_light(line):
    done = spawn(*line)
    assert done.returncode == 0, done.stderr
    imported = {text.rpartition("|")[2].strip() for text in done.stderr.splitlines() if text.startswith("import time")}
    assert not imported & {"torch", "transformers", "numpy", "PIL", "datasets", "peft", "accelerate", "rich"}


def test_a_closed_pipe_is_no_error():
    done = subprocess.run(
        f"{sys.executable} -m unlearnzoo list --json | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.strip() in ("0", "141")
