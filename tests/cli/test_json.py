"""`--json`: stdout is JSON and nothing else, whatever a library, a plugin or a child process prints meanwhile."""

import contextlib
import json
import logging
import os
import subprocess
import sys
import warnings
from types import SimpleNamespace

import click
import pytest

from tests.support.records import finished
from unlearnzoo.cli import common, main
from unlearnzoo.cli.app import COMMANDS, app
from unlearnzoo.launch import worker

PLUGIN = """
import os
from unlearnzoo import Unlearner, hookimpl

os.write(1, b"from the import\\n")


class Mine(Unlearner):
    '''Gradient ascent.'''

    name = "mine"

    def loss(self, forget):
        return -forget.nll


@hookimpl
def unlearnzoo_unlearners():
    return [Mine]
"""


def noise():
    """Print as libraries do: Python, C code and a child process."""
    sys.stdout.write("from Python\n")
    os.write(1, b"from C\n")
    subprocess.run(["echo", "from a child"], check=True)


@pytest.fixture
def noisy(monkeypatch, tmp_path, capfd):
    """Make each command with ``--json`` noisy, first and last; what it needs is in the folder it works in."""
    kept = common.kept_stdout

    @contextlib.contextmanager
    def loud():
        with kept():
            noise()
            yield
            noise()

    monkeypatch.setattr(common, "kept_stdout", loud)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(PLUGIN)
    (tmp_path / "sweep.yaml").write_text("fixed: {bench: remem}\naxes: {algo: [gd, npo]}\n")
    return finished(tmp_path / "runs")


@pytest.fixture
def stubs(monkeypatch, noisy):
    """What trains or scores is done already: its record is there."""
    plan = SimpleNamespace(checkpoint=None, benchmark=SimpleNamespace(forget_identities=list))
    monkeypatch.setattr("unlearnzoo.planning.make.make_plan", lambda *rest, **named: plan)
    monkeypatch.setattr("unlearnzoo.planning.text.lines", lambda plan: [])
    for place in ("evaluate.evaluate", "learn.learn", "rescore.rescore"):
        monkeypatch.setattr(f"unlearnzoo.runs.{place}", lambda *rest, **named: noisy)
    monkeypatch.setattr("unlearnzoo.runs.learn.lines", lambda plan: [])
    monkeypatch.setattr("unlearnzoo.cli.check.run_checks", lambda *rest: iter([{"ok": False}]))
    monkeypatch.setattr("unlearnzoo.runs.pipeline.execute", lambda *rest, **named: [noisy])
    monkeypatch.setattr("unlearnzoo.tuning.protocol.tune", lambda *rest, **named: {"best": {}})


LINES = {
    "check": "mine.py",
    "evaluate": "--bench remem --model tiny",
    "learn": "--bench remem",
    "list": "--plugin mine.py",
    "models": "--plugin mine.py",
    "plugins": "--plugin mine.py",
    "purge": "RUN --yes",
    "redact": "RUN --yes",
    "report": "RUN",
    "run": "--algo gd --bench remem",
    "runs": "",
    "show": "mine --plugin mine.py",
    "sweep": "sweep.yaml --dry-run",
    "tune": "--algo gd --bench remem",
}


def test_each_command_with_the_flag_is_tried():
    context = click.Context(app)
    has = {
        name
        for name in COMMANDS
        if any("--json" in getattr(option, "opts", ()) for option in app.get_command(context, name).params)
    }
    assert has == LINES.keys()


@pytest.mark.parametrize("name", LINES)
def test_stdout_is_json_whatever_is_printed(name, stubs, noisy, capfd):
    code = main([name, *LINES[name].replace("RUN", noisy["folder"]).split(), "--json"])
    out, err = capfd.readouterr()
    assert code == (1 if name == "check" else 0), err
    assert json.loads(out)
    for told in ("from Python", "from C", "from a child"):
        assert err.count(told) == 2, (told, err)


def test_a_dry_run_of_learn_is_json_too(capsys, tmp_path):
    assert main(["learn", "--bench", "remem", "--dry-run", "--json", "--runs-dir", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["learn"]["steps"] == 250


def test_without_the_flag_stdout_is_left_alone(capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(PLUGIN)
    assert main(["list", "--plugin", "mine.py"]) == 0
    assert "mine" in capfd.readouterr().out
    os.write(1, b"still here\n")
    assert capfd.readouterr().out == "still here\n"


def test_a_process_of_its_own_writes_to_its_own_stdout(tmp_path):
    """Its real descriptors; what C code has not flushed comes before them."""
    (tmp_path / "mine.py").write_text(
        PLUGIN + "import ctypes, sys\nctypes.CDLL(None).puts(b'unflushed')\nsys.__stdout__.write('bound')\n"
    )
    line = [sys.executable, "-m", "unlearnzoo", "list", "--json", "--plugin", "mine.py"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "mine" in {row["name"] for row in json.loads(done.stdout)}
    for told in ("from the import", "unflushed", "bound"):
        assert told in done.stderr


def test_what_a_main_process_hands_over_is_printed_by_the_one_that_started_it(monkeypatch, tmp_path, capfd):
    monkeypatch.setenv(worker.ENDS, str(tmp_path))
    common.show_json([1])
    assert capfd.readouterr().out == ""
    assert json.loads(worker.handed_over(tmp_path)) == [1]
    assert worker.handed_over(tmp_path / "elsewhere") == ""


LIBRARY = """
import logging, warnings
logging.getLogger(__name__).warning("a library's log")
logging.getLogger(__name__).error("a library's error")
warnings.warn("a library's warning")
"""
METRIC = """
import logging, warnings
import zoo_test_library
from unlearnzoo.errors import ZooWarning
logging.getLogger(__name__).warning("the plugin's log")
warnings.warn("the plugin's warning")
warnings.warn("of the future", FutureWarning)
warnings.warn("the zoo's", ZooWarning)
"""


@pytest.mark.parametrize("debug", [False, True])
def test_what_libraries_say_is_shown_with_debug_alone(debug, tmp_path):
    """A library that is installed, imported by a plugin that is a file of the user's."""
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "zoo_test_library.py").write_text(LIBRARY)
    (tmp_path / "mine.py").write_text(METRIC + PLUGIN)
    line = [sys.executable, "-m", "unlearnzoo", "list", "--plugin", "mine.py", *(["--debug"] if debug else [])]
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path / "site-packages"), *sys.path])}
    done = subprocess.run(line, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=True)
    for told in ("a library's log", "a library's warning", "of the future"):
        assert (told in done.stderr) == debug, done.stderr
    for told in ("a library's error", "the plugin's log", "the plugin's warning", "Warning: the zoo's\n"):
        assert told in done.stderr


def test_loggers_and_surroundings_are_as_before_a_command(monkeypatch):
    monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
    kind, show = logging.getLoggerClass(), warnings.showwarning
    assert main(["--version"]) == 0
    assert (logging.getLoggerClass(), warnings.showwarning) == (kind, show)
    assert "TOKENIZERS_PARALLELISM" not in os.environ
