"""Words of a text by what they are, for the colours of an editor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lark import Token
from lark.exceptions import UnexpectedInput

from lpmdsl.distributions.table import SPELT_AS_LAWS
from lpmdsl.editor.known.analysis import Analysis
from lpmdsl.networks.generators import NETWORKS
from lpmdsl.semantics.functions import FUNCTIONS
from lpmdsl.syntax.chunks import lines_of, split
from lpmdsl.syntax.grammar import declaration_parser
from lpmdsl.syntax.words import STARTERS

TYPES = (
    "keyword", "comment", "string", "number", "type", "operator", "function", "class", "property", "enum",
    "enumMember", "variable", "struct", "interface", "event", "method", "namespace",
)  # fmt: skip
MODIFIERS = ("declaration", "readonly", "documentation")
_OF_KIND = {
    "parameter": ("variable", "readonly"), "table": ("struct", ""), "agent": ("class", ""),
    "network": ("interface", ""), "condition": ("enum", ""), "observe": ("variable", ""),
    "intervention": ("event", ""), "behaviour": ("method", ""), "rule": ("method", ""),
    "scenario": ("namespace", ""), "state": ("enumMember", ""), "label": ("enumMember", ""),
    "attribute": ("property", ""), "place": ("property", ""), "alias": ("namespace", ""),
}  # fmt: skip
_SIGNS = {"PLUS", "MINUS", "STAR", "DIVIDE", "POWER", "RELATION", "EQUAL", "TILDE"}
_CALLED = frozenset((*SPELT_AS_LAWS, *FUNCTIONS, *NETWORKS))
_REMARK = re.compile(r'"[^"\n]*"|(#[^\n]*)')
MOST_KEPT = 2_000


@dataclass(frozen=True, slots=True)
class Coloured:
    """Characters of one line. ``type`` of ``TYPES``; ``modifiers`` of ``MODIFIERS``."""

    start: int
    end: int
    type: str
    modifiers: tuple[str, ...] = ()


def tokens(analysis: Analysis) -> tuple[Coloured, ...]:
    """The coloured words in the order of their places; where a line does not read, the words before it."""
    found = {t.start: t for t in _words(analysis)}
    for o in analysis.occurrences:
        kind, modifier = _OF_KIND[o.symbol.kind]
        modifiers = ("declaration",) if o.is_definition else ()
        text = analysis.source.text[o.span.start : o.span.end]
        if "\n" not in text and not text.startswith('"'):
            found[o.span.start] = Coloured(
                o.span.start, o.span.end, kind, (*modifiers, *((modifier,) if modifier else ()))
            )
    for remark in _REMARK.finditer(analysis.source.text):
        if remark[1]:
            is_doc = ("documentation",) if remark[1].startswith("##") else ()
            found[remark.start()] = Coloured(remark.start(), remark.end(), "comment", is_doc)
    return tuple(found[at] for at in sorted(found))


def _words(analysis: Analysis) -> Iterator[Coloured]:
    source = analysis.source
    for chunk, _ in split(source, lines_of(source)):
        if chunk.text and chunk.keyword:
            for start, end, kind in _lexed(chunk.text):
                yield Coloured(chunk.start + start, chunk.start + end, kind)


_KEPT: dict[str, tuple[tuple[int, int, str], ...]] = {}


def _lexed(text: str) -> tuple[tuple[int, int, str], ...]:
    """Start, end and type of the words of a declaration; kept by its text, as its tree is."""
    if text not in _KEPT:
        while len(_KEPT) >= MOST_KEPT:
            _KEPT.pop(next(iter(_KEPT)), None)
        _KEPT[text] = tuple(_lex(text))
    return _KEPT[text]


def _lex(text: str) -> Iterator[tuple[int, int, str]]:
    parser = declaration_parser().parse_interactive(text)
    try:
        for token in parser.iter_parse():
            kind = _type(token, text)
            if kind:
                start = token.start_pos or 0
                yield start, start + len(token), kind
    except UnexpectedInput:
        return


def _type(token: Token, text: str) -> str:
    match token.type:
        case "NAME":
            end = (token.start_pos or 0) + len(token)
            return "function" if token in _CALLED and text[end:].lstrip(" \t").startswith("(") else ""
        case "ARGUMENT" | "LAW_ARGUMENT":
            return "property"
        case "NUMBER" | "RELEASE" | "DATE":
            return "number"
        case "STRING":
            return "string"
        case "UNIT" | "TYPE" | "CATEGORY":
            return "type"
        case _ if token.type in _SIGNS:
            return "operator"
        case _:
            return "keyword" if token[:1].isalpha() or token in STARTERS else ""
