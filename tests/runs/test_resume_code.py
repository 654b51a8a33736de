"""A record is data: whatever it names, resuming its run starts no code and sends nobody's answers anywhere."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.support.records import finished
from unlearnzoo.cli import main
from unlearnzoo.records import store
from unlearnzoo.records.store import resume_command

PLUGIN = """from unlearnzoo import hookimpl
open({trace!r}, "w").close()
@hookimpl
def unlearnzoo_metrics():
    return []
"""


@pytest.fixture
def sent(tmp_path):
    """A run's folder as somebody may send it: it names a file whose code leaves a trace."""
    plugin = tmp_path / "of somebody" / "evil.py"
    plugin.parent.mkdir()
    plugin.write_text(PLUGIN.format(trace=str(tmp_path / "trace")))
    record = finished(tmp_path / "runs")
    return Path(record["folder"]), plugin


def named(folder, plugin, digest=None, **arguments):
    path = folder / "run.json"
    digest = digest or hashlib.sha256(plugin.read_bytes()).hexdigest()
    fields = json.loads(path.read_text())
    typed = {"algo": ["npo"], "bench": "remem", "set": {}, "plugins": {str(plugin): digest}, **arguments}
    path.write_text(json.dumps(fields | {"status": "interrupted", "group": "a" * 16, "arguments": typed}))


@pytest.mark.parametrize(
    ("arguments", "flags"),
    [
        ({}, "--plugin '{}'"),
        ({"trust_remote_code": True}, "--plugin '{}' --trust-remote-code"),
        ({"trust_remote_code": True, "plugins": {}}, "--trust-remote-code"),
    ],
)
def test_code_is_not_started_because_a_record_names_it(sent, tmp_path, capsys, arguments, flags):
    folder, plugin = sent
    named(folder, plugin, **arguments)
    assert main(["run", "--resume", str(folder), "--dry-run"]) == 2
    told = capsys.readouterr().err
    assert f"type: unlearnzoo run --resume {folder} {flags.format(plugin)}\n" in told
    assert not (tmp_path / "trace").exists()


def test_a_file_that_is_another_by_now_is_not_imported(sent, tmp_path, capsys):
    folder, plugin = sent
    named(folder, plugin, digest="0" * 64)
    assert main(["run", "--resume", str(folder), "--plugin", str(plugin), "--dry-run"]) == 1
    assert "not the file that the run was started with" in capsys.readouterr().err
    assert not (tmp_path / "trace").exists()


def test_what_is_typed_again_is_started(sent, tmp_path, capsys):
    folder, plugin = sent
    named(folder, plugin)
    main(["run", "--resume", str(folder), "--plugin", str(plugin), "--dry-run"])
    assert (tmp_path / "trace").exists(), capsys.readouterr().err


@pytest.mark.parametrize(
    ("full", "value"),
    [("gpt.base_url", "http://127.0.0.1:9/v1"), ("base_url", "http://127.0.0.1:9/v1"), ("gpt.key_env", "HOME")],
)
def test_no_record_says_where_answers_are_sent(sent, capsys, full, value):
    """Neither when a run is resumed, nor when its answers are scored again."""
    folder, plugin = sent
    named(folder, plugin, metric=["gpt"], plugins={}, set={full: value})
    option = full.rpartition(".")[2]
    assert main(["run", "--resume", str(folder), "--dry-run"]) == 2
    told = capsys.readouterr().err
    assert f"gpt.{option}: {folder} says {value!r}" in told and f"type --set gpt.{option}=" in told
    path = folder / "run.json"
    fields = json.loads(path.read_text())
    fields["metrics"] = {"unlearnzoo-judge/gpt": {"distribution": "d", "version": "1", "options": {option: value}}}
    path.write_text(json.dumps(fields))
    assert main(["evaluate", str(folder), "--metric", "gpt"]) == 2
    assert f"gpt.{option}: {folder} says {value!r}" in capsys.readouterr().err


@pytest.mark.parametrize("metrics", [["gpt"], ["rouge", "unlearnzoo-judge/gpt"]])
def test_no_record_has_answers_sent_to_where_a_metric_sends_them_by_itself(sent, capsys, monkeypatch, metrics):
    """The default address is a host, too, which only who types the metric has chosen."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    folder, plugin = sent
    named(folder, plugin, metric=metrics, plugins={})
    assert main(["run", "--resume", str(folder), "--dry-run"]) == 2
    told = capsys.readouterr().err
    to = "gpt.base_url=https://api.openai.com/v1, gpt.key_env=OPENAI_API_KEY"
    flag = f"--metric {','.join(metrics)}"
    assert told == (
        f"Error: metric gpt: only {folder} names it, and it sends people's answers away ({to}), which no file "
        f"decides: if it is right, type {flag}\n"
    )
    again = resume_command(store.load(folder))
    assert again == f"unlearnzoo run --resume {folder} {flag}"
    main([*again.split()[1:], "--dry-run"])
    assert "names it" not in (told := capsys.readouterr().err) and "OPENAI_API_KEY" in told  # it looks for its key


def test_a_metric_that_sends_nothing_is_not_asked_for_again(sent, capsys):
    folder, plugin = sent
    named(folder, plugin, metric=["rouge"], plugins={})
    main(["run", "--resume", str(folder), "--dry-run"])
    assert "names it" not in capsys.readouterr().err


def test_half_of_a_character_is_one_line(sent, capsys):
    folder, plugin = sent
    named(folder, plugin, plugins="\ud800")
    assert main(["run", "--resume", str(folder), "--dry-run"]) == 1
    assert "cannot be resumed; damaged; a text holds half of a character" in capsys.readouterr().err
