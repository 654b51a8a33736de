"""Time steps on one process with two threads against two processes with one thread each.

    python -m examples.benchmarks.processes [ROUNDS]

A random LLaVA of some 30 million parameters (336 px images as 576 tokens, 12 layers of 512), so that
computing dominates; GD's loss, 4 forget and 4 retain answers per step. All arrangements are alive at once
and do one step each in turn, so that each is measured beside the others, however the machine's speed
drifts. Printed are seconds per step, the ratio to one process within a round (median, with the quartiles over
the rounds), and the ratio of the lowest steps. Run it when nothing else runs.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from examples.benchmarks.llava_7b import people
from tests.support.checkpoints import llava

ONE, WARM = "one process", 2
ARRANGEMENTS = (ONE, "ddp", "zero1", "zero2")


def work(folder: str, name: str, steps: int) -> int:
    """Be one of an arrangement's processes: do each step when its turn has come; the main one prints its seconds."""
    from unlearnzoo.models.checkpoint import inspect
    from unlearnzoo.training.engine import Engine
    from unlearnzoo.training.inputs import StepInputs
    from unlearnzoo.training.loop import Objective, optimise
    from unlearnzoo.training.recipe import Unlearn

    engine = Engine(inspect("benchmark", folder))
    engine.adapt("target", 8, 16.0, ("language",), 0)
    parameters = engine.adapt("unlearn", 8, 16.0, ("language",), 1)
    examples = people(8, 2)
    objective = Objective(
        lambda forget, retain: {"forget": -forget.nll, "retain": retain.nll}, frozenset({"forget", "retain"})
    )
    begun = 0.0

    def inputs() -> Iterator[StepInputs]:
        nonlocal begun
        for step in range(steps):
            batch = StepInputs(engine, {"forget": examples[:4], "retain": examples[4:]}, str)
            while not turn(folder, name, step).exists():
                time.sleep(0.02)
            begun = time.perf_counter()
            yield batch

    def on_step(entry: dict) -> bool:
        if engine.ranks.main:
            print("seconds", time.perf_counter() - begun, flush=True)
        return False

    optimise(engine, parameters, Unlearn(rank=8, micro_tokens=1400, lr=1e-5), objective, inputs(), steps, on_step)
    return 0


def turn(folder: Path | str, name: str, step: int) -> Path:
    """Return the file whose being there lets an arrangement do a step."""
    return Path(folder) / f"{name}-{step}.turn"


def start(folder: Path, name: str, steps: int) -> subprocess.Popen:
    """Start an arrangement; it waits for its first turn."""
    from unlearnzoo.launch import configs

    own = ["--module", "examples.benchmarks.processes", "--work", str(folder), name, str(steps)]
    command = [sys.executable, "-m", "examples.benchmarks.processes", *own[2:]]
    if name != ONE:
        command = [
            sys.executable,
            "-m",
            "accelerate.commands.launch",
            "--config_file",
            str(configs.find(name)),
            "--num_processes",
            "2",
            "--main_process_port",
            "0",
            *own,
        ]
    surroundings = {**os.environ, "OMP_NUM_THREADS": "2" if name == ONE else "1"}
    with (folder / f"{name}.err").open("w") as errors:
        return subprocess.Popen(command, env=surroundings, stdout=subprocess.PIPE, stderr=errors, text=True)


def step(folder: Path, name: str, process: subprocess.Popen, number: int) -> float:
    """Let an arrangement do its next step; return its seconds."""
    turn(folder, name, number).touch()
    for line in process.stdout:
        if line.startswith("seconds "):
            return float(line.split()[1])
    sys.exit(f"{name} ended with {process.wait()}:\n{(folder / f'{name}.err').read_text()[-4000:]}")


def main(rounds: int) -> int:
    """Measure all arrangements in turn and print each beside the single process."""
    with tempfile.TemporaryDirectory() as place:
        folder = llava(Path(place), image=336, patch=14, hidden=512, layers=12)
        running = {name: start(folder, name, WARM + rounds) for name in ARRANGEMENTS}
        seconds: dict[str, list[float]] = {name: [] for name in ARRANGEMENTS}
        order = random.Random(0)
        try:
            for number in range(WARM + rounds):
                for name in order.sample(ARRANGEMENTS, len(ARRANGEMENTS)):
                    took = step(folder, name, running[name], number)
                    if number >= WARM:
                        seconds[name].append(took)
        finally:
            for process in running.values():
                process.terminate()
                process.wait()
    for name, found in seconds.items():
        ratios = [mine / one for mine, one in zip(found, seconds[ONE], strict=True)]
        low, _, high = statistics.quantiles(ratios, n=4)
        lowest = min(found) / min(seconds[ONE])
        print(
            f"{name:<12} {statistics.median(found):.2f} s a step ({min(found):.2f}-{max(found):.2f}, n {rounds}); "
            f"of one process {statistics.median(ratios):.2f} ({low:.2f}-{high:.2f}), lowest {lowest:.2f}"
        )
    return 0


if __name__ == "__main__":
    if "--work" in sys.argv:
        sys.exit(work(sys.argv[-3], sys.argv[-2], int(sys.argv[-1])))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rounds", type=int, nargs="?", default=16, help="at least 2 (16), two thirds of a minute each")
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error(f"rounds {options.rounds}: at least 2, for the quartiles")
    sys.exit(main(options.rounds))
