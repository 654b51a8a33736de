"""What evaluation costs, done as here and otherwise: ``python -m examples.benchmarks.evaluation WHAT``.

exposure: 20 values of an attribute behind one image. Packed behind one prefix (as here); the prefix computed once and
each value from its keys and values; each value a sequence of its own. All must find the same log-probabilities.

metrics: each row asked once for all metrics that want it (as here), and once for each metric. The embedded model, three
people.

data: one epoch of stage 1 and one pass of scoring over 1, 4 and 16 times as many rows, each in a fresh process:
seconds, which should grow with the rows, and peak memory (VmHWM), which should not.

Exposure and metrics do their ways in turn in one process, ``--rounds`` times. Set OMP_NUM_THREADS=1 for one thread.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from examples.benchmarks.published import noise
from examples.benchmarks.wide_llava import now, people, spread, write
from tests.support import three
from tests.support.checkpoints import llava
from tests.support.engines import adapted
from unlearnzoo import Example, LazyImage
from unlearnzoo.encoding.encode import Encoded
from unlearnzoo.evaluation.evaluator import Evaluator, Item, select
from unlearnzoo.models import lora
from unlearnzoo.models.checkpoint import inspect
from unlearnzoo.planning import limits
from unlearnzoo.planning.make import make_plan
from unlearnzoo.planning.request import from_arguments
from unlearnzoo.registry.zoo import Zoo
from unlearnzoo.training import stages
from unlearnzoo.training.engine import Engine
from unlearnzoo.training.recipe import Learn

#: How far log-probabilities of the same value may be apart.
SAME = 1e-4
VALUES = tuple(
    f"{job} {where}"
    for job in ("baker", "clerk", "nurse", "pilot")
    for where in ["in Boston", "abroad", "at sea", "at home", "today"]
)


def exposure(rounds: int, small: bool) -> None:
    """Print seconds per image of each way."""
    with tempfile.TemporaryDirectory() as folder:
        engine = adapted(write(Path(folder), small), precision="fp32")
    pictures = people(0, 2, 1, 16 if small else 336)
    probes = [value for example in pictures for value in engine.encoder.candidates(example, VALUES)]
    ways: Mapping[str, Callable[[], list[list[float]]]] = {
        "packed, as here": lambda: [one.logps for one in engine.score(probes, "unlearned", per_image=64)],
        "KV cache": lambda: from_cache(engine, probes),
        "one by one": lambda: [one.logps for one in engine.score(probes, "unlearned", per_image=1)],
    }
    found = {name: way() for name, way in ways.items()}
    for name, logps in found.items():
        apart = max(
            abs(a - b) for a, b in zip(itertools.chain(*found["KV cache"]), itertools.chain(*logps), strict=True)
        )
        if not apart < SAME:
            raise SystemExit(f"exposure, {name}: log-probabilities are {apart:.1e} from those of the KV cache")
    print(f"{len(VALUES)} values behind an image, {torch.get_num_threads()} threads; seconds per image, n {rounds}")
    table(engine, rounds, {name: (way, len(pictures)) for name, way in ways.items()})


@torch.no_grad()
def from_cache(engine: Engine, probes: Sequence[Encoded]) -> list[list[float]]:
    """Compute each prefix once, and every value from its keys and values."""
    model, found = lora.core(engine.model), []
    with lora.merged(engine.model, engine.active("unlearned")):
        for _, group in itertools.groupby(probes, lambda probe: (probe.image_key, probe.prompt)):
            values = list(group)
            prompt = torch.tensor([values[0].prompt], device=engine.device)
            begun = model(input_ids=prompt, use_cache=True, logits_to_keep=1, **engine.pixels(values[:1]))
            for value in values:
                ids = torch.tensor([value.answer], device=engine.device)
                logits = [begun.logits]
                if ids.shape[1] > 1:
                    logits.append(model(input_ids=ids[:, :-1], past_key_values=begun.past_key_values).logits)
                    begun.past_key_values.crop(1 - ids.shape[1])
                logps = torch.cat(logits, 1).log_softmax(-1)[0]
                found.append(logps.gather(1, ids[0][:, None])[:, 0].tolist())
    return found


def metrics(rounds: int, small: bool) -> None:
    """Print seconds of the whole evaluation of one model, at once and metric by metric."""
    plan = make_plan(
        from_arguments({"algo": "ga", "bench": "remem", "forget": three.FORGET}, three.OPTIONS), Zoo.installed()
    )
    engine = Engine(plan.checkpoint)
    engine.adapt("target", 4, 8.0, ("language",), 0)
    items = select(plan.evals, plan.examples, plan.benchmark.forget_identities())[: 8 if small else None]
    evaluator = Evaluator(engine, plan.benchmark, plan.metrics, limits.tokens(plan.limits))
    names = sorted({metric for item in items for metric in item.metrics})
    alone = [[Item(item.split, item.example, {name}) for item in items if name in item.metrics] for name in names]
    ways: Mapping[str, Callable[[], object]] = {
        "at once, as here": lambda: evaluator(items, "base"),
        "metric by metric": lambda: [evaluator(own, "base") for own in alone],
    }
    for way in ways.values():
        way()
    print(f"{len(items)} rows, {len(names)} metrics, {torch.get_num_threads()} threads; seconds, n {rounds}")
    table(engine, rounds, {name: (way, 1) for name, way in ways.items()})


def table(engine: Engine, rounds: int, ways: Mapping[str, tuple[Callable[[], object], int]]) -> None:
    """Do each way in turn, and print a line for each: seconds per unit, and how many times the first one's."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (way, units) in ways.items():
            start = now(engine.device)
            way()
            seconds[name].append((now(engine.device) - start) / units)
    first = statistics.median(next(iter(seconds.values())))
    for name, own in seconds.items():
        print(f"{name:<20}{spread(own):<28}{statistics.median(own) / first:.2f} times the first", flush=True)


def data(rows: int) -> None:
    """Print what once, 4 times and 16 times the rows take."""
    print(f"{'rows':>6}{'CPU s':>10}{'ms per row':>12}{'peak MB':>10}")
    for times in (1, 4, 16):
        n = times * rows
        command = [sys.executable, "-m", "examples.benchmarks.evaluation", "one", "--rows", str(n)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        print(f"{n:>6}{found['s']:>10.1f}{1e3 * found['s'] / n:>12.1f}{found['peak_mb']:>10.0f}", flush=True)


def one(rows: int) -> None:
    """Train one epoch over so many rows, an image each, and score them; print what it took as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(inspect("x", llava(Path(folder))))
        examples = [drawn(i) for i in range(rows)]
        start = time.process_time()
        stages.learn(engine, examples, [], Learn(rank=4, alpha=8.0, epochs=1, batch=16), 0, lambda entry: False)
        engine.score([engine.encode(example) for example in examples], "target")
        seconds = time.process_time() - start
    with open("/proc/self/status") as file:
        peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1e3
    print(json.dumps({"s": seconds, "peak_mb": peak}))


def drawn(number: int) -> Example:
    """Return a row whose image is drawn where it is opened, so that nothing but the zoo could keep it."""
    picture = LazyImage(lambda: noise(str(number), 300_000, jpeg=False), f"image {number}")
    return Example(
        f"e{number}", f"id{number}", (picture,), "What is the job of the person?", f"The person is number {number}.", ()
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Measure one of them."""
    parser = argparse.ArgumentParser(description="What evaluation costs, done as here and otherwise.")
    parser.add_argument("what", choices=("exposure", "metrics", "data", "one"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=128, help="data: of the smallest")
    parser.add_argument("--small", action="store_true", help="what takes seconds: shows no more than that it runs")
    given = parser.parse_args(argv)
    if given.what in ("data", "one"):
        {"data": data, "one": one}[given.what](given.rows)
    else:
        {"exposure": exposure, "metrics": metrics}[given.what](given.rounds, given.small)


if __name__ == "__main__":
    main()
