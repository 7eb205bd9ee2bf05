"""Spans of words within declarations, for reports on what has no place of its own in the Model IR."""

from __future__ import annotations

import re

from lpmdsl.diagnostics import Fix
from lpmdsl.source import Span


def word_span(declaration: Span, word: str, after: str = "") -> Span:
    """The first ``word`` in the text of a declaration, after the clause keyword ``after``; else its first line."""
    text = declaration.source.text[declaration.start : declaration.end]
    found = re.search(rf"^[ \t]*{after}\b", text, re.MULTILINE) if after else None
    place = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)").search(text, found.end() if found else 0)
    if place is not None:
        return Span(declaration.source, declaration.start + place.start(), declaration.start + place.end())
    return Span(declaration.source, declaration.start, declaration.start + len(text.split("\n", 1)[0]))


def deletion(span: Span, name: str) -> Fix:
    """The edit that deletes the lines of a declaration and the ``##`` lines directly above it."""
    text = span.source.text
    start = text.rfind("\n", 0, span.start) + 1
    while start and text[:start].rstrip("\n").rsplit("\n", 1)[-1].lstrip().startswith("##"):
        start = text.rfind("\n", 0, start - 1) + 1
    end = text.find("\n", max(span.start, span.end - 1))
    return Fix(f"Delete `{name}`", Span(span.source, start, len(text) if end < 0 else end + 1), "")
