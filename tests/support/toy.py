"""A command that a sweep can run and that takes no model: a real plugin, in processes of its own."""

import os
import sys
from pathlib import Path

from tests.support.distributions import install

ROOT = Path(__file__).parents[2]
SOURCE = '''
import os, subprocess, sys, time
from pathlib import Path
import click
from unlearnzoo.errors import RunError
from unlearnzoo.records.record import Record

@click.command()
@click.option("--algo", default="a")
@click.option("--x", type=float, default=0.0)
@click.option("--seed", type=int, default=0)
@click.option("--sleep", type=float, default=0.0)
@click.option("--needs", type=click.Path(path_type=Path))
@click.option("--die", is_flag=True)
@click.option("--child", is_flag=True)
@click.option("--runs-dir", type=click.Path(path_type=Path), default="runs")
def toy(algo, x, seed, sleep, needs, die, child, runs_dir):
    """Write a record of x + seed / 100."""
    with Record.open(runs_dir, algo=algo, bench="toy", algorithm={"name": algo}, benchmark={"name": "toy"},
                     model={"name": "none"}, seed=seed) as record:
        if child:
            subprocess.Popen([sys.executable, "-c", BEAT, str(runs_dir / "child")])
        if die:
            os.kill(os.getpid(), 9)
        if needs and not needs.exists():
            raise RunError(f"{needs} is not there")
        end = time.monotonic() + sleep
        while time.monotonic() < end:
            (runs_dir / "beat").write_text(str(time.time()))
            time.sleep(0.05)
        row = {"split": "s", "who": "all", "want": "high", "metric": "toy/m", "group": {"hop": "single"}}
        results = [{"model": model, "column": "EM", "mean": max(0.0, x + seed / 100 - 0.1 * (model == "base")), **row}
                   for model in ("base", "unlearned")]
        (record.folder / "more.json").write_text('{"threads": {"each": %s}}' % os.environ["OMP_NUM_THREADS"])
        record.finish(results=results, curve=[{"step": 0, "EMf": {"single": 1.0}, "EMr": {"single": 1.0}}],
                      matched={"0.50": {"single": x}, "0.10": {"single": None}}, seconds={"total": 1.0 + sleep})

BEAT = """
import sys, time
while True:
    open(sys.argv[1], "w").write(str(time.time()))
    time.sleep(0.05)
"""
'''


def environment(folder: Path) -> dict[str, str]:
    """Install the command ``toy`` into a folder; return the environment that finds it."""
    folder.mkdir(parents=True)
    install(folder, "zoo-toy", SOURCE, entry="toy", group="unlearnzoo.commands", attribute="toy")
    path = f"{ROOT}:{folder}:{os.environ.get('PYTHONPATH', '')}".rstrip(":")
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def sweep(*arguments) -> list[str]:
    """Return the command line of a sweep."""
    return [sys.executable, "-m", "unlearnzoo", "sweep", *map(str, arguments)]
