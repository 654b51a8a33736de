"""An error as one line, whatever its message is."""

import types

import pytest

from unlearnzoo.errors import CacheWarning, CheckpointWarning, OptionError, ZooError, first_line, with_class


@pytest.mark.parametrize(
    ("error", "line", "named"),
    [
        (ValueError("no such row\nsee the log"), "no such row", "ValueError: no such row"),
        (ValueError("\n  \n  late  \nmore"), "late", "ValueError: late"),
        (ValueError(), "ValueError", "ValueError"),
        (ValueError(" \n "), "ValueError", "ValueError"),
        (KeyError("hop"), "'hop'", "KeyError: 'hop'"),
        (ValueError("x" * 10**6), "x" * 2000 + "…", "ValueError: " + "x" * 2000 + "…"),
    ],
)
def test_the_first_line_that_says_anything(error, line, named):
    assert first_line(error) == line and with_class(error) == named


def test_a_cache_that_fails_without_a_message_is_still_a_warning(tmp_path):
    from unlearnzoo.storage.cache import best_effort

    told = "the target is not kept for the next run: .*: OSError$"
    with pytest.warns(CacheWarning, match=told), best_effort("the target", tmp_path):
        raise OSError


def test_a_checkpoint_that_fails_without_a_message_is_still_a_warning(tmp_path, monkeypatch):
    from unlearnzoo.training.checkpointing.checkpointer import Checkpointer
    from unlearnzoo.training.checkpointing.interval import CheckpointInterval
    from unlearnzoo.training.checkpointing.store import Store

    def fail(*rest):
        raise ZooError

    checkpointer = Checkpointer(Store(tmp_path / "checkpoint", "k"), CheckpointInterval(steps=1))
    monkeypatch.setattr(checkpointer.store, "seal", fail)
    with pytest.warns(CheckpointWarning, match="no checkpoint was written: .*: ZooError; the run goes on"):
        checkpointer.step(1)


def test_processes_that_fail_without_a_message_keep_their_error():
    from unlearnzoo.training.distributed.ranks import _told

    with pytest.raises(RuntimeError), _told():
        raise RuntimeError


def test_an_adapter_that_does_not_fit_without_a_message_is_named(monkeypatch):
    import peft

    from unlearnzoo.training.adapter_weights import AdapterWeights, put

    def fail(*rest, **named):
        raise RuntimeError

    monkeypatch.setattr(peft, "set_peft_model_state_dict", fail)
    engine = types.SimpleNamespace(adapt=lambda *rest, **named: None, model=None)
    with pytest.raises(ZooError, match="the adapter 'target' does not fit this model: RuntimeError$"):
        put(engine, "target", AdapterWeights({}, 1, 1.0, ("language",)))


def test_a_launch_file_that_fails_without_a_message_is_named(tmp_path, monkeypatch):
    import yaml

    from unlearnzoo.launch import configs

    def fail(text, loader):
        raise yaml.YAMLError

    monkeypatch.setattr(yaml, "load", fail)
    (tmp_path / "mine.yaml").write_text("x: 1")
    with pytest.raises(OptionError, match=r"cannot be read: no YAML \(YAMLError\)$"):
        configs.read(str(tmp_path / "mine.yaml"))
