"""What a user asks for: the arguments of ``unlearnzoo run`` and ``unlearnzoo.run``."""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..data.problems import quoted
from ..encoding.encode import SPECIAL_TOKENS
from ..errors import OptionError
from ..models import precision
from ..options import convert, nearest
from ..training.checkpointing.interval import CheckpointInterval


@dataclasses.dataclass(frozen=True)
class Request:
    """One command, as typed.

    Attributes:
        algo: names of the algorithms; they share one target.
        bench: name of the benchmark.
        metric: names of metrics that score the forget set beside the benchmark's own.
        utility: names of utility benchmarks, asked beside it.
        model: installed model, folder or hub id.
        target: a fine-tuned model to use instead of learning; it passes the gate like any other.
        forget: share of the identities to forget.
        seed: of stage 2 and its draws.
        target_seed: of stage 1.
        precision: of the frozen base: ``fp32``, ``bf16`` or ``4bit``; None: bf16 on a GPU, else fp32.
        max_new_tokens: after how many new tokens every generated answer is cut; None: by the longest true answer of
            its split.
        special_tokens: what becomes of control tokens (``</s>``) in the data: ``refuse``, or encode them as ``text``.
        recipe: ``paper`` (the benchmark's) or an installed model's name; its values come before
            the model's own.
        stop_at: ``EMf=.10``: end stage 2 once each group of the column that shows forgetting is at or below this.
        require: ``EMf=.10``, ``EMr=.50``: shares that columns must reach at the end, each group by its point value.
        allow_unmemorised: continue below the gate; the record says ``valid: false``.
        trust_remote_code: let the model's repository run its own code.
        redact: keep scores in the record, and neither texts nor people nor the adapter.
        runs_dir: where records go.
        checkpoint_every: how often a position to resume from is kept; see ``Every.parse``.
        plugins: files with plugins.
        set: option → value, as typed.
        launch: how several processes are started; None for one, or for those that are there.
        processes: how many.
        tuned: how a configuration of ``unlearnzoo tune`` was found, for the record.
        command: the command line, for the record.
    """

    algo: tuple[str, ...] = ()
    bench: str = ""
    metric: tuple[str, ...] = ()
    utility: tuple[str, ...] = ()
    model: str = "tiny"
    target: str | None = None
    forget: str | None = None
    seed: int = 0
    target_seed: int = 0
    precision: str | None = None
    max_new_tokens: int | None = None
    special_tokens: str = "refuse"
    recipe: str | None = None
    stop_at: str | None = None
    require: tuple[str, ...] = ()
    allow_unmemorised: bool = False
    trust_remote_code: bool = False
    redact: bool = False
    runs_dir: Path = Path("runs")
    checkpoint_every: str = "1m"
    plugins: tuple[str, ...] = ()
    set: Mapping[str, object] = dataclasses.field(default_factory=dict)
    launch: str | None = None
    processes: int | None = None
    command: str = ""
    tuned: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not self.bench:
            raise OptionError("name a benchmark: --bench remem (`unlearnzoo list` shows what is installed)")
        repeated = sorted({name for name in self.algo if self.algo.count(name) > 1})
        if repeated:
            raise OptionError(f"--algo names {quoted(repeated[0])} twice")
        for name, seed in (("--seed", self.seed), ("--target-seed", self.target_seed)):
            if not 0 <= seed < 2**32:
                raise OptionError(f"{name} {seed}: write a whole number from 0 to {2**32 - 1}")
        if self.max_new_tokens is not None and self.max_new_tokens < 1:
            raise OptionError(f"--max-new-tokens {self.max_new_tokens}: at least 1")
        if self.special_tokens not in SPECIAL_TOKENS:
            raise OptionError(f"--special-tokens {quoted(self.special_tokens)}: write {' or '.join(SPECIAL_TOKENS)}")
        self.stop()
        self.required()
        CheckpointInterval.parse(self.checkpoint_every)
        precision.check(self.precision, sharded=self.launch == "zero3")

    def stop_level(self) -> float | None:
        """Return the level of ``stop_at``, a share in (0, 1)."""
        stop = self.stop()
        return None if stop is None else stop[1]

    def stop(self) -> tuple[str, float] | None:
        """Return the column and the level of ``stop_at``; whether it is the benchmark's, the plan checks.

        Raises:
            OptionError: not of the form ``EMf=.10``.
        """
        if self.stop_at is None:
            return None
        name, level = _column_and_share(self.stop_at)
        if level is None or not 0 < level < 1:
            raise OptionError(
                f"--stop-at {quoted(self.stop_at)}: write a column and a share between 0 and 1, "
                "such as EMf=.10 or EMf=10%"
            )
        return name, level

    def required(self) -> dict[str, float]:
        """Return column → share of ``require``; whether there are such columns, the plan checks.

        Raises:
            OptionError: not of the form ``EMf=.10,EMr=.50``, or a column twice.
        """
        found: dict[str, float] = {}
        for text in self.require:
            name, share = _column_and_share(text)
            if share is None or not 0 <= share <= 1:
                raise OptionError(
                    f"--require {quoted(text)}: write a column and a share from 0 to 1, such as EMf=.10 or EMr=50%"
                )
            if name in found:
                raise OptionError(f"--require names {quoted(name)} twice")
            found[name] = share
        return found


def _column_and_share(text: str) -> tuple[str, float | None]:
    """Return the two sides of ``EMf=.10`` or ``EMf=10%``; None for what is no share of a column."""
    name, _, value = text.rpartition("=")
    try:
        share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError:
        share = math.nan
    return name.strip(), share if name.strip() and math.isfinite(share) else None


def from_arguments(
    arguments: Mapping[str, object], assignments: Mapping[str, object], *, unlearns: bool = True
) -> Request:
    """Build a request from typed or YAML values.

    Args:
        arguments: name of a field → value; what is left out has its default.
        assignments: option → value.
        unlearns: an algorithm must be named.

    Raises:
        OptionError: an unknown argument or a value of the wrong type.
    """
    known = {f.name for f in dataclasses.fields(Request)} - {"set"}
    values: dict[str, Any] = {"set": dict(assignments)}
    for name, value in arguments.items():
        if name not in known:
            raise OptionError(f"a run has no argument {quoted(name)}{nearest(name, known)}")
        values[name] = _typed(name, value)
    request = Request(**values)
    if unlearns and not request.algo:
        raise OptionError("name an algorithm: --algo npo (`unlearnzoo list` shows what is installed)")
    return request


def listed(value: object) -> tuple[str, ...]:
    """Return the names that a value lists: ``"ga,npo"``, or a list of them.

    Raises:
        OptionError: it is neither.
    """
    names = value.split(",") if isinstance(value, str) else value or ()
    if not isinstance(names, Iterable):
        raise OptionError(f"expected names, such as ga,npo or a list of them, got {value!r}")
    return tuple(str(name).strip() for name in names if str(name).strip())


def _typed(name: str, value: object) -> object:
    if name in ("algo", "metric", "utility", "require"):
        return listed(value)
    if name == "tuned":
        if value is not None and not isinstance(value, Mapping):
            raise OptionError(f"tuned: expected what `unlearnzoo tune` wrote, got {value!r}")
        return value and dict(value)
    if name == "plugins":
        files = value if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
        return tuple(map(str, files))
    if name == "runs_dir":
        return Path(str(value))
    hints = {
        "seed": int,
        "target_seed": int,
        "allow_unmemorised": bool,
        "trust_remote_code": bool,
        "redact": bool,
        "bench": str,
        "model": str,
        "command": str,
        "checkpoint_every": str,
        "special_tokens": str,
        "processes": int | None,
        "max_new_tokens": int | None,
    }
    return convert(name, hints.get(name, str | None), value)
