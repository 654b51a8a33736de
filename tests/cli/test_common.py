"""What commands share: one wording per flag, and the command line that a record keeps."""

import json

import click
import pytest

from unlearnzoo.cli import common, main
from unlearnzoo.cli.app import COMMANDS, app


@pytest.fixture
def saying(monkeypatch):
    """Make ``unlearnzoo list`` print the command line as a record would keep it."""

    @click.command("list")
    @common.as_json_option()
    def command(as_json):
        common.show_json(common.command_line())

    monkeypatch.setattr(app, "get_command", lambda ctx, name: command if name == "list" else None)


@pytest.mark.parametrize("line", [["list", "--json"], ["list", "--json", "--debug"]])
def test_the_command_line_is_what_was_handed_over(saying, capsys, monkeypatch, line):
    """A point of a sweep hands its words over; those of its process are not the command."""
    monkeypatch.setattr("sys.argv", ["pytest", "--something"])
    assert main(line) == 0
    assert json.loads(capsys.readouterr().out) == f"unlearnzoo {' '.join(line)}"


def test_without_any_it_is_the_process_own(saying, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["unlearnzoo", "list", "--json"])
    assert main() == 0
    assert json.loads(capsys.readouterr().out) == "unlearnzoo list --json"


def test_outside_a_command_it_is_the_process_own(monkeypatch):
    monkeypatch.setattr("sys.argv", ["unlearnzoo", "a b"])
    assert common.command_line() == "unlearnzoo 'a b'"


def test_what_was_not_typed_is_left_to_the_request():
    assert common.typed({"bench": "remem", "model": None, "redact": False})["redact"] is False
    assert common.typed({"model": None}).keys() == {"command"}


#: Flags that say the same wherever they stand.
ONE_WORDING = {
    "--precision",
    "--max-new-tokens",
    "--plugin",
    "--json",
    "--forget",
    "--target-seed",
    "--trust-remote-code",
    "--allow-unmemorised",
    "--utility",
}


def test_a_flag_is_one_wording_everywhere():
    context = click.Context(app)
    helps = {}
    for name in COMMANDS:
        for option in app.get_command(context, name).params:
            for flag in ONE_WORDING & set(option.opts):
                helps.setdefault(flag, set()).add((option.help, option.metavar, str(option.type)))
    assert helps.keys() == ONE_WORDING
    assert {flag: texts for flag, texts in helps.items() if len(texts) > 1} == {}


def test_commands_are_sorted():
    assert list(COMMANDS) == sorted(COMMANDS)
