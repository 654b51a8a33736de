"""Retraining: a real run of three people, whose adapter has never seen the forgotten one."""

import json

import pytest

from tests.support import three
from unlearnzoo.cli import main


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    import os

    folder = tmp_path_factory.mktemp("retrain")
    os.environ["UNLEARNZOO_CACHE"] = str(folder / "cache")
    base = ["run", "--bench", "remem", *three.arguments(), "--runs-dir", str(folder / "runs"), "--json"]
    return lambda *more: main([*base, *more])


def test_what_was_never_seen_is_not_known(records, capfd):
    assert records("--algo", "retrain,ga") == 0
    gold, ascent = json.loads(capfd.readouterr().out)
    means = {(row["model"], row["column"], row["group"].get("hop")): row["mean"] for row in gold["results"]}
    for hop in ("single", "multi"):
        assert means["unlearned", "EMf", hop] < 0.5 < means["target", "EMf", hop]
        assert means["unlearned", "EMr", hop] > 0.8
    assert gold["steps"] == 0 and set(gold["matched"]["0.50"].values()) == {None}
    assert [point["step"] for point in gold["curve"]] == [0, 0]
    assert ascent["curve"][0]["EMf"] == gold["curve"][0]["EMf"]  # the target is itself again
    assert records("--algo", "retrain") == 0
    again = json.loads(capfd.readouterr().out)[0]
    assert again["results"] == gold["results"]
    assert again["seconds"]["unlearn"] < gold["seconds"]["unlearn"] / 2  # kept like stage 1


def test_a_target_from_elsewhere_is_refused(records, capfd, tmp_path):
    from tests.support.checkpoints import llava

    assert records("--algo", "retrain", "--target", str(llava(tmp_path / "mine"))) == 2
    assert "--target brings a model that was learned elsewhere" in capfd.readouterr().err
