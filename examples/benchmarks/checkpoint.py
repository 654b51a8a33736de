"""What keeping a checkpoint costs, and how soon a resumed training steps: ``python -m examples.benchmarks.checkpoint``.

Stage 1 of the embedded model on three people, with a checkpoint after every step; then the same state at the size of a
larger adapter (``python -m examples.benchmarks.checkpoint 160`` has 160 million parameters, as rank 64 on a 7B).
"""

import contextlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from tests.support import three
from unlearnzoo.planning.make import make_plan
from unlearnzoo.planning.request import Request, from_arguments
from unlearnzoo.registry.zoo import Zoo
from unlearnzoo.training.checkpointing.checkpointer import SHARE, Checkpointer
from unlearnzoo.training.checkpointing.interval import CheckpointInterval
from unlearnzoo.training.checkpointing.store import Store
from unlearnzoo.training.engine import Engine
from unlearnzoo.training.stages import learn

STEPS = 40


class Stop(BaseException):
    """The end of a process, acted."""


def train(plan, engine: Engine, folder: Path, until: int) -> tuple[list[float], list[float], float]:
    """Train with a checkpoint after every step; return seconds of each step, of each checkpoint, to the first step."""
    begun = time.perf_counter()
    checkpointer = Checkpointer(Store(folder, "benchmark"), CheckpointInterval(steps=1))
    marks, costs = [], []
    write = checkpointer.save

    def save(*arguments: object) -> None:
        start = time.perf_counter()
        write(*arguments)
        costs.append(time.perf_counter() - start)

    checkpointer.save = save

    def on_step(entry: dict[str, float]) -> bool:
        marks.append(time.perf_counter())
        if len(costs) >= until:
            raise Stop
        return False

    with contextlib.suppress(Stop):
        learn(engine, plan.benchmark.learn_pool(), plan.replay, plan.learn, 0, on_step, checkpointer)
    steps = [b - a - c for a, b, c in zip(marks, marks[1:], costs, strict=False)]
    return steps, costs, marks[0] - begun


def large(millions: int, folder: Path) -> list[float]:
    """Time checkpoints of so many million parameters with AdamW's two moments."""
    parameters = [torch.nn.Parameter(torch.randn(1_000_000)) for _ in range(millions)]
    optimizer = torch.optim.AdamW(parameters)
    sum(p.sum() for p in parameters).backward()
    optimizer.step()
    checkpointer = Checkpointer(Store(folder, "large"), CheckpointInterval(steps=1))
    checkpointer.begin(parameters, optimizer)
    found = []
    for done in range(1, 4):
        start = time.perf_counter()
        checkpointer.step(done)
        found.append(time.perf_counter() - start)
    begun = time.perf_counter()
    Checkpointer(Store(folder, "large"), CheckpointInterval(steps=1)).begin(parameters, optimizer)
    print(f"  read, verified and put back in {time.perf_counter() - begun:.2f} s")
    return found


def share(cost: float) -> float:
    """Return the share of time at the default interval."""
    seconds = CheckpointInterval.parse(Request.checkpoint_every).seconds or 0.0
    return cost / (max(seconds, cost / SHARE) + cost)


def main() -> None:
    """Print what was measured."""
    millions = int(sys.argv[1]) if len(sys.argv) > 1 else 16
    plan = make_plan(
        from_arguments({"algo": "ga", "bench": "remem", "forget": three.FORGET}, three.OPTIONS), Zoo.installed()
    )
    with tempfile.TemporaryDirectory() as place:
        start = time.perf_counter()
        engine = Engine(plan.checkpoint)
        loading = time.perf_counter() - start
        steps, costs, _ = train(plan, engine, Path(place) / "tiny", STEPS)
        _, _, first = train(plan, engine, Path(place) / "tiny", 1)
        step, cost = statistics.median(steps), statistics.median(costs)
        size = sum(p.stat().st_size for p in (Path(place) / "tiny").iterdir()) / 2e6
        print(
            f"embedded model: step {1e3 * step:.0f} ms, checkpoint {1e3 * cost:.1f} ms (max {1e3 * max(costs):.1f}; "
            f"{size:.1f} MB; n {len(costs)})"
        )
        print(
            f"  after every step {100 * cost / step:.1f} % of step time; at the default interval of "
            f"{Request.checkpoint_every} {100 * share(cost):.3f} %"
        )
        print(f"  resumed to the end of its first step in {first:.2f} s, beside {loading:.2f} s of loading")
        found = large(millions, Path(place) / "large")
        cost = statistics.median(found)
        print(
            f"{millions} million parameters: checkpoint {cost:.2f} s ({12 * millions / cost:.0f} MB/s; "
            f"n {len(found)}), at the default interval {100 * share(cost):.2f} %"
        )


if __name__ == "__main__":
    main()
