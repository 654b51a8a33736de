"""The record of a run: a folder that can be read at any moment, whatever has happened to the run.

``run.json`` exists from the start and is only ever replaced as a whole; what was computed before an
interruption, a divergence or a full disk stays.
"""

import contextlib
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, cast, overload

from ..clock import counted
from ..errors import Diverged, RunError, ZooError
from ..evaluation.samples import Sample, as_parquet
from ..storage.atomic import append_line, atomic_path, atomic_write, file_hash, refuse_link, refuse_links, write_error
from . import store, verdict
from .environment import git, versions
from .redaction import Redactor
from .run_file import ADAPTER, SAMPLES, SCHEMA, STEPS, hashes, locked, new_folder, write
from .secrets import MASK, Masker
from .types import RunRecord

#: What ``plain`` gives.
JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
#: Every record has these; None and empty mean "not known yet".
_EMPTY: Mapping[str, object] = {
    "valid": None,
    "algorithm": {},
    "benchmark": {},
    "model": {},
    "seed": None,
    "target_seed": None,
    "command": "",
    "plan": {},
    "gate": None,
    "results": [],
    "curve": [],
    "matched": {},
    "seconds": {},
    "error": None,
}
#: Where a user's options stand, and with them what a record must not show.
_OPTIONS = ("arguments", "algorithm", "benchmark", "metrics", "plan")
#: What was typed, not what it was resolved to.
_TYPED = ("command", "arguments", "group")


class Record:
    """A run's folder, open for writing; leaving its context closes it with the right status.

    >>> with Record.open(Path("runs"), algo="npo", bench="remem", seed=0) as record:
    ...     record.update(gate=rows)
    ...     record.step({"step": 1, "loss": 0.5})
    ...     record.finish(results=rows)

    Attributes:
        folder: where everything of this run lies; readable by its owner only.
    """

    def __init__(
        self, folder: Path, fields: Mapping[str, object], masker: Masker, redactor: Redactor | None = None
    ) -> None:
        self.folder, self._masker, self._redactor = folder, masker, redactor
        self._fields: dict[str, JSON] = {}
        self._lock: contextlib.ExitStack | None = None
        self.update(**fields)

    @classmethod
    def open(cls, runs_dir: Path, *, algo: str, bench: str, redactor: Redactor | None = None, **fields: object) -> Self:
        """Make a folder of its own for a run and write its first ``run.json``.

        Args:
            runs_dir: created where missing.
            algo: short name of the algorithm, for the folder's name.
            bench: short name of the benchmark, for the same.
            redactor: takes out people and texts.
            **fields: what is known from the start: ``algorithm, benchmark, model, seed, plan``.

        Raises:
            RunError: the folder or the file cannot be written.
        """
        typed = {name: fields.get(name) for name in _OPTIONS}
        masker = Masker(str(fields.get("command", "")), typed)
        now = datetime.now(UTC)
        first = {
            "schema": SCHEMA,
            "status": "started",
            "time": now.isoformat(timespec="milliseconds"),
            **_EMPTY,
            "versions": versions(),
            "git": git(Path()),
            **fields,
        }
        shown = redactor.fields(fields) if redactor else fields
        resolved = {name: value for name, value in shown.items() if name not in _TYPED}
        text = json.dumps(plain(resolved, masker), sort_keys=True)
        config = hashlib.sha256(text.encode()).hexdigest()[:8]
        words = [re.sub(r"[^\w.-]", "-", word) for word in (algo, bench)]
        name = "_".join([now.strftime("%Y-%m-%dT%H-%M-%SZ"), *words, config])
        return cls(new_folder(runs_dir, name), first, masker, redactor)

    @classmethod
    def reopen(
        cls,
        folder: Path,
        command: str,
        typed: Mapping[str, object],
        changed: Sequence[str],
        redactor: Redactor | None = None,
    ) -> Self:
        """Open the record of a run that was interrupted, to resume it; its folder is locked from here on.

        Args:
            folder: of the run.
            command: the command line that resumes it.
            typed: where secrets may stand, as of ``open``.
            changed: what is not as it was, one line each.
            redactor: as of ``open``.

        Raises:
            RunError: another process works on it, or the file cannot be written.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with contextlib.ExitStack() as stack:
            stack.enter_context(locked(folder))
            # Read only now: until the lock was ours it may have gone on.
            known = store.load(folder)
            resumed = [*known.get("resumed", []), {"step": 0, "time": now, "changed": list(changed)}]
            fields = {name: value for name, value in known.items() if name != "folder"}
            record = cls(
                folder,
                fields | {"status": "started", "error": None, "resumed": resumed},
                Masker(command, {name: typed.get(name) for name in _OPTIONS}),
            )
            # What was redacted once is not redacted again.
            record._redactor = redactor
            record._lock = stack.pop_all()
        return record

    def target(self, key: str) -> bool | None:
        """Name the target; return whether an interrupted run had found it in the cache, None in a first one."""
        known = self.data.get("target", {}).get("cached")
        if known is None:
            self.update(target={"key": key, "cached": False, "judged": []})
        return known

    def go_on(self, step: int, **fields: object) -> None:
        """Go back to a step: what was written of later ones is done again.

        Raises:
            RunError: a file cannot be written.
        """
        path, kept = self.folder / STEPS, []
        for line in path.read_bytes().splitlines(keepends=True) if path.is_file() else []:
            with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                if line.endswith(b"\n") and json.loads(line)["step"] <= step:
                    kept.append(line)
        atomic_write(path, b"".join(kept))
        if resumed := self.data.get("resumed"):
            resumed[-1]["step"] = step
        self.update(**fields)

    @property
    def data(self) -> RunRecord:
        """The record as ``store.load`` gives it: plain JSON values, and ``folder``."""
        return cast(RunRecord, {**self._fields, "folder": str(self.folder)})

    @counted("writing")
    def update(self, **fields: object) -> None:
        """Set fields and write them.

        Raises:
            RunError: the file cannot be written; the old one is still there.
        """
        fields = self._redactor.fields(fields) if self._redactor else fields
        self._fields |= {name: plain(value, self._masker) for name, value in fields.items()}
        write(self.folder, self._fields)

    @counted("writing")
    def step(self, entry: Mapping[str, object]) -> None:
        """Add a line to ``steps.jsonl``.

        Raises:
            RunError: it cannot be written.
        """
        refuse_link(self.folder)
        append_line(self.folder / STEPS, json.dumps(plain(entry, self._masker), allow_nan=False))

    @counted("writing")
    def samples(self, samples: Sequence[Sample]) -> None:
        """Write ``samples.parquet``, and its hash into the record; both or, where the disk is full, neither.

        Raises:
            RunError: it cannot be written.
        """
        path = self.folder / SAMPLES
        try:
            with atomic_path(path) as fresh:
                fresh.write_bytes(as_parquet(self._redactor.samples(samples) if self._redactor else samples))
                self._wrote({SAMPLES: file_hash(fresh)})
        except OSError as error:
            raise write_error(path, error) from None

    @counted("writing")
    def adapter(self, write: Callable[[Path], None]) -> None:
        """Have ``adapter/`` written, and the hashes of its files into the record."""
        refuse_links(self.folder / ADAPTER)
        write(self.folder / ADAPTER)
        self._wrote(hashes(self.folder, ADAPTER))

    def _wrote(self, files: Mapping[str, str]) -> None:
        self.update(files={**self.data.get("files", {}), **files})

    def finish(self, **fields: object) -> None:
        """Set the last fields and the verdict, and close the record as ``finished``."""
        self.update(**fields)
        self.update(verdict=verdict.of({**self.data, "status": "finished"}), status="finished")

    def diverge(self, error: str, **fields: object) -> None:
        """Set the last fields and the verdict, and close the record as ``diverged``."""
        self.update(**fields, error=error)
        self.update(verdict=verdict.of({**self.data, "status": "diverged"}), status="diverged")

    def __enter__(self) -> Self:
        """Lock the folder, unless ``reopen`` has, and return itself.

        Raises:
            RunError: another process has it, or it cannot be written.
        """
        if self._lock is None:
            with contextlib.ExitStack() as stack:
                stack.enter_context(locked(self.folder))
                self._lock = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the record unless it is closed, and unlock the folder; the error goes on to the caller."""
        with self._lock or contextlib.nullcontext():
            self._close(error)
        self._lock = None

    def _close(self, error: BaseException | None) -> None:
        if self._fields["status"] != "started":
            return
        status, reason = _ending(error)
        if self._redactor and error is not None:
            reason = self._redactor.error(error) or reason
        try:
            self.update(status=status, error=reason)
        except RunError:
            # With a disk that is full the run's own error is the one to show.
            if error is None:
                raise


def _ending(error: BaseException | None) -> tuple[str, str]:
    if error is None:
        return "failed", "the run ended without a result"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", str(error) or "interrupted"
    if isinstance(error, ZooError):
        return "diverged" if isinstance(error, Diverged) else "failed", str(error)
    return "failed", f"{type(error).__name__}: {error}"


@overload
def plain(value: Mapping[str, object], masker: Masker) -> dict[str, JSON]: ...


@overload
def plain(value: object, masker: Masker) -> JSON: ...


def plain(value: object, masker: Masker) -> object:
    """Return JSON values: no NaN, no tuple, no path, no secret."""
    if isinstance(value, Mapping):
        return {str(k): MASK if masker.hides(str(k), v) else plain(v, masker) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v, masker) for v in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(v, masker) for v in value), key=str)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):  # of numpy or torch
        return plain(value.tolist(), masker)
    return masker.text(str(value))
