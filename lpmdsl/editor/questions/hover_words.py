"""Words of the language explained: units, distributions, functions, generators, clauses."""

from __future__ import annotations

import re

from lpmdsl.distributions.table import SPELT_AS_LAWS
from lpmdsl.editor.questions.signatures import signatures_of
from lpmdsl.escaping import markdown_code
from lpmdsl.networks.generators import NETWORKS
from lpmdsl.quantities import UNITS
from lpmdsl.semantics.functions import FUNCTIONS
from lpmdsl.source import Source, Span
from lpmdsl.syntax.words import CLAUSES, FIRST_LINES, STARTERS

_WORD = re.compile(r"[A-Za-z_]\w*")
_AFTER_NUMBER = re.compile(r"(\d|%|\bper|\bevery|\blast)[ \t]*$")


def about_word(source: Source, offset: int) -> tuple[Span, str] | None:
    """The word of the language at a place, explained in Markdown, None for any other word."""
    start = source.text.rfind("\n", 0, offset) + 1
    end = source.text.find("\n", start)
    line = source.text[start : end if end >= 0 else len(source.text)]
    for word in _WORD.finditer(line):
        if word.start() <= offset - start <= word.end() and not _is_quoted(line, word.start()):
            told = _told(word[0], line[: word.start()], line[word.end() :], _keyword(source.text, start))
            return (Span(source, start + word.start(), start + word.end()), told) if told else None
    return None


def _is_quoted(line: str, at: int) -> bool:
    before = line[:at]
    return before.count('"') % 2 == 1 or "#" in before


def _keyword(text: str, start: int) -> str:
    """The word with which the declaration around a line begins."""
    for line in reversed(text[:start].split("\n")):
        first = line.split(" ", 1)[0]
        if first in STARTERS:
            return first
    return ""


def _told(word: str, before: str, after: str, keyword: str) -> str:
    if word in UNITS and _AFTER_NUMBER.search(before):
        unit = UNITS[word]
        return f"**{word}**: {unit.scale:g} {unit.dimension}"
    if (word in SPELT_AS_LAWS or word in FUNCTIONS or word in NETWORKS) and _is_called(word, before, after):
        found = signatures_of(word, before.rstrip().endswith(" as"))
        return "\n\n".join([markdown_code("\n".join(s.label for s in found)), found[0].about])
    if not before.strip():
        reads = FIRST_LINES.get(word) if not before else CLAUSES.get(keyword, {}).get(word)
        return markdown_code(reads.replace("` or `", "\n").replace("`, `", "\n").replace("`", "")) if reads else ""
    return ""


def _is_called(word: str, before: str, after: str) -> bool:
    return after.lstrip().startswith("(") or (word in NETWORKS and before.rstrip().endswith(" as"))
