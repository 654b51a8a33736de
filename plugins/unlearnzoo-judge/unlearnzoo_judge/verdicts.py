"""Verdicts kept between runs, by the content of what was asked: a rerun asks nothing twice.

A row is the hash of endpoint, model and messages, and the verdict: no text about anybody.
"""

import contextlib
import os
import sqlite3
import warnings
from collections.abc import Iterable

from unlearnzoo import cache_folder
from unlearnzoo.errors import CacheWarning
from unlearnzoo_judge.rubric import SCORES, Verdict

#: Rows kept, about 100 bytes each; the oldest go first.
MOST = 1_000_000


class Verdicts:
    """The file of verdicts; a damaged one is begun anew, one that cannot be written costs a warning."""

    def __init__(self) -> None:
        self.path = cache_folder("judge") / "verdicts.sqlite"
        self._db: sqlite3.Connection | None = None
        try:
            self._db = self._open()
        except sqlite3.DatabaseError as error:
            if not isinstance(error, sqlite3.OperationalError):
                self.path.unlink(missing_ok=True)
                with contextlib.suppress(sqlite3.Error):
                    self._db = self._open()
            self._lost(error)
        except OSError as error:
            self._lost(error)

    def _open(self) -> sqlite3.Connection:
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        # Written by the thread that asks, read by the one that waits for it; never both at once.
        db = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("CREATE TABLE IF NOT EXISTS verdicts (key TEXT PRIMARY KEY, label TEXT, relevant INTEGER)")
        except sqlite3.Error:
            db.close()
            raise
        return db

    def __enter__(self) -> "Verdicts":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()

    def get(self, keys: Iterable[str]) -> dict[str, Verdict]:
        """Return what is known of some keys."""
        found: dict[str, Verdict] = {}
        if self._db is None:
            return found
        try:
            for key in keys:
                row = self._db.execute("SELECT label, relevant FROM verdicts WHERE key = ?", (key,)).fetchone()
                if row and row[0] in SCORES:
                    found[key] = Verdict(row[0], bool(row[1]))
        except sqlite3.Error as error:
            self._lost(error)
        return found

    def put(self, key: str, verdict: Verdict) -> None:
        """Keep one verdict, at once: what was asked and paid for survives a kill."""
        if self._db is None:
            return
        try:
            self._db.execute(
                "INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?)", (key, verdict.label, int(verdict.relevant))
            )
            self._db.execute("DELETE FROM verdicts WHERE rowid <= (SELECT MAX(rowid) FROM verdicts) - ?", (MOST,))
        except sqlite3.Error as error:
            self._lost(error)

    def _lost(self, error: Exception) -> None:
        warnings.warn(f"verdicts are not all kept for the next run: {self.path}: {error}", CacheWarning, stacklevel=3)
        if isinstance(error, sqlite3.OperationalError | OSError) and self._db is not None:
            self._db.close()
            self._db = None
