"""A folder of the cache is whole or not there, whoever fails, and another process's folder is not touched."""

import hashlib
import subprocess

import pytest

from unlearnzoo.storage.artifacts import SUMS, aside, build_once, damage, write_sums


def fill(folder):
    (folder / "sub").mkdir()
    (folder / "sub" / "b").write_text("second")
    (folder / "a").write_text("first")


def test_it_is_made_once_and_made_again_where_it_is_damaged(tmp_path):
    place, made = tmp_path / "set", []

    def make(folder):
        made.append(folder)
        fill(folder)

    for _ in range(2):
        assert build_once(place, make) == place and len(made) == 1
    (place / "sub" / "b").write_text("secone")
    assert damage(place) == "its checksum is another"
    build_once(place, make)
    assert len(made) == 2 and damage(place) is None and (place / "sub" / "b").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []
    assert not made[1].exists() and made[1].parent == tmp_path


def test_the_sums_are_those_of_sha256sum(tmp_path):
    fill(tmp_path)
    write_sums(tmp_path)
    lines = [f"{hashlib.sha256(text).hexdigest()}  {name}\n" for name, text in (("a", b"first"), ("sub/b", b"second"))]
    assert (tmp_path / SUMS).read_text() == "".join(lines)
    done = subprocess.run(["sha256sum", "-c", SUMS], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "a: OK\nsub/b: OK\n"


@pytest.mark.parametrize("change", [lambda p: (p / "a").unlink(), lambda p: (p / "c").write_text("")])
def test_a_file_more_or_less_is_damage(tmp_path, change):
    fill(tmp_path)
    write_sums(tmp_path)
    assert damage(tmp_path) is None
    change(tmp_path)
    assert damage(tmp_path)
    assert "No such file" in damage(tmp_path / "nowhere")


def test_an_error_leaves_what_was_there(tmp_path):
    place = build_once(tmp_path / "set", fill)
    with pytest.raises(KeyboardInterrupt), aside(place) as fresh:
        (fresh / "half").write_text("")
        raise KeyboardInterrupt
    assert damage(place) is None and not fresh.exists()


def test_what_a_killed_process_left_goes(tmp_path):
    (tmp_path / ".set.0a0a.part").mkdir()
    (tmp_path / ".other.0a0a.part").mkdir()
    build_once(tmp_path / "set", fill)
    assert not (tmp_path / ".set.0a0a.part").exists() and (tmp_path / ".other.0a0a.part").exists()


def test_a_check_of_ones_own_stands_for_the_sums(tmp_path):
    place = build_once(tmp_path / "set", fill, lambda folder: (folder / "a").exists())
    assert not (place / SUMS).exists()
    build_once(place, lambda folder: pytest.fail("made again"), lambda folder: (folder / "a").exists())


def test_a_folder_of_the_users_is_not_replaced(tmp_path):
    (tmp_path / "plugin").mkdir()
    with aside(tmp_path / "plugin", 0o777, replace=False) as fresh:  # an empty one may be there
        (fresh / "mine").write_text("")
    with pytest.raises(OSError, match="plugin"), aside(tmp_path / "plugin", 0o777, replace=False) as fresh:
        (fresh / "yours").write_text("")
    assert [path.name for path in (tmp_path / "plugin").iterdir()] == ["mine"] and not fresh.exists()


def test_without_locks_the_second_of_two_keeps_what_the_first_made(tmp_path):
    with aside(tmp_path / "set") as second:
        fill(second)
        with aside(tmp_path / "set") as first:
            fill(first)
    assert (tmp_path / "set" / "a").read_text() == "first" and not second.exists()
