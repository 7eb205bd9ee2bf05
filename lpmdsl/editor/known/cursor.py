"""Place of a cursor in a text: its declaration, what the grammar takes there, and what a name there would become."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, fields
from heapq import heappop, heappush

from lark import Token, Tree
from lark.exceptions import UnexpectedInput
from lark.parsers.lalr_interactive_parser import InteractiveParser
from lark.parsers.lalr_parser_state import ParserState

from lpmdsl.diagnostics import Report
from lpmdsl.escaping import is_hidden
from lpmdsl.source import Source, Span
from lpmdsl.syntax import tree as t
from lpmdsl.syntax.build.declarations import TreeBuilder
from lpmdsl.syntax.chunks import Chunk, Docs, lines_of, split
from lpmdsl.syntax.grammar import declaration_parser
from lpmdsl.syntax.words import STARTERS, words

MARKER = "zz_here_zz"
"""Name that stands for the word under the cursor."""
_WORD = re.compile(r"[A-Za-z_]\w*$")
_FIRST_WORD = re.compile(r"[ \t]*([A-Za-z_]\w*)")
_TRIES = 4
_MOST_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class Step:
    """One step from a declaration down to the name under the cursor: a node, its field, and which of its items."""

    node: object
    field: str
    index: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """``place``: in a text in quotes, in a remark, at the left margin, or in a line.

    ``start``: where the word under the cursor begins, or the text in quotes. ``keyword``: with which the declaration
    begins; ``accepts``: terminals of the grammar that may stand here; ``path``: what a name here would be, outermost
    first, () where none can stand.
    """

    source: Source
    offset: int
    start: int
    place: str
    keyword: str = ""
    accepts: frozenset[str] = frozenset()
    path: tuple[Step, ...] = ()

    @property
    def word(self) -> str:
        """Letters typed so far."""
        return self.source.text[self.start : self.offset]

    @property
    def line(self) -> str:
        """The line up to the word."""
        return self.source.text[self.source.text.rfind("\n", 0, self.start) + 1 : self.start]


def cursor_at(source: Source, offset: int) -> Cursor:
    """The cursor before the character ``offset`` of a text that may be unfinished."""
    offset = max(0, min(offset, len(source.text)))
    line_start = source.text.rfind("\n", 0, offset) + 1
    line = source.text[line_start:offset]
    inside, at = _inside(line)
    if inside:
        return Cursor(source, offset, line_start + at, inside, _keyword_above(source.text, line_start))
    word = _WORD.search(line)
    start = line_start + (word.start() if word else len(line))
    if not source.text[line_start:start].strip() and start == line_start:
        return Cursor(source, offset, start, "margin", _keyword_above(source.text, line_start))
    return _in_line(source, offset, start)


def _inside(line: str) -> tuple[str, int]:
    """Tell if the end of a line is in a text in quotes or in a remark, and where that begins."""
    at, quoted = 0, False
    for i, c in enumerate(line):
        if c == '"':
            at, quoted = i + 1, not quoted
        elif c == "#" and not quoted:
            return "remark", i
    return ("quotes", at) if quoted else ("", 0)


def _chunk_start(text: str, end: int) -> int:
    """Start of the line with which the declaration around ``end`` begins."""
    while end > 0:
        start = text.rfind("\n", 0, end) + 1
        word = _FIRST_WORD.match(text, start)
        if word and word[1] in STARTERS:
            return start
        end = start - 1
    return 0


def _keyword_above(text: str, end: int) -> str:
    word = _FIRST_WORD.match(text, _chunk_start(text, max(0, end - 1)))
    return word[1] if word and word[1] in STARTERS else ""


def _in_line(source: Source, offset: int, start: int) -> Cursor:
    base = _chunk_start(source.text, start)
    text = "".join(" " if is_hidden(c) and c != "\n" else c for c in source.text[base:start])
    for _ in range(_TRIES):
        marked = Source(source.name, text + MARKER + "\n", source.path)
        lines = lines_of(marked)
        chunk = [found for found, _ in split(marked, lines) if found.text][-1]
        found = _expected(chunk, len(text) - chunk.start)
        if isinstance(found, InteractiveParser):
            break
        line_start = text.rfind("\n", 0, chunk.start + found) + 1
        line_end = text.find("\n", line_start)
        if line_end < 0 or not text[line_start:line_end].strip():
            return Cursor(source, offset, start, "line", chunk.keyword)
        text = text[:line_start] + " " * (line_end - line_start) + text[line_end:]
    else:
        return Cursor(source, offset, start, "line")
    path = _path(marked, chunk, found, len(text) - chunk.start, Docs(lines))
    return Cursor(source, offset, start, "line", chunk.keyword, frozenset(found.accepts()), path)


def _expected(chunk: Chunk, marker: int) -> InteractiveParser | int:
    """The parser before the marker, or the offset in the chunk of a mistake before it."""
    parser = declaration_parser().parse_interactive(chunk.text)
    try:
        for token in parser.iter_parse():
            if (token.start_pos or 0) >= marker:
                return parser
    except UnexpectedInput as error:
        position = error.pos_in_stream or 0
        return parser if position >= marker else position
    return parser


# ------------------------------------------------------------------ what a name would be


def _path(source: Source, chunk: Chunk, before: InteractiveParser, marker: int, docs: Docs) -> tuple[Step, ...]:
    """The way down to the marker in the shortest declaration that begins as this one does and goes on with a name."""
    parser = before.copy(deepcopy_values=False)
    end = marker + len(MARKER)
    try:
        parser.feed_token(Token("NAME", MARKER, marker, end_pos=end))
    except UnexpectedInput:
        return ()
    made = _finished(parser, end)
    if made is None:
        return ()
    try:
        node = TreeBuilder(source, chunk.start, chunk.text, Report(), docs).transform(made)
    except (AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError):
        return ()  # words that were put in to finish the line make no sense together
    return next(_ways(node), ())


_SAMPLES = {
    "NUMBER": "1", "UNIT": "days", "DATE": "2024-01-01", "STRING": '"a"', "TYPE": "number", "RELEASE": "1.0",
    "KIND": "agent", "SUMMARY": "total", "YES_NO": "yes", "RELATION": "<", "CROSSES": "rises above", "COUNTED": "count",
    "AGGREGATE": "mean", "DAYS": "weekdays", "END": "source",
}  # fmt: skip
_GOES_ON = words(
    "PLUS MINUS STAR DIVIDE POWER PERCENT AND OR RELATION IS NOT IN LPAR LSQB COMMA DOT THEIR AGGREGATE COUNTED "
    "COUNTED_THEM QUANTILE TOTAL DATE YES_NO STRING WHERE PER ELSE ARGUMENT LAW_ARGUMENT TILDE"
)
"""Terminals that a line goes on with: to finish it, they are tried last."""


def _finished(parser: InteractiveParser, at: int) -> Tree | None:
    """The tree of about the shortest text that goes on from here to the end of a declaration."""
    found = _way_out(parser.parser_state)
    if found is None:
        return None
    for terminal in found:
        parser.feed_token(Token(terminal, _SAMPLES.get(terminal, terminal.lower()), at, end_pos=at))
    return parser.feed_token(Token("$END", "", at, end_pos=at))


def _way_out(state: ParserState) -> tuple[str, ...] | None:
    """The terminals that end a declaration from here on, by the cheapest first."""
    bare = state.copy(deepcopy_values=False)
    bare.parse_conf = copy(bare.parse_conf)
    bare.parse_conf.callbacks = {}  # only the states count while looking
    waiting: list[tuple[int, int, tuple[str, ...], ParserState]] = [(0, 0, (), bare)]
    seen: set[tuple[object, ...]] = set()
    made = 0
    while waiting and made < _MOST_STEPS:
        cost, _, so_far, here = heappop(waiting)
        stack = tuple(here.state_stack)
        if stack in seen:
            continue
        seen.add(stack)
        choices = here.parse_conf.parse_table.states[here.position]
        if "$END" in choices and _fed(here, "$END") is not None:
            return so_far
        for terminal in sorted(c for c in choices if c.isupper()):
            after = _fed(here, terminal)
            if after is not None:
                made += 1
                heappush(waiting, (cost + (6 if terminal in _GOES_ON else 1), made, (*so_far, terminal), after))
    return None


def _fed(state: ParserState, terminal: str) -> ParserState | None:
    after = state.copy(deepcopy_values=False)
    try:
        after.feed_token(Token(terminal, ""), terminal == "$END")
    except UnexpectedInput:
        return None
    return after


def _ways(node: object) -> Iterator[tuple[Step, ...]]:
    """Every way from a node down to the marker."""
    for f in fields(node):  # type: ignore[arg-type]
        value = getattr(node, f.name)
        if f.name == "id" and value == MARKER:
            yield (Step(node, "id", 0),)
        items = _items(value)
        for index, item in enumerate(items):
            for way in _ways(item):
                yield (Step(node, f.name, index), *way)


def _items(value: object) -> list[object]:
    if isinstance(value, tuple):
        return [item for part in value for item in _items(part)]
    is_node = hasattr(value, "__dataclass_fields__") and not isinstance(value, Span | t.Module | Source)
    return [value] if is_node else []
