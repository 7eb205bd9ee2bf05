"""The outline of a text: its declarations with their states and attributes."""

from __future__ import annotations

from dataclasses import dataclass

from lpmdsl.editor.known.analysis import Analysis
from lpmdsl.semantics.resolve.names import GROUPS
from lpmdsl.source import Span
from lpmdsl.syntax import tree as t


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the outline. ``kind``: as in a ``Symbol``, or the word of a declaration without a name."""

    name: str
    kind: str
    detail: str
    span: Span
    name_span: Span
    parts: tuple[Entry, ...] = ()


def outline(analysis: Analysis) -> tuple[Entry, ...]:
    """The declarations that can be read, in written order."""
    header = analysis.module.header
    first = () if header is None else (Entry(header.name.id, header.kind, "", header.span, header.name.span),)
    return (*first, *(_entry(d) for d in analysis.module.declarations))


def _entry(node: t.Declaration) -> Entry:
    word = GROUPS.get(type(node), "")
    match node:
        case t.Condition():
            parts = tuple(Entry(s.id, "state", "", s.span, s.span) for s in node.states)
            return Entry(node.name.id, word, f"of {node.of.id}", node.span, node.name.span, parts)
        case t.Agent():
            parts = tuple(_member(m) for m in node.attributes)
            return Entry(node.name.id, word, "extended" if node.extends else "", node.span, node.name.span, parts)
        case t.Use():
            return Entry(node.path, "use", node.alias.id if node.alias else "", node.span, node.path_span)
        case t.Contagion():
            return Entry(f"contagion of {node.of.id}", "contagion", "", node.span, node.of.span)
        case t.Clock() | t.Compare() | t.Calibrate() | t.CheckQuantity() | t.CheckAlways():
            line = _line(node.span)
            kind = line.split(" ", 1)[0]
            first = Span(node.span.source, node.span.start, node.span.start + len(line))
            return Entry(line, kind, "", node.span, first)
        case _:
            return Entry(node.name.id, word, "", node.span, node.name.span)


def _member(member: t.Attribute | t.Place) -> Entry:
    kind = "place" if isinstance(member, t.Place) else "attribute"
    whole = member.span if member.span.start <= member.name.span.start < member.span.end else member.name.span
    return Entry(member.name.id, kind, "", whole, member.name.span)


def _line(span: Span) -> str:
    """The first line of a declaration."""
    return span.source.text[span.start : span.end].split("\n", 1)[0].split("#", 1)[0].rstrip()
