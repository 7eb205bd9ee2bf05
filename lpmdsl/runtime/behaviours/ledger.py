"""The ledger: every request and its replies in one SQLite file, so that a run can be repeated without a model.

A reply is found by the SHA-256 of its canonical request (``render.py``: model, messages, schema, sampling; nothing of
the server) and the number of the ask. An ask that fell back is kept as NULL with the reason: a replay falls back too.
SQLite's write-ahead log keeps the file readable whenever the program ends; what was not committed is asked again.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lpmdsl.diagnostics import LpmError, fail
from lpmdsl.source import Source, Span

VERSION = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (key TEXT PRIMARY KEY, model TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replies (
  key TEXT NOT NULL, ask INTEGER NOT NULL, reply TEXT, reason TEXT NOT NULL, prompt_tokens INTEGER NOT NULL,
  reply_tokens INTEGER NOT NULL, at TEXT NOT NULL, PRIMARY KEY (key, ask)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
  run INTEGER PRIMARY KEY, started TEXT NOT NULL, finished TEXT, model TEXT NOT NULL, sha256 TEXT NOT NULL,
  mode TEXT NOT NULL, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS uses (
  run INTEGER NOT NULL, behaviour TEXT NOT NULL, key TEXT NOT NULL, times INTEGER NOT NULL,
  PRIMARY KEY (run, behaviour, key)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """The reply to one ask; ``reply`` None: it fell back, for ``reason``."""

    key: str
    ask: int
    reply: str | None
    reason: str = ""
    prompt_tokens: int = 0
    reply_tokens: int = 0
    at: str = ""


@dataclass(slots=True)
class Ledger:
    """``path`` None: in memory, gone with the run."""

    path: Path | None
    _db: sqlite3.Connection = field(repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def replies(self, keys: Iterable[str]) -> dict[tuple[str, int], Entry]:
        """All that is kept of these requests, by key and ask."""
        found: dict[tuple[str, int], Entry] = {}
        with self._using() as db:
            for key in keys:
                for row in db.execute("SELECT * FROM replies WHERE key = ? ORDER BY ask", (key,)):
                    entry = Entry(*row)
                    found[entry.key, entry.ask] = entry
        return found

    def keep(self, requests: Iterable[tuple[str, str, str]], entries: Iterable[Entry]) -> None:
        """Requests (key, model, body) and replies, in one transaction; a kept fallback gives way to a reply."""
        with self._using() as db, db:
            db.executemany("INSERT OR IGNORE INTO requests VALUES (?, ?, ?)", requests)
            db.executemany(
                "INSERT INTO replies VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key, ask) DO UPDATE SET "
                "reply = excluded.reply, reason = excluded.reason, prompt_tokens = excluded.prompt_tokens, "
                "reply_tokens = excluded.reply_tokens, at = excluded.at WHERE replies.reply IS NULL",
                [(e.key, e.ask, e.reply, e.reason, e.prompt_tokens, e.reply_tokens, e.at) for e in entries],
            )

    def models(self) -> list[str]:
        """The language models whose answers are here."""
        with self._using() as db:
            return [row[0] for row in db.execute("SELECT DISTINCT model FROM requests ORDER BY model")]

    def everything(self) -> Iterator[tuple[str, list[Entry]]]:
        """Every request (its body) with its replies in order, by key."""
        with self._using() as db:
            requests = db.execute("SELECT key, body FROM requests ORDER BY key").fetchall()
        for key, body in requests:
            yield body, list(self.replies([key]).values())

    def note(self) -> str:
        """What whoever recorded the answers says of them."""
        with self._using() as db:
            row = db.execute("SELECT value FROM facts WHERE name = 'note'").fetchone()
        return row[0] if row else ""

    def set_note(self, note: str) -> None:
        with self._using() as db, db:
            db.execute("INSERT OR REPLACE INTO facts VALUES ('note', ?)", (note,))

    def begin_run(self, model: str, sha256: str, mode: str, started: str) -> int:
        """The number of a new run; it has no end until ``end_run``."""
        with self._using() as db, db:
            row = (started, model, sha256, mode, "{}")
            made = db.execute("INSERT INTO runs (started, model, sha256, mode, record) VALUES (?, ?, ?, ?, ?)", row)
            return int(made.lastrowid or 0)

    def end_run(self, run: int, finished: str, record: dict, uses: dict[tuple[str, str], int]) -> None:
        with self._using() as db, db:
            db.execute("UPDATE runs SET finished = ?, record = ? WHERE run = ?", (finished, json.dumps(record), run))
            rows = [(run, behaviour, key, times) for (behaviour, key), times in uses.items()]
            db.executemany("INSERT OR REPLACE INTO uses VALUES (?, ?, ?, ?)", rows)

    def summary(self) -> dict[str, int]:
        """How much is here: requests, replies, fallbacks, tokens, runs."""
        counted = "COUNT(reply), COUNT(*) - COUNT(reply), TOTAL(prompt_tokens), TOTAL(reply_tokens)"
        with self._using() as db:
            replies = db.execute(f"SELECT {counted} FROM replies").fetchone()
            requests = db.execute("SELECT COUNT(*) FROM requests").fetchone()[0]
            runs = db.execute("SELECT COUNT(*) FROM runs").fetchone()[0]
        names = ("replies", "fallbacks", "prompt tokens", "reply tokens")
        return {"requests": requests, **{n: int(v) for n, v in zip(names, replies, strict=True)}, "runs": runs}

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        """The connection for one thread at a time; what SQLite refuses is told as a diagnostic."""
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise _unreadable(self.path, str(error)) from error


def open_ledger(path: Path | None, must_exist: bool = False) -> Ledger:
    """The ledger in a file, made if need be. Raises ``LpmError`` E0857 for what is none or cannot be opened."""
    if path is not None and must_exist and not path.is_file():
        raise _unreadable(path, "there is no such file")
    try:
        # One connection for every thread, behind a lock; 5 s for another program that writes at this moment.
        db = sqlite3.connect(path or ":memory:", timeout=5.0, check_same_thread=False)
        if path is not None:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
        db.executescript(_TABLES)
        with db:
            db.execute("INSERT OR IGNORE INTO facts VALUES ('version', ?)", (str(VERSION),))
        version = db.execute("SELECT value FROM facts WHERE name = 'version'").fetchone()[0]
    except sqlite3.Error as error:
        raise _unreadable(path, str(error)) from error
    if version != str(VERSION):
        db.close()
        raise _unreadable(path, f"it is of version {version}, and this is version {VERSION}")
    return Ledger(path, db)


def _unreadable(path: Path | None, why: str) -> LpmError:
    place = Span(Source(str(path or "the ledger"), ""), 0, 0)
    return fail("E0857", f"The ledger cannot be used: {why.rstrip('.')}.", place, "Give another file with --ledger.")
