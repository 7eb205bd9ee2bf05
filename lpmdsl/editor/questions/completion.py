"""Completion: the words and names that may stand at a cursor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lpmdsl.editor.known.analysis import Analysis
from lpmdsl.editor.known.cursor import Cursor, cursor_at
from lpmdsl.editor.known.occurrences import STATES
from lpmdsl.editor.known.symbols import Directory
from lpmdsl.editor.known.terminals import words_of
from lpmdsl.editor.questions.candidates import Candidate, candidates
from lpmdsl.escaping import first_hidden
from lpmdsl.quantities import UNITS
from lpmdsl.reading.door import beside, place_of
from lpmdsl.source import data_dir
from lpmdsl.syntax import tree as t
from lpmdsl.syntax.words import CLAUSES, DECLARATIONS, FIRST_LINES, HEADERS

MOST = 400
"""Words of one answer; who has more than that goes on typing."""


@dataclass(frozen=True, slots=True)
class Completion:
    """Words that may stand in place of the characters from ``start`` to the cursor, the likeliest first."""

    start: int
    found: tuple[Candidate, ...]


def completion(analysis: Analysis, offset: int) -> Completion:
    """The words and names that may stand before the character ``offset``; () in a remark."""
    cursor = cursor_at(analysis.source, offset)
    match cursor.place:
        case "remark":
            found: Iterator[Candidate] = iter(())
        case "quotes":
            found = _quoted(cursor, analysis)
        case "margin":
            found = _declarations(analysis)
        case _:
            found = _in_line(cursor, analysis)
    unique: dict[str, Candidate] = {}
    for candidate in found:
        if first_hidden(candidate.word) is None:  # else the language refuses it wherever it stands
            unique.setdefault(candidate.word, candidate)
    return Completion(cursor.start, tuple(unique.values())[:MOST])


def _declarations(analysis: Analysis) -> Iterator[Candidate]:
    words = HEADERS if analysis.module.header is None else DECLARATIONS
    for word in words:
        yield Candidate(word, "keyword", FIRST_LINES[word].replace("`", ""))


def _in_line(cursor: Cursor, analysis: Analysis) -> Iterator[Candidate]:
    yield from _first_units(cursor)
    yield from candidates(cursor, Directory(analysis.names), analysis.library)
    yield from _keywords(cursor)


def _first_units(cursor: Cursor) -> Iterator[Candidate]:
    """Units directly after a number: what a writer means there nearly always."""
    if "UNIT" in cursor.accepts and re.search(r"(\d|%|\bper|\bevery|\blast)\s*$", cursor.line):
        singular = bool(re.search(r"\b(per|every|last)\s*$|(?<![\d._])1\s*$", cursor.line))
        for name, unit in sorted(UNITS.items(), key=lambda row: (row[0] == row[1].name) != singular):
            yield Candidate(name, "unit", str(unit.dimension))


def _keywords(cursor: Cursor) -> Iterator[Candidate]:
    """The words of the language that the grammar takes here, with how a clause reads where one begins."""
    clauses = CLAUSES.get(cursor.keyword, {}) if not cursor.line.strip() else {}
    names_a_state = len(cursor.path) > 1 and (type(cursor.path[-2].node), cursor.path[-2].field) in STATES
    for terminal in sorted(cursor.accepts - ({"YES_NO"} if names_a_state else set())):
        for word in words_of(terminal):
            reads = clauses.get(word, "").replace("`", "")
            yield Candidate(word, "unit" if terminal == "UNIT" else "keyword", reads)


# ------------------------------------------------------------------ in quotes


def _quoted(cursor: Cursor, analysis: Analysis) -> Iterator[Candidate]:
    before = cursor.line.rstrip('"').rstrip()
    if re.search(r"\buse$", before):
        yield from _libraries(analysis)
    elif re.search(r"\b(from|to|against)$", before):
        yield from (Candidate(name, "file", "beside the model") for name in _files(analysis) if not _is_model(name))
    elif cursor.keyword == "behaviour" and "{" in cursor.word and "}" not in cursor.word.rsplit("{", 1)[1]:
        at = cursor.word.rindex("{") + 1
        yield from (_slot(c, cursor.word[:at]) for c in _slots(cursor, analysis))


def _libraries(analysis: Analysis) -> Iterator[Candidate]:
    bundled = data_dir("stdlib")
    for path in sorted(bundled.rglob("*.lpm")):
        yield Candidate(path.relative_to(bundled).with_suffix("").as_posix(), "file", "bundled library")
    for name in _files(analysis):
        if _is_model(name):
            yield Candidate(name.removesuffix(".lpm"), "file", "beside the model")


def _files(analysis: Analysis) -> list[str]:
    return sorted(beside(place_of(analysis.source)))[:MOST]


def _is_model(name: str) -> bool:
    return name.endswith(".lpm")


def _slots(cursor: Cursor, analysis: Analysis) -> Iterator[Candidate]:
    """The attributes and reports that a prompt may quote: those of the behaviour's kind of agent."""
    directory = Directory(analysis.names)
    line = cursor.source.position(cursor.offset)[0]
    behaviours = [d for d in analysis.module.declarations if isinstance(d, t.Behaviour) and d.span.line <= line]
    kind = behaviours[-1].of.id if behaviours else ""
    found = directory.names.agents().get(kind)
    for member in found.attributes if found is not None else ():
        yield Candidate(member.name.id, "attribute", f"of {kind}")
    for name in directory.names.observations():
        yield Candidate(name, "observe", "the last report")


def _slot(candidate: Candidate, before: str) -> Candidate:
    return Candidate(candidate.word, candidate.kind, candidate.detail, f"{before}{candidate.word}")
