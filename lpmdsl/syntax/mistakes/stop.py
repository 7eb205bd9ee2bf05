"""The place at which the grammar stopped, and what an explanation of it says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lpmdsl.diagnostics import Fix, instead, replaced
from lpmdsl.source import Source, Span

_FOUND = re.compile(r'"[^"\n]*"|[A-Za-z_][A-Za-z0-9_]*|\d[\w.]*|[<>]=|==|!=|[^\S\n]*\r?\n|.', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Stop:
    """Place at which the grammar stopped: the offset in the chunk, what it would have taken, and the tokens before."""

    source: Source
    base: int
    text: str
    keyword: str
    position: int
    accepts: frozenset[str]
    before: tuple[tuple[str, str], ...]

    @property
    def found(self) -> str:
        """Text of the token at which the grammar stopped."""
        match = _FOUND.match(self.text, self.position)
        return match.group() if match else ""

    @property
    def at_line_end(self) -> bool:
        """Return True if the line ends where more was wanted."""
        return not self.found.strip()

    @property
    def span(self) -> Span:
        """Span of the token at which the grammar stopped; one character at the end of a line."""
        start = self.base + self.position
        return Span(self.source, start, start + (1 if self.at_line_end else len(self.found)))

    @property
    def line_start(self) -> int:
        """Offset of the line in the chunk."""
        return self.text.rfind("\n", 0, self.position) + 1

    @property
    def prefix(self) -> str:
        """The line up to where the grammar stopped."""
        return self.text[self.line_start : self.position].strip()

    @property
    def line(self) -> str:
        """Text of the line, without its indent."""
        return self.text[self.line_start :].split("\n", 1)[0].strip()

    @property
    def first_word(self) -> str:
        """First word of the line."""
        return self.line.split(None, 1)[0] if self.line else ""

    @property
    def last_type(self) -> str:
        """Terminal of the token before, "" if there is none."""
        return self.before[-1][0] if self.before else ""

    @property
    def wants_value(self) -> bool:
        """Return True if an expression could stand here."""
        return {"NAME", "NUMBER", "LPAR"} <= self.accepts

    def fix(self, text: str, start: int | None = None, end: int | None = None) -> Fix:
        """The edit that writes ``text`` in place of the token, or of the characters from ``start`` to ``end`` of the
        chunk."""
        first = self.position if start is None else start
        last = first + len(self.found) if end is None else end
        return replaced(Span(self.source, self.base + first, self.base + last), text)

    def nearest(self, known: Iterable[str]) -> tuple[Fix, ...]:
        """The edit that writes the nearest of the known words in place of the token, if one is near."""
        return instead(self.span, self.found, known)


Answer = tuple[str, str, str, *tuple[Fix, ...]] | None
"""Code, message, help, and the edits that the help proposes."""
