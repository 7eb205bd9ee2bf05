"""A ledger as lines of text, to be kept with a model and read by people: one line a request, with all its replies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lpmdsl.diagnostics import LpmError, fail
from lpmdsl.escaping import first_hidden, shown
from lpmdsl.runtime.behaviours.ledger import MOST_ASKS, VERSION, Entry, Ledger
from lpmdsl.source import Source, Span
from lpmdsl.writing.folders import Say, unsaid
from lpmdsl.writing.plain import place_of, require_plain

MOST_LINE = 16 * 2**20


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    lpm_ledger: int
    note: str = ""


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    request: dict[str, Any]
    replies: list[str | None] = Field(max_length=MOST_ASKS)


def export_lines(ledger: Ledger, note: str = "") -> Iterator[str]:
    """The ledger's lines: a header with the note, then each request in order of its key. Equal ledgers, equal lines.

    An ask that fell back, or one left out between two others, is ``null``.
    """
    yield _dump({"lpm_ledger": VERSION, "note": note or ledger.note()})
    for body, entries in ledger.everything():
        replies: list[str | None] = [None] * (1 + max((e.ask for e in entries), default=-1))
        for entry in entries:
            replies[entry.ask] = entry.reply
        yield _dump({"request": _request(ledger, body), "replies": replies})


def _request(ledger: Ledger, body: object) -> dict[str, Any]:
    try:
        request = json.loads(body) if isinstance(body, str) else None
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise _wrong(ledger.path or Path("the ledger"), 0, "a request in it is damaged")
    return request


def require_kept(path: Path, lines: list[str], force: bool, say: Say = unsaid) -> None:
    """Raises ``LpmError`` E0865 where ``lines`` would replace a file that holds anything that they lack.

    With ``force`` that is only reported.
    """
    if not require_plain(path):
        return
    new = {reply for line in lines[1:] for reply in _kept(line)}
    try:
        old = {reply for line in _lines(path)[1:] if line.strip() for reply in _kept(line)}
        lost = len(old - new)
        what = f"{lost:,} of its replies are not in this ledger"
        is_ours = _header(path, _lines(path)[0]) is not None
    except (LpmError, ValidationError):
        lost, what, is_ours = 1, "it holds no lines of a ledger", False
    if is_ours and not lost:
        return
    if not force:
        raise fail("E0865", f"This file would be replaced, and {what}.", place_of(path),
                   "Give another name with --out, or replace it with --force.")  # fmt: skip
    say(f"--force: {path} is replaced, and {what}")


def _kept(line: str) -> set[tuple[str, int, str]]:
    """The replies of a line that are no fallbacks, with their requests."""
    read = _Line.model_validate_json(line)
    body = _dump(read.request)
    return {(body, ask, reply) for ask, reply in enumerate(read.replies) if reply is not None}


def import_lines(ledger: Ledger, path: Path) -> int:
    """Reads lines into a ledger; what is there already stays. How many requests were read.

    Raises ``LpmError`` E0857 with the number of the line that does not read; then nothing is kept.
    """
    lines = _lines(path)
    note = _header(path, lines[0])
    requests: dict[str, tuple[str, str, str]] = {}
    entries: dict[tuple[str, int], Entry] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        request, replies = _line(path, number, line)
        requests[request[0]] = request
        known = ledger.replies([request[0]]) | entries
        for entry in replies:
            _require_same(path, number, known.get((entry.key, entry.ask)), entry)
            if entry.reply is not None or (entry.key, entry.ask) not in entries:
                entries[entry.key, entry.ask] = entry
    ledger.keep(requests.values(), entries.values())
    if note:
        ledger.set_note(note)
    return len(requests)


def _lines(path: Path) -> list[str]:
    """The lines of a file. Only a line feed ends one: JSON may hold every other separator as it is."""
    try:
        return path.read_bytes().decode("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise _wrong(path, 0, why or "it cannot be read") from error


def _require_same(path: Path, number: int, known: Entry | None, entry: Entry) -> None:
    """Raises ``LpmError`` E0869 for a second, different reply to one ask of a request."""
    if known is None or known.reply is None or entry.reply is None or known.reply == entry.reply:
        return
    raise fail("E0869", f"Line {number} has another reply to a request that is answered already (ask {entry.ask + 1}): "
               "which one holds is not known.", place_of(path),
               "Remove the line that is wrong, or read the lines into a new ledger with --ledger.")  # fmt: skip


def _header(path: Path, line: str) -> str:
    try:
        header = _Header.model_validate_json(line)
    except ValidationError as error:
        raise _wrong(path, 1, "it does not begin with the line of a ledger") from error
    if header.lpm_ledger != VERSION:
        raise _wrong(path, 1, f"it is of version {header.lpm_ledger}, and this is version {VERSION}")
    if (place := first_hidden(header.note)) is not None:
        raise _wrong(path, 1, f"its note holds {shown(header.note[place])}, which cannot be seen")
    return header.note


def _line(path: Path, number: int, line: str) -> tuple[tuple[str, str, str], list[Entry]]:
    if len(line) > MOST_LINE:
        raise _wrong(path, number, "the line is too long")
    try:
        read = _Line.model_validate_json(line)
    except ValidationError as error:
        raise _wrong(path, number, "the line is not a request with its replies") from error
    model = read.request.get("model")
    if not isinstance(model, str):
        raise _wrong(path, number, "the request names no language model")
    body = _dump(read.request)
    key, now = hashlib.sha256(body.encode()).hexdigest(), datetime.now(UTC).isoformat(timespec="seconds")
    entries = [
        Entry(key, ask, reply, "" if reply is not None else "recorded without a reply", at=now)
        for ask, reply in enumerate(read.replies)
    ]
    return (key, model, body), entries


def _dump(value: dict[str, Any]) -> str:
    """As ``render.request_of`` writes a request, so that its key is the same again."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _wrong(path: Path, line: int, why: str) -> LpmError:
    where = f"line {line}: " if line else ""
    place = Span(Source(str(path), ""), 0, 0)
    return fail("E0857", f"The ledger cannot be used: {where}{why}.", place, "Export it again, or give another file.")
