"""A real checkpoint, saved and loaded as a user's, with adapters that are not at LoRA's zero."""

import functools
import os
import shutil
import signal
import sys
from importlib import metadata

# The test models are too small for two threads, which only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from filelock import FileLock

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that runs this in the background hands down that Ctrl-C is ignored; the tests send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory):
    """A folder that all processes of this session share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(autouse=True)
def own_cache(shared_folder, monkeypatch):
    """No test reads or writes the user's cache."""
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(shared_folder / "cache"))


@pytest.fixture(scope="session")
def learned_three(shared_folder):
    """A cache in which the three people of ``launched.command`` are learned and judged; copy it, or only read it."""
    from tests.support import launched

    folder = shared_folder / "learned"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            aside = folder.with_suffix(".aside")
            launched.run("ga", shared_folder / "learning", aside, **{"unlearn.steps": 1})
            aside.rename(folder)
    return folder


@pytest.fixture
def warm_cache(learned_three, tmp_path):
    """A copy of it that a test may write."""
    return shutil.copytree(learned_three, tmp_path / "cache")


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
    monkeypatch.setattr(
        "unlearnzoo.registry.entry_points.metadata.distributions",
        functools.partial(metadata.distributions, path=[str(tmp_path)]),
    )
    monkeypatch.delenv("UNLEARNZOO_PLUGINS", raising=False)
    yield tmp_path
    for name in [n for n in sys.modules if n.startswith(("zoo_test_module", "unlearnzoo_file_"))]:
        del sys.modules[name]
