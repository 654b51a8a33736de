"""``unlearnzoo sweep``: algorithms x benchmarks x models x seeds x options, each a run of its own."""

import json
import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import OptionError, RunError
from . import point as point_program
from . import sweep_points
from .common import as_json_option, dry_run_option, plugin_option, set_option, show_json, trust_remote_code_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..sweeps.estimate import Estimate
    from ..sweeps.spec import Spec
    from ..sweeps.state import Point


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Points at a time on this machine; its cores are shared out.",
)
@click.option(
    "--cluster",
    type=click.Choice(["slurm", "local"]),
    help="Hand the points to submitit; `local` is for trying it out.",
)
@click.option("--retry", is_flag=True, help="Do the failed points again, too.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the sweep.  [default: sweeps/NAME]")
@set_option(metavar="OWNER.NAME=VALUE", help="An option of each point. Repeatable.")
@plugin_option()
@trust_remote_code_option()
@dry_run_option(help="Print the plan; run nothing.")
@as_json_option()
def sweep(
    file: Path,
    jobs: int,
    cluster: str | None,
    retry: bool,
    out: Path | None,
    sets: tuple[str, ...],
    files: tuple[Path, ...],
    trust_remote_code: bool | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Run every combination that FILE asks for; called again, continue where it stopped.

    FILE starts no code and names no judge: --plugin, --trust-remote-code and where answers are sent (--set) are typed
    here each time, and given to each point.

    Exit code 0: all points are finished and in the table; 1: some failed, are left, or cannot be read.
    """
    from ..planning.settings import parse_assignments
    from ..storage.atomic import refuse_links
    from ..storage.cache import warn_if_shared
    from ..sweeps import spec as specs
    from ..sweeps.estimate import estimate
    from ..sweeps.state import RESULT, make_folder

    spec = sweep_points.with_typed(specs.read(file), file, files, trust_remote_code, parse_assignments(sets))
    home = out or Path("sweeps") / spec.name
    try:
        points = sweep_points.points(spec, home)
    except OptionError as error:
        raise OptionError(f"{file}: {error}") from None
    todo = [p for p in points if p.status == "open" or (retry and p.status == "failed")]
    known = estimate(points, spec.repeats, Path("runs"))
    _tell_plan(spec, points, todo, known, jobs)
    if dry_run:
        if as_json:
            show_json([{"key": p.key, "status": p.status, "argv": ["unlearnzoo", *p.argv]} for p in points])
        return
    make_folder(home)
    for place in sorted(home.iterdir()):  # logs and locks of points would be written through a link
        refuse_links(place)
    warn_if_shared(home)
    with _alone(home):
        if todo:
            _check(todo[0])
            for point in todo:
                # A failed point that is tried again is open until it ends.
                (point.folder / RESULT).unlink(missing_ok=True)
            _work(spec, home, points, todo, jobs, cluster)
        whole = _finish(spec, points, home, as_json)
    if not whole:
        raise click.exceptions.Exit(1)


def _tell_plan(
    spec: "Spec", points: "Sequence[Point]", todo: "Sequence[Point]", known: "Estimate | None", jobs: int
) -> None:
    from ..sweeps.estimate import duration
    from ..sweeps.state import shown

    axes = {
        name: list(dict.fromkeys(shown(p.values[name]) for p in points if name in p.values))
        for name in dict.fromkeys(n for p in points for n in p.values)
    }
    click.echo(f"sweep {spec.name}: {len(points)} points of `unlearnzoo {shlex.join(spec.command)}`", err=True)
    for name, values in axes.items():
        mark = "  (averaged over)" if name in spec.repeats else ""
        click.echo(f"  {name:<14} {', '.join(values)}{mark}", err=True)
    count = {status: sum(p.status == status for p in points) for status in ("finished", "failed", "open")}
    click.echo(
        f"  {count['finished']} finished, {count['failed']} failed, {count['open']} open; "
        f"{len(todo)} to do, {jobs} at a time",
        err=True,
    )
    for point in points:
        if point.status == "failed" and point not in todo:
            click.echo(f"  failed: {_why(point)}", err=True)
    if count["failed"] and not any(p.status == "failed" for p in todo):
        click.echo("  --retry does the failed ones again", err=True)
    if todo:
        click.echo(
            "  time: not known before the first point is finished"
            if known is None
            else f"  time: about {duration(known.seconds * len(todo) / min(jobs, len(todo)))} "
            f"({duration(known.seconds)} per point, {known.basis})",
            err=True,
        )


def _check(point: "Point") -> None:
    """Plan the first point, so that a misspelt option ends the sweep and not each of its points."""
    import subprocess

    if "dry-run" not in sweep_points.command(point.argv[:1])[1]:
        return
    done = subprocess.run(
        [sys.executable, "-m", "unlearnzoo", *point.argv, "--dry-run"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1].removeprefix("Error: ")
        raise (OptionError if done.returncode == 2 else RunError)(f"the first point ({point.label}) cannot run: {last}")


def _work(
    spec: "Spec", home: Path, points: "Sequence[Point]", todo: "Sequence[Point]", jobs: int, cluster: str | None
) -> None:
    """Do what is to be done and say how it goes."""
    from ..sweeps import cluster as clusters
    from ..sweeps import local
    from ..sweeps.estimate import duration, estimate

    start, ended = time.monotonic(), [0]

    def on_end(point: "Point") -> None:
        ended[0] += 1
        known, left = estimate(points, spec.repeats, Path("runs")), len(todo) - ended[0]
        result = point.result
        at_once = len(todo) if cluster else jobs
        ahead = f"; about {duration(known.seconds * left / min(at_once, left))} left" if known and left else ""
        took = duration(result.get("seconds", 0) if result else 0)
        outcome = {"finished": f"finished in {took}", "failed": "FAILED", "open": "stopped"}[point.status]
        click.echo(f"[{ended[0]}/{len(todo)}] {outcome}: {point.label}{ahead}", err=True)
        if result and result.get("error"):
            click.echo(f"        {result.get('error')}", err=True)

    if cluster:
        clusters.work(todo, cluster, spec.cluster, home, point_program.__name__, on_end)
    else:
        local.work(todo, jobs, point_program.__name__, on_end)
    click.echo(f"worked {duration(time.monotonic() - start)}", err=True)


def _finish(spec: "Spec", points: "Sequence[Point]", home: Path, as_json: bool) -> bool:
    """Write and print table and picture of what is finished; list what is not. Return whether all is in them."""
    from ..storage.atomic import atomic_write
    from ..sweeps import tabulate
    from ..sweeps.plot import draw

    for point in points:
        if point.status != "finished":
            click.echo(f"{point.status}: {_why(point)}", err=True)
    found = tabulate.read(spec, points)
    unread = [one for one in found if one.problem]
    for one in unread:
        click.echo(f"not in the table: {one.point.label} [{one.point.key}]: {one.problem}", err=True)
    if unread:
        click.echo("  delete a point's folder to have it done again", err=True)
    rows = tabulate.rows(spec, found)
    if note := tabulate.unlike(found):
        click.echo(f"Note: {note}.", err=True)
    data = tabulate.as_data(spec, points, rows, found)
    atomic_write(home / "table.json", json.dumps(data, indent=2, allow_nan=False).encode() + b"\n")
    if not rows:  # those of an earlier call would be taken for these
        for name in ("table.txt", "plot.png"):
            (home / name).unlink(missing_ok=True)
    else:
        text = tabulate.table(spec, rows).text()
        atomic_write(home / "table.txt", text.encode() + b"\n")
        if not as_json:
            click.echo(f"\n{text}\n")
        try:
            draw(spec, rows, home / "plot.png")
            click.echo(f"In {home}: plot.png, table.txt, table.json.", err=True)
        except RunError as error:
            click.echo(f"Warning: {error}", err=True)
    if as_json:
        show_json(data, allow_nan=False)
    return not unread and all(p.status == "finished" for p in points)


def _why(point: "Point") -> str:
    result = point.result
    reason = f": {result.get('error')} (exit code {result['exit']})" if result else ": not done yet"
    return f"{point.label} [{point.key}]{reason}"


@contextmanager
def _alone(home: Path) -> "Iterator[None]":
    """Work in a folder that no other sweep works in."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(home / ".lock", timeout=0, mode=0o600):
            yield
    except Timeout:
        raise RunError(f"{home}: another sweep works in this folder; wait for it, or give another --out") from None
