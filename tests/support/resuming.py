"""Runs that are stopped on the way, in this process or by kill -9, and what of two runs must be equal."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from unlearnzoo.evaluation.samples import read_samples
from unlearnzoo.records.store import load

#: What an interruption must not change. Times, and whether stage 1 was cached, may differ.
SAME = (
    "status",
    "valid",
    "algorithm",
    "benchmark",
    "seed",
    "plan",
    "gate",
    "results",
    "baselines",
    "curve",
    "matched",
    "steps",
)


class Killed(BaseException):
    """The end of a process, acted: nothing catches it."""


@contextlib.contextmanager
def killed(monkeypatch, where, name, after):
    """Stop before a function's call number ``after + 1``; as with kill -9 nobody closes the record."""
    calls, real = [], getattr(where, name)

    def counted(*args, **named):
        if len(calls) == after:
            raise Killed
        calls.append(1)
        return real(*args, **named)

    with monkeypatch.context() as patch:
        patch.setattr(where, name, counted)
        patch.setattr("unlearnzoo.records.record.Record._close", lambda *rest: None)
        try:
            yield
        except Killed:
            return
        raise AssertionError(f"{name} was called {len(calls)} times only")


def differences(one, other):
    """Return what differs between two finished runs: fields, adapters (bit by bit), samples, steps."""
    one, other = load(Path(one)), load(Path(other))
    found = [name for name in SAME if one.get(name) != other.get(name)]
    folders = [Path(record["folder"]) for record in (one, other)]
    found += [
        file
        for file in ("adapter/adapter_model.safetensors", "steps.jsonl")
        if len({(f / file).read_bytes() if (f / file).exists() else b"" for f in folders}) > 1
    ]
    if str(read_samples(folders[0] / "samples.parquet")) != str(read_samples(folders[1] / "samples.parquet")):
        found.append("samples")
    return found


def by_algorithm(runs):
    """Return algorithm → folder."""
    found = sorted(Path(runs).glob("*/run.json"))
    return {json.loads(path.read_text())["algorithm"]["name"]: path.parent for path in found}


def over(runs, algorithms):
    """Return whether each algorithm has a record that is finished: a kill may come after the last write."""
    found = [json.loads(path.read_text())["status"] for path in Path(runs).glob("*/run.json")]
    return found == ["finished"] * len(algorithms.split(","))


def start(arguments, cache, mutant="none", stderr=subprocess.PIPE):
    """Start the command in a process of its own; ``mutant`` breaks a part of it, see ``tests.support.broken``."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.broken", mutant, *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        text=True,
        env=os.environ | {"UNLEARNZOO_CACHE": str(cache), "OMP_NUM_THREADS": "1"},
    )


def signalled(arguments, cache, happened, number):
    """Send the command a signal once something has happened; return its exit code and what it said.

    Args:
        arguments: as for ``start``.
        cache: likewise.
        happened: asked again and again.
        number: the signal.
    """
    # Into a file: nobody reads a pipe meanwhile, and a full one would hold the command up.
    with tempfile.TemporaryFile("w+") as said, start(arguments, cache, stderr=said) as process:
        while process.poll() is None and not happened():
            time.sleep(0.002)
        process.send_signal(number)
        code = process.wait(120)
        said.seek(0)
        return code, said.read()


def killed_at(arguments, cache, happened):
    """Kill -9 the command once something has happened."""
    code, told = signalled(arguments, cache, happened, signal.SIGKILL)
    assert code == -signal.SIGKILL, told
