"""What decoding ahead and keeping vision features save: ``python -m examples.benchmarks.vision [IMAGES [SIDE]]``.

A random model with the geometry of LLaVA-1.5 (336 px, 577 tokens) and a tower of ``WIDTH`` is trained for three
epochs on IMAGES (48) noise images of SIDE (1000) pixels, 8 to a step: as before (images decoded where they are used),
decoded ahead, with features from disk, and with features in memory. Prints seconds of an epoch (median and range) and
CPU seconds of the process, which other work on the machine does not change. Then the same on images as small as the
embedded model's, where nothing should be gained or lost; and decoding ahead alone beside a step that runs elsewhere, as
on a GPU: a wait stands in for it.
"""

import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from examples.benchmarks.published import noise
from tests.support.checkpoints import llava
from unlearnzoo import Example, LazyImage
from unlearnzoo.encoding.images import ImageTensors, prefetch
from unlearnzoo.models import vision_features
from unlearnzoo.models.checkpoint import inspect
from unlearnzoo.training import stages
from unlearnzoo.training.engine import Engine
from unlearnzoo.training.recipe import Learn

EPOCHS, WIDTH, BATCH = 3, 128, 8


def examples(n: int, side: int) -> list[Example]:
    """Return one question on each of n images, opened anew at each use."""
    found = []
    for i in range(n):
        data = noise(str(i), 3 * side * side, jpeg=False)
        picture = LazyImage(lambda data=data: data, f"image {i}")
        found.append(
            Example(
                f"e{i}",
                f"id{i % 20}",
                (picture,),
                "What is the job of the person in this image?",
                f"The person works as number {i}.",
                ("n",),
            )
        )
    random.Random(0).shuffle(found)
    return found


def now() -> tuple[float, float]:
    """Return wall-clock and CPU seconds."""
    return time.perf_counter(), time.process_time()


def epochs(engine: Engine, rows: list[Example]) -> list[tuple[float, float]]:
    """Train; return seconds and CPU seconds of each epoch."""
    seconds, start = [], now()
    per_epoch = -(-len(rows) // BATCH)

    def on_step(entry: dict[str, float]) -> bool:
        nonlocal start
        if entry["step"] % per_epoch == 0:
            seconds.append((now()[0] - start[0], now()[1] - start[1]))
            start = now()
        return False

    recipe = Learn(rank=4, alpha=8.0, epochs=EPOCHS, batch=BATCH, batching="example", micro_tokens=8192)
    stages.learn(engine, rows, [], recipe, 0, on_step)
    return seconds


def new(folder: Path, kind: str) -> Engine:
    """Return an engine that gets its image tensors in one of the ways."""
    engine = Engine(inspect("x", folder))
    processor = engine.checkpoint.processor.image_processor
    # A bound of an image or so: in each epoch all images are decoded anew, as with thousands of them.
    few, room = 1, 24 << 20
    if kind == "as before":
        engine.pixels = ImageTensors(processor, few, large=1 << 40)
    elif kind == "decoded ahead":
        engine.pixels = ImageTensors(processor, room)
    else:
        memory = few if kind == "features, disk" else vision_features.MEMORY
        engine.pixels = vision_features.inputs(
            engine.model, processor, engine.accelerator.autocast, worth=0, memory=memory
        )
    return engine


def table(folder: Path, rows: list[Example]) -> None:
    """Print a line a way."""
    for kind in ("as before", "decoded ahead", "features, disk", "features, memory"):
        found = epochs(new(folder, kind), rows)
        skip_to_checkpoint = found[1:] if kind.startswith("features") else found
        wall, cpu = ([one[i] for one in skip_to_checkpoint] for i in range(2))
        extra = f"; first {found[0][0]:.2f} s, CPU {found[0][1]:.2f} s" if skip_to_checkpoint is not found else ""
        print(
            f"  {kind:<17}{statistics.median(wall):6.2f} s an epoch ({min(wall):.2f} to {max(wall):.2f}), "
            f"CPU {statistics.median(cpu):.2f} s ({min(cpu):.2f} to {max(cpu):.2f}){extra}",
            flush=True,
        )


def beside(rows: list[Example], processor: Any, large: int, wait: float) -> float:
    """Return seconds of an epoch whose steps take ``wait`` seconds per image elsewhere."""
    pixels = ImageTensors(processor, 64 << 20, large)
    start = time.perf_counter()
    steps = [[e.images[0] for e in rows[i : i + BATCH]] for i in range(0, len(rows), BATCH)]
    for images in prefetch(steps, lambda some: some, pixels):
        pixels(images)
        time.sleep(wait * len(images))
    return time.perf_counter() - start


def main() -> None:
    """Print both tables."""
    import os

    from examples.benchmarks.published import PLUGIN

    n, side = (int(a) for a in [*sys.argv[1:], *("48", "1000")[len(sys.argv) - 1 :]])
    tiny = PLUGIN.parent / "unlearnzoo-tiny" / "unlearnzoo_tiny" / "checkpoint"
    with tempfile.TemporaryDirectory() as home:
        os.environ["UNLEARNZOO_CACHE"] = f"{home}/cache"
        print(f"{torch.get_num_threads()} threads; {n} images of {side} x {side}, {BATCH} a step")
        table(llava(Path(home, "model"), image=336, patch=14, hidden=WIDTH), examples(n, side))
        processor = inspect("x", Path(home, "model")).processor.image_processor
        pairs = [[beside(examples(n, side), processor, large, 0.03) for large in (1 << 40, 0)] for _ in range(5)]
        ratios = sorted(a / b for a, b in pairs)
        middle = statistics.median(ratios)
        print(
            f"  beside a step of 30 ms an image elsewhere: decoded ahead {middle:.2f} times as fast "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f}, n 5)",
            flush=True,
        )
        print("the embedded model, 200 images of 48 x 48")
        table(tiny, examples(200, 48))


if __name__ == "__main__":
    main()
