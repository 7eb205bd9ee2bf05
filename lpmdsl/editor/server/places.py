"""Places in a text as the protocol counts them: lines from 0, columns in the units that client and server agreed on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

from lsprotocol import types
from pygls.uris import from_fs_path, to_fs_path

from lpmdsl.source import Source, Span


@dataclass(frozen=True, slots=True)
class Places:
    """``wide``: what a letter beyond the first 65 536 counts as: 2 in UTF-16, 1 in UTF-32; 0: bytes of UTF-8."""

    wide: int = 2

    def units(self, text: str) -> int:
        """Length of a text in the units of the client."""
        if self.wide == 0:
            return len(text.encode("utf-8", "replace"))
        return len(text) + (sum(ord(c) > 0xFFFF for c in text) if self.wide == 2 else 0)

    def position(self, source: Source, offset: int) -> types.Position:
        """The place of a character."""
        if not source.text:
            return types.Position(0, 0)
        row, column = source.position(max(0, min(offset, len(source.text))))
        return types.Position(row - 1, self.units(source.line(row)[: column - 1]))

    def range(self, span: Span) -> types.Range:
        """The place of a span; one character where it is empty, so that something can be underlined."""
        source = span.source
        return types.Range(self.position(source, span.start), self.position(source, max(span.end, span.start)))

    def offset(self, source: Source, position: types.Position) -> int:
        """The character before which a position stands; the end of its line, or of the text, where it is beyond."""
        last = source.position(len(source.text))[0]
        if position.line >= last:
            return len(source.text)
        line = source.line(position.line + 1)
        start = sum(len(part) + 1 for part in source.text.split("\n")[: position.line])
        taken = 0
        for i, c in enumerate(line):
            if taken >= position.character:
                return start + i
            taken += self.units(c)
        return start + len(line)

    def location(self, span: Span) -> types.Location | None:
        """The file and place of a span, None for one in no file."""
        path = span.source.path
        return types.Location(uri_of(path), self.range(span)) if path is not None else None


def places_for(encoding: types.PositionEncodingKind | str | None) -> Places:
    """Places in the encoding that was agreed on."""
    return Places({"utf-8": 0, "utf-32": 1}.get(str(getattr(encoding, "value", encoding)), 2))


def uri_of(path: Path) -> str:
    """The address of a file."""
    return from_fs_path(str(path.absolute())) or path.absolute().as_uri()


def path_of(uri: str) -> Path:
    """The file of an address; a text that is in no file yet counts as one beside which the server was started."""
    found = to_fs_path(uri) if uri.startswith("file:") else None
    if found:
        return Path(found)
    letters = unquote(urlparse(uri).path)
    return Path.cwd() / ("".join(c if c.isalnum() else "_" for c in letters)[-80:] + ".unsaved")
