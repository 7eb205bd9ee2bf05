"""Words by which messages name what may come: each terminal has those that a writer would type."""

from __future__ import annotations

import re

from lpmdsl.syntax.grammar import declaration_parser
from lpmdsl.syntax.mistakes.expected import OPERATORS, PHRASES, VALUE_STARTS


def test_each_terminal_is_named_by_what_is_typed() -> None:
    named = {*PHRASES, *OPERATORS, *VALUE_STARTS, "_NL", "__IGNORE_0"}
    nameless = [
        terminal.name
        for terminal in declaration_parser().terminals
        if terminal.name not in named and not re.match(terminal.pattern.to_regexp(), terminal.name.lower())
    ]
    assert nameless == []
