"""The command ``unlearnzoo`` itself: its subcommands, and how anything that goes wrong is told.

One line on stderr and an exit code; a traceback is for ``--debug`` alone.
"""

import os
import sys
import traceback
from collections.abc import Sequence

import click

from .. import __version__
from ..errors import ZooError, with_class
from ..interrupts import Terminated
from ..launch import worker
from ..terminal import printable
from .commands import Commands
from .noise import hushed

#: Imported when called; what plugins add comes beside them.
COMMANDS = {
    "check": "unlearnzoo.cli.check:check",
    "evaluate": "unlearnzoo.cli.evaluate:evaluate",
    "launch": "unlearnzoo.cli.launch:launch",
    "learn": "unlearnzoo.cli.learn:learn",
    "list": "unlearnzoo.cli.listing:list_command",
    "models": "unlearnzoo.cli.models:models",
    "new": "unlearnzoo.cli.new:new",
    "plugins": "unlearnzoo.cli.plugins:plugins",
    "purge": "unlearnzoo.cli.purge:purge",
    "redact": "unlearnzoo.cli.redact:redact",
    "report": "unlearnzoo.cli.report:report",
    "run": "unlearnzoo.cli.run:run",
    "runs": "unlearnzoo.cli.runs:runs",
    "show": "unlearnzoo.cli.show:show",
    "sweep": "unlearnzoo.cli.sweep:sweep",
    "tune": "unlearnzoo.cli.tune:tune",
}
PLUGIN, INTERNAL, INTERRUPTED, CLOSED_PIPE, TERMINATED = 6, 70, 130, 141, 143


@click.group(cls=Commands, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="unlearnzoo")
@click.option(
    "--debug", is_flag=True, help="Show the traceback of an error, and what libraries say; works anywhere on the line."
)
def app(debug: bool) -> None:
    """Teach a model about fictitious people, make it forget some, and measure what it cost.

    `unlearnzoo list` shows what is installed, `unlearnzoo run --algo npo --bench remem` is the
    main job.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    0: done; 1: it failed; 2: the command line is wrong; 3: stage 1 did not memorise; 4: a loss
    diverged; 5: done, and --require is not reached; 6: a plugin's code failed; 70: a bug of ours; 130: Ctrl-C;
    143: SIGTERM.

    Args:
        arguments: what follows ``unlearnzoo``; the process's own arguments by default.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    end = words.index("--") if "--" in words else len(words)
    # Whoever is told to add --debug adds it at the end.
    debug = "--debug" in words[:end]
    given = [text for i, text in enumerate(words) if text != "--debug" or i > end]
    with hushed(debug):
        worker.follow_parent()
        return worker.ended(_report(given, words, debug))


def _report(given: list[str], words: list[str], debug: bool) -> int:
    """Run and turn whatever is raised into one line and a code; commands find all words as the context's object."""
    try:
        code = app.main(given, prog_name="unlearnzoo", standalone_mode=False, obj=words)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (click.Abort, KeyboardInterrupt) as error:
        # click makes an Abort of either signal.
        if isinstance(error.__cause__ or error, Terminated):
            return _told("Terminated", TERMINATED, debug)
        return _told("Interrupted", INTERRUPTED, debug)
    except click.ClickException as error:
        return _told(f"Error: {_usage(error)}", error.exit_code, debug)
    except ZooError as error:
        return _told(f"Error: {error}", error.exit_code, debug)
    except BrokenPipeError:
        # The reader left (`| head`): nothing to say, and nothing more to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the last line before the user
        return _broken(error, debug)


def _broken(error: BaseException, debug: bool) -> int:
    """Say whose code failed: a plugin's, which is its author's to mend, or the core's."""
    from ..registry.blame import blame

    through = blame(error)
    if through is None and isinstance(error, SystemExit):
        raise error
    hint = "" if debug else "; rerun with --debug for the traceback"
    if through and through.own:
        who = "" if debug else " and tell its author"
        return _told(f"Error: {through.plugin} failed: {with_class(error)} ({through.place}){hint}{who}", PLUGIN, debug)
    called = f", as {through.plugin} called it ({through.place})" if through else ""
    report = "" if debug else " and report it"
    return _told(f"Error: internal error ({with_class(error)}){called}{hint}{report}", INTERNAL, debug)


def _told(line: str, code: int, debug: bool) -> int:
    if not worker.speaks(code):
        return code
    if debug:
        traceback.print_exc()
    if worker.rank():
        line = f"rank {worker.rank()}: {line}"
    # A message may quote a data set or a plugin, which must not move the user's cursor.
    click.echo(printable(line), err=True)
    return code


def _usage(error: click.ClickException) -> str:
    """Return click's message as one line that says where help is."""
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "unlearnzoo"
    return f"{message.rstrip('.')} (see `{path} --help`)" if isinstance(error, click.UsageError) else message
