"""A ledger as lines of text, to be kept with a model and read by people: one line a request, with all its replies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from lpmdsl.diagnostics import LpmError, fail
from lpmdsl.escaping import first_hidden, shown
from lpmdsl.runtime.behaviours.ledger import VERSION, Entry, Ledger
from lpmdsl.source import Source, Span

MOST_LINE = 16 * 2**20


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid")
    lpm_ledger: int
    note: str = ""


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")
    request: dict[str, Any]
    replies: list[str | None]


def export_lines(ledger: Ledger, note: str = "") -> Iterator[str]:
    """The ledger's lines: a header with the note, then each request in order of its key. Equal ledgers, equal lines.

    An ask that fell back, or one left out between two others, is ``null``.
    """
    yield _dump({"lpm_ledger": VERSION, "note": note or ledger.note()})
    for body, entries in ledger.everything():
        replies: list[str | None] = [None] * (1 + max((e.ask for e in entries), default=-1))
        for entry in entries:
            replies[entry.ask] = entry.reply
        yield _dump({"request": json.loads(body), "replies": replies})


def import_lines(ledger: Ledger, path: Path) -> int:
    """Reads lines into a ledger; what is there already stays. How many requests were read.

    Raises ``LpmError`` E0857 with the number of the line that does not read; then nothing is kept.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise _wrong(path, 0, why or "it cannot be read") from error
    note = _header(path, lines[0] if lines else "")
    requests, entries = [], []
    for number, line in enumerate(lines[1:], start=2):
        if line.strip():
            request, replies = _line(path, number, line)
            requests.append(request)
            entries += replies
    ledger.keep(requests, entries)
    if note:
        ledger.set_note(note)
    return len(requests)


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
    body = _dump(read.request)
    key, now = hashlib.sha256(body.encode()).hexdigest(), datetime.now(UTC).isoformat(timespec="seconds")
    entries = [
        Entry(key, ask, reply, "" if reply is not None else "recorded without a reply", at=now)
        for ask, reply in enumerate(read.replies)
    ]
    return (key, str(read.request.get("model", "")), body), entries


def _dump(value: dict[str, Any]) -> str:
    """As ``render.request_of`` writes a request, so that its key is the same again."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _wrong(path: Path, line: int, why: str) -> LpmError:
    where = f"line {line}: " if line else ""
    place = Span(Source(str(path), ""), 0, 0)
    return fail("E0857", f"The ledger cannot be used: {where}{why}.", place, "Export it again, or give another file.")
