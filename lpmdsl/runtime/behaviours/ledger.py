"""The ledger: every request and its replies in one SQLite file, so that a run can be repeated without a model.

A reply is found by the SHA-256 of its canonical request (``render.py``: model, messages, schema, sampling; nothing of
the server) and the number of the ask. An ask that fell back is kept as NULL with the reason: a replay falls back too.
SQLite's write-ahead log keeps the file readable whenever the program ends; what was not committed is asked again.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lpmdsl.diagnostics import LpmError, fail
from lpmdsl.source import Source, Span
from lpmdsl.writing.plain import require_plain, unwritten

VERSION = 1
APPLICATION = 0x4C504D4C
"""SQLite's mark of the program that a file belongs to."""
MOST_ASKS = 10_000
"""Of one request: a ledger that says more is none of ours."""
_OURS = {"facts", "requests", "replies", "runs", "uses"}
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
    is_read_only: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def replies(self, keys: Iterable[str]) -> dict[tuple[str, int], Entry]:
        """All that is kept of these requests, by key and ask."""
        found: dict[tuple[str, int], Entry] = {}
        with self._using() as db:
            for key in keys:
                for row in db.execute("SELECT * FROM replies WHERE key = ? ORDER BY ask", (key,)):
                    entry = self._entry(row)
                    found[entry.key, entry.ask] = entry
        return found

    def _entry(self, row: tuple) -> Entry:
        """A row as it must be. SQLite takes any type in any column. Raises ``LpmError`` E0857."""
        entry = Entry(*row)
        sound = (isinstance(entry.reply, str | None), isinstance(entry.reason, str), isinstance(entry.ask, int))
        if not all(sound) or not 0 <= entry.ask < MOST_ASKS:
            raise _unreadable(self.path, f"the reply to {str(entry.key)[:12]} is damaged")
        return entry

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
        """Note of whoever recorded the answers."""
        with self._using() as db:
            row = db.execute("SELECT value FROM facts WHERE name = 'note'").fetchone()
        return row[0] if row else ""

    def set_note(self, note: str) -> None:
        """Keep a note on how the answers were recorded."""
        with self._using() as db, db:
            db.execute("INSERT OR REPLACE INTO facts VALUES ('note', ?)", (note,))

    def begin_run(self, model: str, sha256: str, mode: str, started: str) -> int:
        """The number of a new run; it has no end until ``end_run``. A ledger that is only read notes none."""
        if self.is_read_only:
            return 0
        with self._using() as db, db:
            row = (started, model, sha256, mode, "{}")
            made = db.execute("INSERT INTO runs (started, model, sha256, mode, record) VALUES (?, ?, ?, ?, ?)", row)
            return int(made.lastrowid or 0)

    def end_run(self, run: int, finished: str, record: dict, uses: dict[tuple[str, str], int]) -> None:
        """Record how a run ended and how often it used each reply."""
        if self.is_read_only:
            return
        with self._using() as db, db:
            db.execute("UPDATE runs SET finished = ?, record = ? WHERE run = ?", (finished, json.dumps(record), run))
            rows = [(run, behaviour, key, times) for (behaviour, key), times in uses.items()]
            db.executemany("INSERT OR REPLACE INTO uses VALUES (?, ?, ?, ?)", rows)

    def summary(self) -> dict[str, int]:
        """Counts of what is here: requests, replies, fallbacks, tokens, runs."""
        counted = "COUNT(reply), COUNT(*) - COUNT(reply), TOTAL(prompt_tokens), TOTAL(reply_tokens)"
        with self._using() as db:
            replies = db.execute(f"SELECT {counted} FROM replies").fetchone()
            requests = db.execute("SELECT COUNT(*) FROM requests").fetchone()[0]
            runs = db.execute("SELECT COUNT(*) FROM runs").fetchone()[0]
        names = ("replies", "fallbacks", "prompt tokens", "reply tokens")
        return {"requests": requests, **{n: int(v) for n, v in zip(names, replies, strict=True)}, "runs": runs}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        """The connection for one thread at a time; what SQLite refuses is reported as a diagnostic."""
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise _refused(self.path, error) from error


def open_ledger(path: Path | None, must_exist: bool = False, read_only: bool = False) -> Ledger:
    """The ledger in a file, made if need be; ``path`` None: in memory.

    Raises ``LpmError`` E0857 for what is none, is another program's or cannot be opened: then it is as it was.
    """
    if path is None:
        return _made(None, sqlite3.connect(":memory:", check_same_thread=False))
    if path.is_file() and path.stat().st_size:
        _require_ours(path)
    elif must_exist:
        raise _unreadable(path, "it is empty" if path.is_file() else "there is no such file")
    if read_only or (path.is_file() and not _can_be_written(path)):
        return Ledger(path, _read_only(path), is_read_only=True)
    require_plain(path)
    try:
        # One connection for every thread, behind a lock; 5 s for another program that writes at this moment.
        db = sqlite3.connect(path, timeout=5.0, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.Error as error:
        raise _refused(path, error) from error
    return _made(path, db)


def _made(path: Path | None, db: sqlite3.Connection) -> Ledger:
    """The tables, made if need be."""
    try:
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.executescript(_TABLES)
        with db:
            db.execute("INSERT OR IGNORE INTO facts VALUES ('version', ?)", (str(VERSION),))
    except sqlite3.Error as error:
        db.close()
        raise _refused(path, error) from error
    return Ledger(path, db)


def _require_ours(path: Path) -> None:
    """Raises ``LpmError`` E0857 for a file that no ledger of this version is in; nothing is written."""
    try:
        with closing(_read_only(path)) as db:
            mark = db.execute("PRAGMA application_id").fetchone()[0]
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            # Ledgers of before have no mark.
            if not (mark == APPLICATION or (mark == 0 and tables >= _OURS)):
                raise _unreadable(path, "it is another program's database, and is left as it is")
            version = db.execute("SELECT value FROM facts WHERE name = 'version'").fetchone()
    except sqlite3.Error as error:
        raise _unreadable(path, str(error)) from error
    if version is None or version[0] != str(VERSION):
        found = version[0] if version is not None else "an unknown number"
        raise _unreadable(path, f"it is of version {found}, and this is version {VERSION}")


def _read_only(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing; beside a write-ahead log the file is read together with that."""
    log = path.with_name(path.name + "-wal")
    how = "mode=ro" if log.is_file() and log.stat().st_size else "mode=ro&immutable=1"
    try:
        return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=5.0, check_same_thread=False)
    except sqlite3.Error as error:
        raise _unreadable(path, str(error)) from error


def _can_be_written(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.absolute().parent, os.W_OK)


_NO_ROOM = frozenset(
    (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC,
     sqlite3.SQLITE_IOERR_TRUNCATE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP)
)  # fmt: skip
"""Errors of SQLite where the disk takes no more; the last two of the index of its log, which grows with it."""


def _refused(path: Path | None, error: sqlite3.Error) -> LpmError:
    """Error for what SQLite refuses: E0808 where the disk takes no more, else E0857."""
    if getattr(error, "sqlite_errorcode", None) not in _NO_ROOM:
        return _unreadable(path, str(error))
    full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
    reason = os.strerror(errno.ENOSPC if full else errno.EIO)
    help = "Free some space, or give another place with --ledger. What was kept before is kept."
    return unwritten(path or Path("the ledger"), OSError(None, reason), help)


def _unreadable(path: Path | None, why: str) -> LpmError:
    place = Span(Source(str(path or "the ledger"), ""), 0, 0)
    return fail("E0857", f"The ledger cannot be used: {why.rstrip('.')}.", place, "Give another file with --ledger.")
