"""Colours for Pygments: our pages, the documentation, notebooks and any editor that reads Pygments."""

from __future__ import annotations

import re

from pygments.lexer import RegexLexer, bygroups
from pygments.token import Text

from lpmdsl.colouring.rules import rules


class LpmLexer(RegexLexer):
    """The words of the language by their place; the rules are those of ``colouring.rules``."""

    name = "lpm"
    aliases = ["lpm"]  # noqa: RUF012 - as the base class declares it
    filenames = ["*.lpm"]  # noqa: RUF012
    url = "https://pypi.org/project/lpmdsl/"
    flags = re.MULTILINE
    tokens = {  # noqa: RUF012
        "root": [
            *(
                (
                    r.pattern,
                    r.colours[0].pygments if len(r.colours) == 1 else bygroups(*(c.pygments for c in r.colours)),
                )
                for r in rules()
            ),
            # A line end on its own, so that the next rule sees the start of a line.
            (r"\n|[^\S\n]+", Text.Whitespace),
            (r".", Text),
        ],
    }
