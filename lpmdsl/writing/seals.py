"""Seals of files as ours and unchanged: a digest of the file itself, and of the files beside it that it lists."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

_EMPTY = '"seal": ""'
_SEAL = re.compile(r'"seal": "([0-9a-f]{64})"')
_MARK = re.compile(r"<!-- lpmc sha256 ([0-9a-f]{64}) -->\n\Z")
MOST_BYTES = 64 * 2**20
"""A list that is longer is none of ours."""


def digest(data: str | bytes) -> str:
    """SHA-256, in hexadecimal digits."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sealed(record: str) -> str:
    """JSON with an empty ``"seal"``, with its own digest there."""
    before, empty, after = record.rpartition(_EMPTY)
    assert empty, "the record has an empty seal"
    return f'{before}"seal": "{digest(record)}"{after}'


def listed(path: Path) -> dict[str, str] | None:
    """The files that a sealed record lists, by name with their digests; None where it is not ours or was changed."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MOST_BYTES:
            return None
        text = path.read_bytes().decode("utf-8")
        record = json.loads(text)
    except (OSError, ValueError, RecursionError):
        return None
    found = [*_SEAL.finditer(text)]
    if not found or not isinstance(record, dict):
        return None
    seal = found[-1]
    blank = f"{text[: seal.start()]}{_EMPTY}{text[seal.end() :]}"
    files = record.get("files")
    is_ours = seal[1] == digest(blank) and isinstance(files, dict)
    return {str(n): str(d) for n, d in files.items()} if is_ours and isinstance(files, dict) else None


def marked(page: str) -> str:
    """An HTML page that ends with its own digest."""
    page = page if page.endswith("\n") else page + "\n"
    return f"{page}<!-- lpmc sha256 {digest(page)} -->\n"


def is_unchanged_page(path: Path) -> bool:
    """Return True if a file is a page of ours as it was written."""
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, ValueError):
        return False
    mark = _MARK.search(text)
    return mark is not None and mark[1] == digest(text[: mark.start()])
