"""Time steps on one process with two threads against two processes with one thread each.

    python -m tests.benchmarks.processes [ROUNDS]

A random LLaVA of some 30 million parameters (336 px images as 576 tokens, 12 layers of 512), so that
computing dominates; GD's loss, 8 forget and 8 retain answers a step. Each round runs every arrangement
once, so that a machine that is slower for some minutes is slower for all of them. Printed are seconds
a step (median, lowest, highest over the steps of all rounds) and two ratios to one process: of the lowest,
which other work on the machine disturbs least, and of the medians. Run it when nothing else runs.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.llava_7b import people
from tests.support.checkpoints import llava

WARM, STEPS = 1, 3


def work(folder: str, steps: int) -> int:
    """Be one of the processes; the main one prints seconds a step."""
    from unlearnzoo.engine.engine import Engine
    from unlearnzoo.engine.inputs import StepInputs
    from unlearnzoo.engine.loop import Objective, optimise
    from unlearnzoo.engine.recipe import Unlearn
    from unlearnzoo.models.load import inspect

    engine = Engine(inspect("benchmark", folder))
    engine.adapt("target", 8, 16.0, ("language",), 0)
    parameters = engine.adapt("unlearn", 8, 16.0, ("language",), 1)
    examples = people(16, 2)
    objective = Objective(lambda forget, retain: {"forget": -forget.nll, "retain": retain.nll},
                          frozenset({"forget", "retain"}))
    seconds, last = [], time.perf_counter()

    def on_step(entry: dict) -> bool:
        nonlocal last
        seconds.append(time.perf_counter() - last)
        last = time.perf_counter()
        return False

    inputs = [StepInputs(engine, {"forget": examples[:8], "retain": examples[8:]}, str) for _ in range(WARM + steps)]
    optimise(engine, parameters, Unlearn(rank=8, micro_tokens=2048, lr=1e-5), objective, inputs, len(inputs), on_step)
    if engine.ranks.main:
        print("seconds", json.dumps(seconds[WARM:]))
    return 0


def measure(folder: Path, steps: int, launch: str) -> list[float]:
    """Run one arrangement and return its seconds a step."""
    from unlearnzoo.launch import files

    own = ["--module", "tests.benchmarks.processes", "--work", str(folder), str(steps)]
    start = [sys.executable, "-m", "tests.benchmarks.processes", *own[2:]]
    if launch:
        start = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(files.find(launch)),
                 "--num_processes", "2", "--main_process_port", "0", *own]
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1" if launch else "2"}
    done = subprocess.run(start, env=surroundings, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{launch or 'one process'} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    line = next(line for line in done.stdout.splitlines() if line.startswith("seconds "))
    return json.loads(line.removeprefix("seconds "))


def span(values: list[float]) -> str:
    """Return the median of some numbers with the lowest and the highest."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f}, n {len(values)})"


def main(rounds: int) -> int:
    """Measure all arrangements in turn, several times, and print each beside the single process."""
    seconds: dict[str, list[list[float]]] = {launch: [] for launch in ("", "ddp", "zero1", "zero2")}
    with tempfile.TemporaryDirectory() as name:
        folder = llava(Path(name), image=336, patch=14, hidden=512, layers=12)
        for _ in range(rounds):
            for launch, found in seconds.items():
                found.append(measure(folder, STEPS, launch))
                print(f"{launch or 'one process':<12} {span(found[-1])} s a step", flush=True)
    print()
    one = sum(seconds[""], [])
    for launch, found in seconds.items():
        all_of = sum(found, [])
        print(f"{launch or 'one process':<12} {span(all_of)} s a step; lowest {min(all_of) / min(one):.2f}, "
              f"median {statistics.median(all_of) / statistics.median(one):.2f} of one process")
    return 0


if __name__ == "__main__":
    if "--work" in sys.argv:
        sys.exit(work(sys.argv[-2], int(sys.argv[-1])))
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 4))
