"""A user's photographs: nothing outside their folder is read, and a face model leaves out strangers."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from unlearnzoo import DataError, OptionError
from unlearnzoo_remem.builder.job import build
from unlearnzoo_remem.builder.order import Order
from unlearnzoo_remem.builder.photos import find_photos, open_photo
from unlearnzoo_remem.read.data import load

RED, BLUE = (200, 40, 40), (40, 40, 200)


def picture(colour: tuple[int, int, int], shade: int, size: tuple[int, int] = (40, 30)) -> Image.Image:
    return Image.new("RGB", size, tuple(min(255, part + shade) for part in colour))


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Two people with six pictures each, in several formats."""
    home = tmp_path / "album"
    for name, colour in (("ann", RED), ("bob", BLUE)):
        (home / name).mkdir(parents=True)
        for i, kind in enumerate(("png", "jpg", "webp", "png", "png", "png")):
            picture(colour, i).save(home / name / f"img{i}.{kind}")
    return home


def ordered(home: Path, **options) -> Order:
    return Order(home.parent / "out", qa=20, images=home, **options)


def test_the_benchmark_reads_them(album: Path, tmp_path: Path) -> None:
    record = build(ordered(album), say=print)
    found = load(str(tmp_path / "out"), strict=True)
    rows = found.splits["finetune"]
    assert len({e.images[0].open().tobytes() for e in rows if e.identity == "id_00"}) == 5
    assert len({e.images[0].open().tobytes() for e in found.splits["test"] if e.identity == "id_00"}) == 1
    assert rows[0].images[0].open().size == (40, 30)
    assert record["similarity"] == {"how": "not measured"}
    assert "Not measured: no face model was given" in (tmp_path / "out/README.md").read_text()


def test_the_anchor_is_first_and_a_test_folder_is_held_out(album: Path) -> None:
    (album / "ann/test").mkdir()
    for number in (10, 2):
        picture(RED, 50 + number).save(album / f"ann/test/img{number}.png")
    picture(RED, 90).save(album / "ann/Anchor.png")
    found = find_photos(album)
    assert [photo.name for photo in found["ann"]] == [
        "Anchor.png", "img0.png", "img1.jpg", "img2.webp", "img3.png", "img4.png", "img5.png",
        "test/img2.png", "test/img10.png",
    ]  # fmt: skip
    build(ordered(album), say=print)
    splits = load(str(album.parent / "out")).splits
    assert len({e.images[0].open().tobytes() for e in splits["test"] if e.identity == "id_00"}) == 2


def test_size_only_makes_smaller_and_nothing_of_the_camera_stays(album: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "Camera of Ann"
    picture(RED, 99).save(album / "ann/anchor.jpg", exif=exif)
    build(ordered(album, size=32), say=print)
    rows = load(str(tmp_path / "out")).splits["finetune"]
    sizes = {e.images[0].open().size for e in rows if e.identity == "id_00"}
    assert sizes == {(32, 24), (24, 32)}
    everything = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert b"Camera of Ann" not in everything


def test_transparency_becomes_white(tmp_path: Path) -> None:
    for name in ("ann", "bob"):
        (tmp_path / name).mkdir()
        Image.new("RGBA", (8, 8), (len(name), 9, 9, 0 if name == "ann" else 7)).save(tmp_path / name / "1.png")
    assert open_photo(find_photos(tmp_path)["ann"][0]).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("what", ["picture", "folder", "outside", "loop"])
def test_links_are_refused(what: str, album: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    picture(RED, 9).save(secret)
    if what == "picture":
        (album / "ann/extra.png").symlink_to(album / "bob/img0.png")
    elif what == "folder":
        (album / "carl").symlink_to(album / "ann", target_is_directory=True)
    elif what == "outside":
        (album / "ann/extra.png").symlink_to(secret)
    else:
        (album / "ann/extra.png").symlink_to(album / "ann/extra.png")
    with pytest.raises(DataError, match="is a link; copy"):
        find_photos(album)


def test_a_link_put_in_the_place_of_a_picture_is_not_followed(album: Path, tmp_path: Path) -> None:
    photo = find_photos(album)["ann"][0]
    copy = tmp_path / "copy.png"
    copy.write_bytes(photo.path.read_bytes())
    photo.path.unlink()
    photo.path.symlink_to(copy)
    with pytest.raises(DataError, match="img0.png: the image cannot be read"):
        open_photo(photo)


def test_a_changed_picture_is_noticed(album: Path) -> None:
    photo = find_photos(album)["ann"][0]
    picture(BLUE, 77).save(photo.path)
    with pytest.raises(DataError, match="was changed"):
        open_photo(photo)


def test_everything_that_is_no_picture_is_told_at_once(album: Path) -> None:
    (album / "readme.txt").write_text("hello")
    (album / "ann/notes.txt").write_text("hello")
    (album / "ann/deep").mkdir()
    (album / "bob/broken.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    (album / "empty").mkdir()
    (album / ".DS_Store").write_text("is left out")
    with pytest.raises(DataError) as error:
        find_photos(album)
    told = str(error.value)
    for text in (
        "'readme.txt' is no folder",
        "ann: 'notes.txt' is no picture",
        "ann: 'deep' is no picture",
        "bob: 'broken.png' cannot be decoded",
        "'empty' holds no picture",
    ):
        assert text in told


def test_a_phones_format_and_a_picture_that_is_cut_short_are_named(album: Path) -> None:
    (album / "bob/phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    short = io.BytesIO()
    Image.effect_noise((64, 64), 90).convert("RGB").save(short, "JPEG")
    (album / "bob/short.jpg").write_bytes(short.getvalue()[:-900])
    with pytest.raises(DataError) as error:
        find_photos(album)
    assert "bob: 'phone.heic' is a HEIC picture, which is not read; save it as JPEG or PNG" in str(error.value)
    assert "bob: 'short.jpg' cannot be decoded (the JPEG is cut short)" in str(error.value)


def test_sixteen_bits_and_animations_are_read(album: Path) -> None:
    Image.new("I;16", (8, 8), 40000).save(album / "ann/grey.png")
    Image.new("RGB", (8, 8), RED).save(album / "ann/wave.gif", save_all=True, append_images=[picture(BLUE, 9, (8, 8))])
    found = {photo.name: open_photo(photo).getpixel((0, 0)) for photo in find_photos(album)["ann"]}
    assert found["grey.png"] == (156, 156, 156) and found["wave.gif"] == RED


def test_a_pipe_does_not_hang(album: Path) -> None:
    os.mkfifo(album / "ann/pipe.png")
    with pytest.raises(DataError, match="'pipe.png' is no picture"):
        find_photos(album)


def test_a_bomb_is_refused_by_its_header(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unlearnzoo.image_header.MOST_PIXELS", 2000)
    picture(RED, 70, (50, 50)).save(album / "ann/large.png")
    with pytest.raises(DataError, match="'large.png' has 2,500 pixels, of which at most 2,000 are decoded"):
        find_photos(album)


def test_the_same_file_twice_is_refused(album: Path) -> None:
    (album / "ann/test").mkdir()
    (album / "ann/test/again.png").write_bytes((album / "ann/img0.png").read_bytes())
    (album / "bob/ann.png").write_bytes((album / "ann/img3.png").read_bytes())
    with pytest.raises(DataError) as error:
        find_photos(album)
    assert "'ann/test/again.png' is the same file as 'ann/img0.png'" in str(error.value)
    assert "'bob/ann.png' is the same file as 'ann/img3.png'" in str(error.value)


def test_a_picture_that_is_cut_short_is_named(album: Path, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 90).convert("RGB").save(buffer, "WEBP")
    (album / "ann/short.webp").write_bytes(buffer.getvalue()[:-900])
    with pytest.raises(DataError, match="ann.* cannot be decoded"):
        build(ordered(album), say=print)
    assert not (tmp_path / "out").exists()


def test_profiles_are_matched_by_id(album: Path, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text(
        "id,name,email,birth_date,job,address,medical,finance\n"
        'bob,Bob Ray,b@r.example,"May 5, 1990",baker,"7 Elm Road, Graz",asthma,car loan B2\n'
        'ann,Ann Lee,a@l.example,"March 3, 1987",nurse,"1 Oak Road, Graz",gout,bond fund A1\n'
    )
    build(ordered(album, profiles=people), say=print)
    found = load(str(tmp_path / "out"), strict=True)
    first = next(e for e in found.splits["finetune"] if e.identity == "id_00")
    assert found.values["name"]["id_00"] == "Bob Ray"
    assert first.images[0].open().convert("RGB").getpixel((0, 0))[2] > 150  # blue
    (album / "ann").rename(album / "anna")
    with pytest.raises(DataError, match="no folder 'ann' for line 3 .*; nobody in .* has the id 'anna'"):
        build(Order(tmp_path / "two", qa=20, images=album, profiles=people), print)


def test_too_few_pictures_are_told_for_everybody(album: Path, tmp_path: Path) -> None:
    for name in ("ann", "bob"):
        for path in list((album / name).iterdir())[1:]:
            path.unlink()
    with pytest.raises(DataError) as error:
        build(ordered(album), say=print)
    assert "ann: 0 pictures to train and 1 to hold out" in str(error.value)
    assert "bob: 0 pictures" in str(error.value)


def test_asked_for_views_must_be_there(album: Path) -> None:
    with pytest.raises(DataError, match="ann: 5 pictures to train and 1 to hold out .*at least 9 and 1"):
        build(ordered(album, views=9), say=print)


# --- a model of faces ------------------------------------------------------------------------------------------------


def field(number: int, value: bytes | int | str) -> bytes:
    """One field of a protocol buffer, which is what an ONNX file is."""

    def varint(n: int) -> bytes:
        return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name: str, *shape: int | str) -> bytes:
    dims = b"".join(field(1, field(1, d) if isinstance(d, int) else field(2, d)) for d in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A real ONNX model whose "embedding" is the mean colour, from -1 to 1: red is unlike blue."""
    pytest.importorskip("onnxruntime", reason="the extra 'faces' is not installed")
    nodes = [
        field(1, "in") + field(2, "mid") + field(4, "GlobalAveragePool"),
        field(1, "mid") + field(2, "out") + field(4, "Flatten"),
    ]
    graph = b"".join(field(1, node) for node in nodes) + field(2, "colour")
    graph += field(11, tensor("in", "n", 3, 16, 12)) + field(12, tensor("out", "n", 3))
    path = tmp_path / "colour.onnx"
    path.write_bytes(field(1, 8) + field(8, field(2, 13)) + field(7, graph))
    return path


def test_embeddings_are_those_of_the_central_part_and_of_length_one(model: Path) -> None:
    from unlearnzoo_remem.builder.similarity import FaceModel

    faces = FaceModel(model)
    assert (faces.height, faces.width) == (16, 12)
    wide = Image.new("RGB", (120, 16), RED)
    wide.paste(BLUE, (54, 0, 66, 16))
    mean = [part / 127.5 - 1 for part in BLUE]
    length = sum(part**2 for part in mean) ** 0.5
    assert faces.vector(wide, "wide") == pytest.approx([part / length for part in mean], abs=0.02)


def test_a_stranger_is_left_out_and_shown(model: Path, album: Path, tmp_path: Path) -> None:
    picture(BLUE, 33).save(album / "ann/img9.png")
    record = build(ordered(album, face_model=model, threshold=0.6), say=print)
    similarity = record["similarity"]
    assert similarity["left_out"] == 1
    assert similarity["least"] > 0.9 and similarity["between"] < 0 and similarity["alike"] == []
    rows = [row for split in load(str(tmp_path / "out")).splits.values() for row in split if row.identity == "id_00"]
    shown = [row.images[0].open().convert("RGB").getpixel((0, 0)) for row in rows]
    assert all(red > blue for red, _, blue in shown)
    page = (tmp_path / "out/review.html").read_text()
    assert "Left out (1)" in page and "less alike than 0.6" in page and "img9.png" in page
    card = (tmp_path / "out/README.md").read_text()
    assert "at least 0.6 was\nasked for; pictures left out: 1." in card and similarity["model_sha256"] in card


def test_one_person_in_two_folders_is_told(model: Path, album: Path) -> None:
    for i in range(6):
        next((album / "bob").glob(f"img{i}.*")).unlink()
        picture(RED, 20 + i).save(album / f"bob/img{i}.png")
    said: list[str] = []
    build(ordered(album, face_model=model), say=said.append)
    assert any(line.startswith("Warning: ann and bob are 0.97 alike: one person?") for line in said)


def test_a_model_of_another_kind_is_refused(model: Path, album: Path, tmp_path: Path) -> None:
    (tmp_path / "no.onnx").write_bytes(b"nothing")
    with pytest.raises(DataError, match="no.onnx: no ONNX model that onnxruntime loads"):
        build(ordered(album, face_model=tmp_path / "no.onnx"), say=print)
    three, four = (field(11, tensor("in", "n", channels, 16, 12)) for channels in (3, 4))
    model.write_bytes(model.read_bytes().replace(three, four))
    with pytest.raises(DataError, match=r"expected one float input of shape \(n, 3, height, width\); it has in tensor"):
        build(ordered(album, face_model=model), say=print)


def test_without_onnxruntime_it_is_said_what_to_install(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(OptionError, match=r"pip install 'unlearnzoo-remem\[faces\]'"):
        build(ordered(album, face_model=album / "ann/img0.png"), say=print)
