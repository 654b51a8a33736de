"""Files that a table names, as other systems write their names."""

import os
import re
import unicodedata

import pytest

from unlearnzoo import FilesBelow


@pytest.fixture
def home(tmp_path):
    (tmp_path / "table" / "faces").mkdir(parents=True)
    (tmp_path / "table" / "faces" / "ann.png").write_bytes(b"ann")
    (tmp_path / "secret.png").write_bytes(b"secret")
    return tmp_path / "table"


@pytest.mark.parametrize("name", ["faces/ann.png", "faces\\ann.png", "./faces/ann.png", ".\\faces\\ann.png"])
def test_either_separator(home, name):
    assert FilesBelow(home).find(name).read_bytes() == b"ann"


def test_a_file_that_has_a_backslash_in_its_name_is_itself(home):
    (home / "faces\\ann.png").write_bytes(b"odd")
    assert FilesBelow(home).find("faces\\ann.png").read_bytes() == b"odd"


@pytest.mark.parametrize("disk", ["NFC", "NFD"])
@pytest.mark.parametrize("table", ["NFC", "NFD"])
def test_an_accent_is_one_character_or_two(home, disk, table):
    (home / unicodedata.normalize(disk, "Zoé")).mkdir()
    (home / unicodedata.normalize(disk, "Zoé") / unicodedata.normalize(disk, "é ü 각.png")).write_bytes(b"zoe")
    for between in "/\\":
        name = unicodedata.normalize(table, f"Zoé{between}é ü 각.png")
        assert FilesBelow(home).find(name).read_bytes() == b"zoe"


def test_of_two_files_that_look_alike_each_is_itself(home):
    for form in ("NFC", "NFD"):
        (home / unicodedata.normalize(form, "é.png")).write_text(form)
    if len(os.listdir(home)) == 3:  # some systems hold one name alone
        for form in ("NFC", "NFD"):
            assert FilesBelow(home).find(unicodedata.normalize(form, "é.png")).read_text() == form


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "leads out of the file's folder"),
        ("..\\secret.png", "leads out of the file's folder"),
        ("faces/../../secret.png", "leads out of the file's folder"),
        ("link.png", "leads out of the file's folder by a link"),
        ("door\\secret.png", "leads out of the file's folder by a link"),
        ("Faces/ann.png", "is no file in the file's folder"),
        ("faces", "is no file in the file's folder"),
        ("faces/Ann.PNG", "is no file in the file's folder; there is 'ann.png', and capital letters count"),
    ],
)
def test_what_is_refused(home, name, text):
    (home / "link.png").symlink_to(home.parent / "secret.png")
    (home / "door").symlink_to(home.parent)
    with pytest.raises(ValueError, match=f"^{re.escape(text)}"):
        FilesBelow(home).find(name)


def test_a_folder_is_no_file_and_no_other_spelling_of_one(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError, match="^is no file in the file's folder$"):
        FilesBelow(tmp_path).find("a/")
