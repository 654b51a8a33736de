"""``unlearnzoo.run``: the same run as the command, from Python."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..planning.make import make_plan
from ..planning.request import from_arguments
from ..records.types import RunRecord
from ..registry.zoo import Zoo
from ..storage.cache import in_use
from .pipeline import execute
from .progress import ConsoleProgress


def run(
    algo: str | Sequence[str],
    bench: str,
    *,
    options: dict[str, Any] | None = None,
    plugins: Sequence[Path] = (),
    quiet: bool = True,
    **arguments: Any,
) -> list[RunRecord]:
    """Learn, check, unlearn, evaluate; return the records, one per algorithm, each with its verdict.

    Args:
        algo: name or names (``"npo"``, ``"ga,npo"``, ``["ga", "npo"]``).
        bench: name of a benchmark.
        options: what ``--set`` takes, for example ``{"npo.beta": 0.05}``.
        plugins: files with plugins, as ``--plugin``.
        quiet: print nothing.
        **arguments: the command's other arguments: ``metric``, ``utility``, ``model``, ``forget``, ``seed``,
            ``target_seed``, ``recipe``, ``target``, ``stop_at``, ``require``, ``allow_unmemorised``,
            ``redact``, ``runs_dir``, ``checkpoint_every``, ``precision``, ``trust_remote_code``.

    Raises:
        ZooError: whatever the command would refuse, with the same text. What ``require`` asks and a run does not
            reach raises nothing: it is in the record, ``["verdict"]["required"]``.
    """
    start = time.perf_counter()
    given = {"algo": algo, "bench": bench, "command": "unlearnzoo.run", "plugins": plugins, **arguments}
    request = from_arguments(given, options or {})
    if request.launch is not None:
        raise OptionError(
            f"launch={request.launch!r}: Python starts no processes; use the command `unlearnzoo run "
            "--launch`, or start your script with `accelerate launch`"
        )
    with in_use():
        plan = make_plan(request, Zoo.installed(request.plugins))
        return execute(plan, ConsoleProgress(quiet), time.perf_counter() - start)
