"""What is odd in a data set, but no error, is told, and cannot act on a terminal."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unlearnzoo_remem.read.data import load


def test_people_of_one_name_are_told_without_moving_the_cursor(
    card: dict[str, list[dict[str, Any]]], written: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    for rows in card.values():
        for one in rows:
            one["image_path"] = one["image_path"].replace("id_", "id\x1b[2J_")
            one |= {"attribute": "Name", "keywords": '["suffer"]'}
    with caplog.at_level(logging.WARNING):
        load(str(written(card)))
    assert r"'id\x1b[2J_00', 'id\x1b[2J_01', 'id\x1b[2J_02' have one name, 'suffer': two" in caplog.text
    assert "\x1b" not in caplog.text
