"""A line of the canonical text, and how its words are put together."""

from __future__ import annotations

from dataclasses import dataclass

from lpmdsl.source import Span
from lpmdsl.syntax import tree as t
from lpmdsl.syntax.formatting.expressions import SUM, expression


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the canonical text, and the offsets between which its original stands."""

    start: int
    end: int
    indent: int
    text: str
    doc: str = ""


def line_at(span: Span, text: str, indent: int = 1, doc: str = "") -> Line:
    """Line for the clause at a span."""
    return Line(span.start, span.end, indent, text, doc)


def join(*parts: str | None) -> str:
    """Parts with spaces between; empty ones are left out."""
    return " ".join(part for part in parts if part)


def quoted(text: str) -> str:
    """Text in quotes."""
    return f'"{text}"'


def between(low: t.Expr, high: t.Expr) -> str:
    """Text of bounds."""
    return f"between {expression(low, SUM, before='and')} and {expression(high, SUM)}"


def where_part(e: t.Expr | None, before: str = "") -> str:
    """Text of a ``where``; "" without a test. ``before``: the word that follows."""
    return "" if e is None else f"where {expression(e, before=before)}"
