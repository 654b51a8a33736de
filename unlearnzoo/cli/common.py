"""What several commands share: flags, the command line itself, and how records are shown.

A flag is one wording everywhere; a command gives its own where it means something else by it. None has a default
here: what is not typed is left to ``planning.request``.
"""

import contextlib
import functools
import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from ..launch import worker
from ..terminal import kept_stdout, write_out

if TYPE_CHECKING:
    from ..records.types import AnyRecord

F = TypeVar("F", bound=Callable[..., object])
PATH = click.Path(path_type=Path)


def _flag(*words: str, **settings: Any) -> Callable[..., Callable[[F], F]]:
    """Return a maker of a shared flag; what it is called with replaces the shared settings."""
    return lambda **own: click.option(*words, **{**settings, **own})


algo_option = _flag("--algo", help="Algorithm, or several separated by commas; they share one target.")
bench_option = _flag("--bench", help="Benchmark.")
metric_option = _flag(
    "--metric", help="Metric that scores the forget set beside the benchmark's own; several with commas."
)
utility_option = _flag("--utility", metavar="NAMES", help="Utility benchmarks to score beside it, such as mmbench.")
model_option = _flag("--model", help="Installed model, folder, or hub id.  [default: tiny]")
target_option = _flag("--target", help="Your own fine-tuned model instead of stage 1; it passes the same gate.")
forget_option = _flag("--forget", help="Share of the people to forget: 5%, 10%, 15% or 20%.")
seed_option = _flag("--seed", type=int, help="Seed of stage 2.  [default: 0]")
target_seed_option = _flag("--target-seed", type=int, help="Seed of stage 1.  [default: 0]")
precision_option = _flag(
    "--precision",
    metavar="NAME",
    help="Of the frozen weights: fp32, bf16 or 4bit.  [default: bf16 on a GPU, else fp32]",
)
max_new_tokens_option = _flag(
    "--max-new-tokens",
    type=int,
    metavar="N",
    help="Cut every generated answer after N tokens.  [default: by the longest true answer of its split]",
)
special_tokens_option = _flag(
    "--special-tokens",
    metavar="refuse|text",
    help="What becomes of control tokens such as </s> in the data: refuse them, or encode them as text.  "
    "[default: refuse]",
)
recipe_option = _flag("--recipe", help="Values to prefer over the model's own: paper, or an installed model's name.")
set_option = _flag(
    "--set",
    "sets",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any option: npo.beta=0.05, learn.epochs=3, remem.data=FOLDER. Repeatable.",
)
allow_unmemorised_option = _flag(
    "--allow-unmemorised", is_flag=True, default=None, help="Go on below the gate; the record is not valid."
)
trust_remote_code_option = _flag(
    "--trust-remote-code", is_flag=True, default=None, help="Let the model's repository run its own code."
)
require_option = _flag(
    "--require",
    metavar="EMf=.10,EMr=.50",
    help="Exit with code 5, all written, unless each group of these columns reaches its share (its point value).",
)
redact_option = _flag(
    "--redact", is_flag=True, default=None, help="Keep scores in the record; no texts, no names, no adapter."
)
runs_dir_option = _flag("--runs-dir", type=PATH, help="Where records go.  [default: runs]")
#: For commands that read records.
DEFAULT_RUNS = "runs"
records_option = _flag("--runs-dir", type=PATH, default=DEFAULT_RUNS, show_default=True, help="Where the records are.")
plugin_option = _flag(
    "--plugin", "files", multiple=True, metavar="FILE", type=PATH, help="A Python file with a plugin. Repeatable."
)
dry_run_option = _flag("--dry-run", is_flag=True, help="Check and print the plan; load no weights.")


def as_json_option() -> Callable[[F], F]:
    """Return the maker of ``--json``: stdout is then for ``show_json`` alone, whatever libraries and plugins print."""
    option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")

    def declare(command: F) -> F:
        @functools.wraps(command)
        def run(*args: Any, as_json: bool, **named: Any) -> object:
            with kept_stdout() if as_json else contextlib.nullcontext():
                return command(*args, as_json=as_json, **named)

        return option(cast("F", run))

    return declare


def show_json(data: object, **settings: Any) -> None:
    """Print data as JSON; of several processes the one that started them prints what the main one hands over.

    Args:
        data: of plain types.
        settings: of ``json.dumps``.
    """
    text = json.dumps(data, indent=2, **settings) + "\n"
    if worker.started_here():
        worker.hand_over(text)
    else:
        write_out(text)


def words() -> list[str]:
    """Return what followed ``unlearnzoo``, as it was handed to ``app.main`` or else to this process."""
    context = click.get_current_context(silent=True)
    given = context.find_root().obj if context else None
    return list(sys.argv[1:] if given is None else given)


def command_line() -> str:
    """Return the command line, for records."""
    return shlex.join(["unlearnzoo", *words()])


def typed(arguments: Mapping[str, object], files: Sequence[Path] = ()) -> dict[str, object]:
    """Return what ``request.from_arguments`` takes: what was typed, the command line, and files with plugins."""
    given = {name: value for name, value in arguments.items() if value is not None}
    return given | {"command": command_line()} | ({"plugins": files} if files else {})


def hold_cache(*folders: Path) -> None:
    """Hold the cache until the command ends, and say where others can write what it reads.

    Args:
        folders: of records.

    Raises:
        RunError: somebody empties the cache at this moment.
    """
    from ..storage.cache import cache_root, in_use, warn_if_shared

    if not worker.started_here():
        warn_if_shared(cache_root(), *folders)
    click.get_current_context().with_resource(in_use())


def quieten() -> None:
    """Keep other libraries' bars out of the user's terminal."""
    import transformers

    transformers.utils.logging.disable_progress_bar()


def show_records(records: "Sequence[AnyRecord]", as_json: bool, gold_standards: bool = False) -> None:
    """Print records that were just made: as they are for programs, else as tables.

    Args:
        records: what ``runs`` returned.
        as_json: for programs.
        gold_standards: those that lie in the same folder of runs stand beside them in the tables.
    """
    from ..records import gold_standard
    from ..reports import report

    if as_json:
        show_json(records)
    else:
        shown = gold_standard.beside(records) if gold_standards else records
        click.echo(report.render(shown, pairs=False))


def check_required(records: "Sequence[AnyRecord]") -> None:
    """Refuse records that do not reach what ``--require`` asked for; they are written and shown by now.

    Raises:
        NotReached: naming each, and what it came to.
    """
    from ..errors import NotReached
    from ..records.verdict import unmet

    lacking = [f"{record['algorithm']['name']} ({why})" for record in records if (why := unmet(record))]
    if lacking:
        raise NotReached(f"--require is not reached by {', '.join(lacking)}; point values, without their intervals")
