"""JSON and YAML files that somebody sent: each trap is one line, at once."""

import os

import pytest

from unlearnzoo.storage import documents
from unlearnzoo.storage.documents import read_bounded, read_json, read_yaml

#: Nine levels of ten aliases each: a thousand million values in 400 bytes.
BOMB = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10))


def test_values_come_back(tmp_path):
    (tmp_path / "a.json").write_text('{"a": [1, null, "é"]}', "utf-8")
    (tmp_path / "a.yaml").write_text("a: [1, null, é]\n", "utf-8")
    assert read_json(tmp_path / "a.json") == read_yaml(tmp_path / "a.yaml") == {"a": [1, None, "é"]}


@pytest.mark.parametrize(
    ("read", "content", "told"),
    [
        (read_json, b"[" * 100_000, "damaged; it is no JSON"),
        (read_json, b'{"a": ', "damaged; it is no JSON"),
        (read_yaml, BOMB.encode(), r"no YAML \(line 2: an alias"),
        (read_yaml, b"[" * 20_000, r"no YAML \(nested too deep"),
        (read_yaml, b"a: [1", "no YAML"),
        (read_yaml, b"a: 2026-13-45", "no YAML"),
        (read_yaml, b"a: \xff", "cannot be read"),
        (read_yaml, b"a: 1\n" * 60_000, "larger than 0.25 MB"),
    ],
)
def test_a_trap_is_one_line(tmp_path, read, content, told):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=told) as raised:
        read(tmp_path / "file")
    assert "\n" not in str(raised.value)


def test_a_pipe_a_device_and_a_folder_are_no_plain_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(ValueError, match="no plain file"):
            read_json(tmp_path / name)
    with pytest.raises((ValueError, OSError)):
        read_json(tmp_path)


def test_the_bound_holds_to_the_byte(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "LARGEST_JSON", 4)
    (tmp_path / "a").write_bytes(b"1234")
    assert read_json(tmp_path / "a") == 1234 and read_bounded(tmp_path / "a", 4) == b"1234"
    (tmp_path / "a").write_bytes(b"12345")
    with pytest.raises(ValueError, match="larger than"):
        read_json(tmp_path / "a")
