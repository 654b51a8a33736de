"""No key, token or password gets into a record, however it was given."""

import shlex

import pytest

from unlearnzoo.records.record import Record
from unlearnzoo.records.secrets import Masker, is_secret

LONG = "sk-abcdef123456"


@pytest.mark.parametrize(
    "name",
    [
        "key",
        "api_key",
        "apikey",
        "API-KEY",
        "HF_TOKEN",
        "judge.api_key",
        "--token",
        "password",
        "client_secret",
        "db-password",
        "credentials",
        "hftoken",
    ],
)
def test_names_of_secrets(name):
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "monkey",
        "keywords",
        "tokens",
        "max_new_tokens",
        "tokenizer",
        "api_key_env",
        "beta",
        "n_tokens",
        "secretary",
        "turkey",
    ],
)
def test_names_of_other_things(name):
    assert not is_secret(name)


@pytest.mark.parametrize(
    "words",
    [
        ["--set", f"judge.api_key={LONG}"],
        [f"--set=judge.api_key={LONG}"],
        ["--api-key", LONG],
        [f"--api-key={LONG}"],
        ["--set", "judge.token=ab"],
        ["--token", "ab"],
        ["--set", "judge.password=it's a b"],
        ["--set", f"judge.url=https://me:{LONG}@host/v1"],
    ],
)
def test_command_lines(words):
    command = shlex.join(["unlearnzoo", "run", "--algo", "ab", *words])
    text = Masker(command, {}).text(command)
    assert "***" in text
    assert LONG not in text
    assert "it" not in text.split()
    assert "=ab" not in text
    assert "--token ab" not in text
    assert text.startswith("unlearnzoo run --algo ab --")


def test_a_command_that_is_no_shell_line():
    assert Masker('run "--token abc', {}).text("x") == "x"


def test_record_hides_them_wherever_they_turn_up(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "from-the-environment")
    typed = {"set": {"judge.api_key": LONG, "judge.pin.key": "7"}}
    with (
        pytest.raises(ValueError, match="401"),
        Record.open(
            tmp_path,
            algo="npo",
            bench="remem",
            arguments=typed,
            algorithm={"name": "npo", "options": {"api_key": LONG, "beta": 0.1}},
            command=f"unlearnzoo run --set judge.api_key={LONG}",
        ) as record,
    ):
        record.update(target={"key": "0123abcd"}, seed=7)
        record.step({"step": 1, "note": LONG})
        raise ValueError(f"401: Authorization: Bearer {LONG} / from-the-environment")
    for file in record.folder.iterdir():
        assert LONG not in file.read_text()
        assert "from-the-environment" not in file.read_text()
    data = record.data
    assert data["error"] == "ValueError: 401: Authorization: Bearer *** / ***"
    assert data["arguments"]["set"] == {"judge.api_key": "***", "judge.pin.key": "***"}
    assert data["algorithm"]["options"] == {"api_key": "***", "beta": 0.1}
    assert data["target"] == {"key": "0123abcd"}
    assert data["seed"] == 7


def test_long_texts_take_no_time():
    text = "x" * 1_000_000 + "://" * 100_000
    assert Masker("", {}).text(text) == text
