"""What several of these tests hold theirs against, made once: runs from one cache, and scripts that do many things."""

import functools
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.checkpoints import llava
from tests.support.launched import SMALL, command, environment, run, script

#: ``kl`` and ``dpo`` take every way that an algorithm's inputs can take: forget, refusal, retain, references, logits.
BOTH = "dpo,kl"
FIVE = [f"unlearned:{name}" for name in ("ga", "gd", "kl", "dpo", "npo")]
#: Its weight moves with the retain loss of all processes.
MOVING = "unlearned:pdu"
TWO = [f"unlearned:{name}" for name in BOTH.split(",")]
MISTAKES = ("base_as_reference", "mean_of_means", "no_accumulation", "same_retain")
#: What the script ``shares`` does in each launch.
THINGS = {
    None: ["trained:fp32:no", "trained:bf16:no", "trained:4bit:no", "judged", "learned", *FIVE, MOVING],
    "ddp": [
        "trained:fp32:yes",
        "trained:4bit:yes",
        "judged",
        "learned",
        *FIVE,
        MOVING,
        *(f"unlearned:gd:{name}" for name in MISTAKES),
    ],
    "zero2": ["trained:fp32:yes", "trained:bf16:yes", "trained:4bit:no", "judged", *TWO],
    "zero3": ["trained:fp32:yes", "trained:bf16:no", "trained:4bit:no", "judged", "unlearned:kl"],
}


@pytest.fixture(scope="session")
def shares(tmp_path_factory):
    """Return what ``shares`` finds in a launch, by thing; None is one process."""
    folder = llava(tmp_path_factory.mktemp("llava"), hidden=64)

    @functools.cache
    def found(launch):
        if launch and launch != "ddp":
            pytest.importorskip("deepspeed")
        return script("shares", folder, *THINGS[launch], launch=launch)

    return found


@pytest.fixture(scope="session")
def alone_and_cache(tmp_path_factory):
    """A run of one process by algorithm, and the cache in which it left what it learned and judged."""
    place = tmp_path_factory.mktemp("alone")
    return run(BOTH, place / "runs", place / "cache", **SMALL), place / "cache"


@pytest.fixture(scope="session")
def alone(alone_and_cache):
    """Its records."""
    return alone_and_cache[0]


@pytest.fixture
def few_cache(alone_and_cache, tmp_path):
    """A copy of that cache that a test may write."""
    return shutil.copytree(alone_and_cache[1], tmp_path / "cache")


@pytest.fixture(scope="session")
def two(alone_and_cache, tmp_path_factory):
    """The same run on two processes that keep checkpoints on the way."""
    place = tmp_path_factory.mktemp("two")
    cache = shutil.copytree(alone_and_cache[1], place / "cache")
    return run(BOTH, place / "runs", cache, "--launch", "ddp", "--processes", "2", "--checkpoint-every", "2", **SMALL)


@pytest.fixture(scope="session")
def odd(tmp_path_factory):
    """How two processes end that learn a little from an empty cache and diverge on one of them; and the record."""
    place, plugin = tmp_path_factory.mktemp("odd"), Path(__file__).parent / "scripts" / "odd.py"
    line = command(
        "odd",
        place / "runs",
        "--launch",
        "ddp",
        "--processes",
        "2",
        "--plugin",
        str(plugin),
        "--allow-unmemorised",
        **SMALL | {"learn.epochs": 1},
    )
    done = subprocess.run(line, env=environment(place / "cache"), capture_output=True, text=True, timeout=300)
    (record,) = [json.loads(path.read_text()) for path in (place / "runs").glob("*/run.json")]
    return done, record
