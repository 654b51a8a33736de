"""The picture is drawn, whatever the curves and names are; how it looks was looked at."""

import builtins

import pytest

from tests.support.records import finished
from unlearnzoo.errors import DataError, OptionError, RunError
from unlearnzoo.reports.curve_plot import draw
from unlearnzoo.reports.plots import label


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [finished(folder, "ga", 0.4), finished(folder, "npo", 0.7)]


def test_png_has_ink_in_each_lines_colour(two, tmp_path):
    pytest.importorskip("matplotlib")
    from PIL import Image

    draw(two, tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as image:
        colours = {c: n for n, c in image.convert("RGB").getcolors(maxcolors=1 << 24)}
        assert image.width > image.height > 500
    for colour in ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)):
        assert colours.get(colour, 0) > 500


@pytest.mark.parametrize(("suffix", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("PNG", b"\x89PNG")])
def test_formats(two, tmp_path, suffix, start):
    pytest.importorskip("matplotlib")
    draw(two, tmp_path / f"c.{suffix}")
    assert (tmp_path / f"c.{suffix}").read_bytes().startswith(start)


@pytest.mark.parametrize(
    "changes",
    [
        {"algorithm": {"name": "$\\frac{"}, "model": {"name": "_\x1b$$"}},
        {"curve": [{"step": 0, "EMf": {"single": None}, "EMr": {"single": 1.0}}], "matched": {}},
        {"curve": [{"step": 0, "EMf": {}, "EMr": {}}], "matched": {}},
        {"matched": {"0.50": {"single": None, "multi": None}}},
        {"curve": [{"step": 0, "EMf": {"": 1.0}, "EMr": {"": 1.0}}], "matched": {"0.50": {"": None}}},
    ],
)
def test_odd_records(two, tmp_path, changes):
    pytest.importorskip("matplotlib")
    draw([{**two[0], **changes}], tmp_path / "c.png")
    draw([{**two[0], **changes}, two[1]], tmp_path / "c.png")


def test_refusals(two, tmp_path):
    with pytest.raises(OptionError, match=r"end the name in \.png, \.svg, \.pdf"):
        draw(two, tmp_path / "c.jpg")
    with pytest.raises(DataError, match="none of these runs has a curve"):
        draw([{**two[0], "curve": []}], tmp_path / "c.png")


def test_without_matplotlib(two, tmp_path, monkeypatch):
    real = builtins.__import__

    def importing(name, *rest, **named):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", importing)
    with pytest.raises(RunError, match="pictures need matplotlib: pip install"):
        draw(two, tmp_path / "c.png")


def test_where_it_cannot_be_written(two, tmp_path):
    pytest.importorskip("matplotlib")
    with pytest.raises(RunError, match=r"none/c\.png: cannot be written"):
        draw(two, tmp_path / "none" / "c.png")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a$b$", r"a\$b\$"), ("__x", "x"), ("\\frac", "/frac"), ("\x1b", "/x1b"), ("__", "?"), ("", " ")],
)
def test_labels_are_drawn_as_they_are(text, shown):
    assert label(text) == shown
