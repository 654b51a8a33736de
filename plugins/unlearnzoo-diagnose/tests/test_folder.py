"""A user's Real Set: what is read, and each mistake in one line."""

import pytest

from unlearnzoo import DataError
from unlearnzoo_diagnose.folder import read


@pytest.fixture
def home(tmp_path, picture):
    folder = tmp_path / "real"
    (folder / "pictures").mkdir(parents=True)
    for i in range(3):
        (folder / "pictures" / f"{i}.png").write_bytes(picture(i))
    write(folder, "Ada Byron,pictures/0.png", "Ada Byron,pictures/1.png", '"King, Billie",pictures/2.png')
    return folder


def write(folder, *rows, head="name,image"):
    (folder / "names.csv").write_text("\n".join([head, *rows]) + "\n", "utf-8")


def test_rows_of_one_name_are_images_of_one_person(home):
    found = read(home)
    assert [(p.name, len(p.images)) for p in found] == [("Ada Byron", 2), ("King, Billie", 1)]
    assert found[0].images[0].open().size == (24, 24)


def test_a_table_as_excel_saves_it_is_read(home):
    text = "note,image,name\r\nx,pictures/0.png, Ada Byron \r\ny,pictures/2.png,Bo Oak\r\n"
    (home / "names.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [p.name for p in read(home)] == ["Ada Byron", "Bo Oak"]


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (["Ada,pictures/9.png", "Bo,pictures/1.png"], "line 2: image 'pictures/9.png' is no file in the file's folder"),
        (["Ada,pictures/0.png", "Bo,../secret.png"], "line 3: image '../secret.png' leads out of the file's folder"),
        (["Ada,/etc/passwd", "Bo,pictures/1.png"], "line 2: image '/etc/passwd' leads out of the file's folder"),
        (["Ada,", "Bo,pictures/1.png"], "line 2: image '' leads out of the file's folder"),
        (["Ada,names.csv", "Bo,pictures/1.png"], "line 2: image 'names.csv' is no picture of a kind that is read"),
        ([",pictures/0.png", "Bo,pictures/1.png"], "line 2: the name is empty"),
        (["Ada,pictures/0.png", "Bo,pictures/0.png"], "'Ada' and 'Bo' have the same image"),
        (["Ada,pictures/0.png"], "names.csv names 1 people; it takes at least two"),
        ([], "names.csv names 0 people"),
        (['Ada,"pictures/0.png'], "names.csv is no CSV"),
    ],
)
def test_each_mistake_is_named(home, rows, text):
    write(home, *rows)
    with pytest.raises(DataError) as error:
        read(home)
    assert text in str(error.value) and str(error.value).startswith(f"--real {home}: ")
    assert "\n" not in str(error.value)


def test_all_mistakes_are_told_at_once_and_counted(home):
    write(home, *[f"P{i},pictures/no{i}.png" for i in range(13)])
    with pytest.raises(DataError, match="line 2: .*line 11: .*; and 3 more$"):
        read(home)


def test_a_link_out_of_the_folder_is_not_followed(home, tmp_path, picture):
    (tmp_path / "outside.png").write_bytes(picture(7))
    (home / "pictures" / "link.png").symlink_to(tmp_path / "outside.png")
    write(home, "Ada,pictures/link.png", "Bo,pictures/1.png")
    with pytest.raises(DataError, match="leads out of the file's folder by a link"):
        read(home)


def test_a_missing_table_or_column_is_named(home, tmp_path):
    with pytest.raises(DataError, match="there is no names.csv; write one with the columns name,image"):
        read(tmp_path / "nowhere")
    write(home, "x,y", head="name,picture")
    with pytest.raises(DataError, match="has no column 'image'; its first line must be name,image"):
        read(home)
    (home / "names.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read"):
        read(home)
