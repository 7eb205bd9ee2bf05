"""The text of each declaration on its own, without comments, so that one mistake spoils one declaration."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lpmdsl.source import Source, Span
from lpmdsl.syntax.tree import Comment
from lpmdsl.syntax.words import CLAUSE_WORDS, HEADERS, LATER, STARTERS

MAX_BRACKETS = 100

_LINE = re.compile(r"[^\n]*\n|[^\n]+\Z")
_FIRST_WORD = re.compile(r"[ \t\r\u00a0\ufeff]*([A-Za-z_][A-Za-z0-9_]*)?")
_MARKS = re.compile(r'"[^"\n]*"|"[^\n]*|#[^\n]*|[()\[\]]|\n|\r(?!\n)|[\ufeff]')
_ATTRIBUTE = re.compile(
    r"\w+(\s*,\s*\w+)*\s+(yes/no|category|number|share|probability|duration|date|place|money|[a-z]+\s+per)\b"
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Mistake in the characters of a chunk, before any grammar."""

    code: str
    message: str
    span: Span
    help: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """One declaration: ``text`` starts at offset ``start`` and has the length of the original.

    ``keyword`` is empty when the first word starts no declaration. ``loose`` holds the offsets of
    clause lines at the left margin.
    """

    keyword: str
    word: str
    start: int
    indented: bool
    text: str
    loose: tuple[int, ...]
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its offset, the offset of its first character that is not blank, and its first word."""

    start: int
    content: int
    word: str
    text: str

    @property
    def empty(self) -> bool:
        """Return True if the line holds nothing but blanks or a comment."""
        rest = self.text[self.content - self.start :]
        return not rest.strip() or rest.startswith("#")

    @property
    def at_margin(self) -> bool:
        """Return True if the line is not indented."""
        return self.text[: self.content - self.start].strip("\ufeff") == ""


def lines_of(source: Source) -> list[Line]:
    """The lines of a file."""
    lines = []
    for found in _LINE.finditer(source.text):
        first = _FIRST_WORD.match(found.group())
        assert first
        content = first.end() - len(first.group(1) or "")
        lines.append(Line(found.start(), found.start() + content, first.group(1) or "", found.group()))
    return lines


def split(source: Source, lines: list[Line]) -> Iterator[tuple[Chunk, list[Comment]]]:
    """The chunks of a file in written order, each with the comments from its first line to the next chunk."""
    group: list[Line] = []
    for line in lines:
        if _starts_chunk(line, group):
            if group:
                yield _chunk(source, group)
            group = []
        group.append(line)
    if group:
        yield _chunk(source, group)


def _starts_chunk(line: Line, group: list[Line]) -> bool:
    if line.empty:
        return False
    if line.word in STARTERS:
        return True
    first = next((other for other in group if not other.empty), None)
    if first is not None and first.word in HEADERS and line.at_margin:
        return True  # nothing can belong to the header
    return first is None or (line.at_margin and _is_misspelled_starter(line, first.word))


def _is_misspelled_starter(line: Line, keyword: str) -> bool:
    """Return True if a line at the margin is a declaration with a slip of the pen rather than a clause."""
    if line.word in CLAUSE_WORDS or not close_starter(line.word):
        return False
    text = line.text.strip()
    if keyword in ("agent", "extend"):
        return not _ATTRIBUTE.match(text)
    return keyword != "table" or "=" in text or not re.search(r"\d", text)


def close_starter(word: str) -> str:
    """The declaration keyword that ``word`` nearly is, or nothing."""
    if word.casefold() in STARTERS:
        return word.casefold()
    close = difflib.get_close_matches(word.casefold(), sorted(STARTERS), n=1, cutoff=0.8)
    return close[0] if close else ""


def _chunk(source: Source, group: list[Line]) -> tuple[Chunk, list[Comment]]:
    first = next((line for line in group if not line.empty), None)
    end = group[-1].start + len(group[-1].text)
    text, comments, problem = _clean(source, group[0].start, end)
    if first is None:
        return Chunk("", "", end, False, "", (), None), comments
    keyword = first.word if first.word in STARTERS else ""
    # The line break at the end is the grammar's; the last line of a file may lack its own.
    body = text[first.content - group[0].start :] + "\n"
    if keyword in LATER:
        problem = None
    rest = group[group.index(first) + 1 :]
    loose = tuple(line.content for line in rest if not line.empty and line.at_margin)
    return Chunk(keyword, first.word, first.content, not first.at_margin, body, loose, problem), comments


def _clean(source: Source, start: int, end: int) -> tuple[str, list[Comment], Problem | None]:
    """The text with comments and line breaks inside brackets blanked, the comments, the first problem."""
    pieces: list[str] = []
    comments: list[Comment] = []
    problems: list[Problem] = []
    open_brackets: list[int] = []
    last = start
    for mark in _MARKS.finditer(source.text, start, end):
        pieces.append(source.text[last : mark.start()])
        pieces.append(_cleaned(source, mark, open_brackets, comments, problems))
        last = mark.end()
    pieces.append(source.text[last:end])
    if open_brackets and not problems:
        problems.append(_unclosed(source, open_brackets[-1]))
    return "".join(pieces), comments, problems[0] if problems else None


def _cleaned(
    source: Source, mark: re.Match[str], brackets: list[int], comments: list[Comment], problems: list[Problem]
) -> str:
    text, span = mark.group(), Span(source, mark.start(), mark.end())
    if text[0] == "#":
        kept = text.rstrip()
        span = Span(source, mark.start(), mark.start() + len(kept))
        comments.append(Comment(kept, _alone(source, mark.start()), span))
        return " " * len(text)
    if text[0] in "([":
        brackets.append(mark.start())
        if len(brackets) == MAX_BRACKETS + 1:
            help = "Name a part of the expression with `parameter` or `observe` and use the name here"
            problems.append(Problem("E0107", f"More than {MAX_BRACKETS} brackets inside one another", span, help))
    elif text[0] in ")]" and brackets:
        brackets.pop()
    elif text[0] == '"' and (len(text) == 1 or text[-1] != '"'):
        text = text.rstrip()
        problems.append(
            Problem(
                "E0110",
                "This string does not end on its line",
                Span(source, span.start, span.start + len(text)),
                'Close it with `"`',
            )
        )
        return " " * (span.end - span.start)
    elif text[0] == '"' and "\t" in text:
        at = mark.start() + text.index("\t")
        problems.append(Problem(
            "E0115", "U+0009 (TAB) stands here: inside quotes it cannot be told from blanks", Span(source, at, at + 1),
            "Type blanks instead",
        ))  # fmt: skip
    return " " if text in ("\ufeff", "\r") or (text == "\n" and brackets) else mark.group()


def _alone(source: Source, offset: int) -> bool:
    before = source.text.rfind("\n", 0, offset) + 1
    return not source.text[before:offset].strip(" \t\r\u00a0\ufeff")


def _unclosed(source: Source, offset: int) -> Problem:
    bracket = source.text[offset]
    closing = {"(": ")", "[": "]"}[bracket]
    return Problem(
        "E0101",
        f"This `{bracket}` is not closed",
        Span(source, offset, offset + 1),
        f"Type `{closing}` where the group ends",
    )


class Docs:
    """The ``##`` lines directly above a line, and which of them have been claimed."""

    def __init__(self, lines: list[Line]) -> None:
        self._lines = lines
        self._rows = {line.content: row for row, line in enumerate(lines)}
        self.claimed: set[int] = set()

    def above(self, offset: int) -> str:
        """The documentation of what starts at ``offset``, its lines joined with line breaks."""
        row = self._rows.get(offset)
        texts: list[str] = []
        while row and (line := self._lines[row - 1]).text[line.content - line.start :].startswith("##"):
            row -= 1
            self.claimed.add(line.content)
            text = line.text.strip(" \t\r\n\u00a0\ufeff")[2:].rstrip()
            texts.append(text[1:] if text.startswith(" ") else text)
        return "\n".join(reversed(texts))
