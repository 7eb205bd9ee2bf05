"""Colours for ``.lpm`` texts: a Pygments lexer, for our pages, the documentation and any editor that reads Pygments."""

from __future__ import annotations

import re

from pygments.lexer import RegexLexer, bygroups, words
from pygments.token import Comment, Keyword, Literal, Name, Number, Operator, Punctuation, String, Text

from lpmdsl.syntax.words import CLAUSES, DECLARATIONS, HEADERS, LATER, RESERVED, TYPES

_STARTERS = (*HEADERS, *DECLARATIONS, *LATER)
_LINES = tuple(sorted({word for clauses in CLAUSES.values() for word in clauses if word.isalpha()}))


class LpmLexer(RegexLexer):
    """The words of the language by their place: declarations, clauses, types, values, texts, remarks."""

    name = "lpm"
    aliases = ["lpm"]  # noqa: RUF012 - as the base class declares it
    filenames = ["*.lpm"]  # noqa: RUF012
    url = "https://pypi.org/project/lpmdsl/"
    flags = re.MULTILINE
    tokens = {  # noqa: RUF012
        "root": [
            (r"##.*$", String.Doc),
            (r"#.*$", Comment.Single),
            (r'"[^"\n]*"', String.Double),
            (r"\d{4}-\d\d-\d\d", Literal.Date),
            (words(_STARTERS, prefix=r"^", suffix=r"\b"), Keyword.Reserved),
            (rf"^([ \t]+)({'|'.join(_LINES)})\b", bygroups(Text.Whitespace, Keyword)),
            (words(TYPES, prefix=r"\b", suffix=r"(?![\w/])"), Keyword.Type),
            (words(tuple(RESERVED), prefix=r"\b", suffix=r"\b"), Keyword),
            (r"\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?\s*%?", Number),
            (r"[A-Za-z_]\w*", Name),
            (r"[-+*/^=<>~]+", Operator),
            (r"[(),.:\[\]]", Punctuation),
            (r"\s+", Text.Whitespace),
            (r".", Text),
        ],
    }
