"""What activation checkpointing costs in time: a step with it against one without, alternately.

``python -m examples.benchmarks.recompute [PAIRS]`` prints the ratio of CPU seconds.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.support.checkpoints import llava
from tests.support.engines import adapted, steps_of
from tests.support.examples import people
from unlearnzoo.training.recipe import Unlearn


def main(pairs=7):
    """A LLaVA of random weights, 576 image tokens per picture, eight layers of width 256."""
    with tempfile.TemporaryDirectory() as folder:
        engine = adapted(llava(Path(folder), image=336, patch=14, hidden=256, layers=8))
    encoded = [engine.encode(example) for example in people(3, 4)]
    both = [[_step(engine, encoded, on) for on in (False, True)] for _ in range(pairs + 1)][1:]
    ratios = [again / plain for plain, again in both]
    print(
        f"recomputed / plain, CPU seconds per step, n {pairs}: {min(ratios):.2f} - "
        f"{statistics.median(ratios):.2f} - {max(ratios):.2f} (least, median, most)"
    )


def _step(engine, encoded, on):
    steps_of(engine, Unlearn(recompute=on)).begin(1e-3)
    start = time.process_time()
    for _, batch in engine.batches(encoded, 4, 2048):
        engine.forward(batch, "unlearned")[0].nll.sum().backward()
    return time.process_time() - start


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
