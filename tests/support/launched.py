"""Runs in real processes: one, or several through the launcher, on three people."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.three import arguments
from unlearnzoo.launch import configs

ROOT = Path(__file__).parents[2]

#: Seven answers per step, the last batch of an epoch six: 20 forget answers in 7 + 7 + 6. Small
#: micro-batches, so that every process accumulates several of them.
UNEVEN = {
    "unlearn.batching": "example",
    "unlearn.batch": 7,
    "unlearn.per_image": 3,
    "unlearn.micro_tokens": 400,
    "unlearn.steps": 12,
    "unlearn.probe_every": 3,
    "learn.replay": 0,
}

#: Options of ``command`` for a smaller one: eight forget answers in 7 + 1, learned and judged in seconds.
SMALL = {"remem.qa": 8}


@dataclass
class Found:
    """What a run left: its record, steps and adapter."""

    record: dict
    steps: list
    adapter: dict

    def answers(self):
        """Return each result as (what it is, number of answers that are right, or the sum of scores)."""
        return {
            (r["model"], r["split"], r["column"], str(r["group"])): (r["mean"], r["n"]) for r in self.record["results"]
        }


def command(algos, runs, *extra, **options):
    """Return a command line on the tiny checkpoint as a bare folder: no utility rows to judge."""
    from importlib import resources

    tiny = resources.files("unlearnzoo_tiny") / "checkpoint"
    return [
        sys.executable,
        "-m",
        "unlearnzoo",
        "run",
        "--algo",
        algos,
        "--bench",
        "remem",
        "--model",
        str(tiny),
        "--recipe",
        "tiny",
        *arguments(**UNEVEN | options),
        "--runs-dir",
        str(runs),
        *extra,
    ]


def environment(cache):
    """Return the surroundings of a run: a cache of its own, a core for each of two processes."""
    return {**os.environ, "UNLEARNZOO_CACHE": str(cache), "OMP_NUM_THREADS": "1"}


def run(algos, runs, cache, *extra, **options):
    """Run and return what was found, by algorithm: stdout is JSON, and libraries are not heard."""
    line = command(algos, runs, *extra, "--json", **options)
    done = subprocess.run(line, env=environment(cache), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    assert {record["algorithm"]["name"] for record in json.loads(done.stdout)} == set(algos.split(","))
    for noise in ("FutureWarning", "get_accelerator", "gemm_4bit_forward"):
        assert noise not in done.stderr
    return read(runs)


def script(name, *arguments, launch=None):
    """Run a script of ``tests/launch/scripts``, alone or on two processes; return what it says it found."""
    module, arguments = f"tests.launch.scripts.{name}", list(map(str, arguments))
    start = [sys.executable, "-m", module, *arguments]
    if launch:
        start = [
            sys.executable,
            "-m",
            "accelerate.commands.launch",
            "--config_file",
            str(configs.find(launch)),
            "--num_processes",
            "2",
            "--main_process_port",
            "0",
            "--module",
            module,
            *arguments,
        ]
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    done = subprocess.run(start, cwd=ROOT, env=surroundings, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("found "))
    return json.loads(line.removeprefix("found "))


def read(runs):
    """Read the records of a folder."""
    from safetensors.torch import load_file

    found = {}
    for path in Path(runs).glob("*/run.json"):
        record = json.loads(path.read_text())
        steps = [json.loads(line) for line in (path.parent / "steps.jsonl").read_text().splitlines()]
        found[record["algorithm"]["name"]] = Found(
            record, steps, load_file(path.parent / "adapter" / "adapter_model.safetensors")
        )
    return found


def differs(one, other):
    """Return how far two runs of an algorithm are apart.

    Returns:
        The largest relative difference of a step's loss while EMf was at least half, and the
        largest difference of a result in answers.
    """
    until = next((p["step"] for p in one.record["curve"] if max(p["EMf"].values()) < 0.5), len(one.steps))
    losses = [
        abs(a["loss"] - b["loss"]) / abs(a["loss"]) for a, b in zip(one.steps[:until], other.steps[:until], strict=True)
    ]
    ours, theirs = one.answers(), other.answers()
    assert ours.keys() == theirs.keys()
    results = [abs(mean - theirs[key][0]) * n for key, (mean, n) in ours.items() if mean is not None]
    return max(losses), max(results)
