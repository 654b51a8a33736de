"""A real checkpoint, saved and loaded as a user's, with adapters that are not at LoRA's zero."""

import functools
import os
import signal
import sys
from importlib import metadata

# The test models are too small for two threads, which only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that runs this in the background hands down that Ctrl-C is ignored; the tests send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """No test reads or writes the user's cache."""
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def checkpoint_folder(tmp_path_factory):
    """A random LLaVA on disk."""
    from tests.support.checkpoints import llava

    return llava(tmp_path_factory.mktemp("llava"))


@pytest.fixture
def engine(checkpoint_folder):
    """An engine with a random target and a random unlearn adapter."""
    from tests.support.engines import adapted

    return adapted(checkpoint_folder)


@pytest.fixture
def site(tmp_path, monkeypatch):
    """An empty ``site-packages`` that is the only one; what it holds is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("unlearnzoo.discovery.metadata.distributions",
                        functools.partial(metadata.distributions, path=[str(tmp_path)]))
    monkeypatch.delenv("UNLEARNZOO_PLUGINS", raising=False)
    yield tmp_path
    for name in [n for n in sys.modules if n.startswith(("zoo_test_module", "unlearnzoo_file_"))]:
        del sys.modules[name]
