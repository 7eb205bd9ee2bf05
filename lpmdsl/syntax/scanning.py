"""Lark's lexer by context, made as the states of a text are met, each terminal's pattern compiled once.

Lark joins the patterns that may stand in a state into one expression and compiles that: a hundred states of a model, a
fifth of the time of a check. Here they are tried one after the other, in the same order, so the same one is found.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from copy import copy
from functools import cache
from typing import Any

from lark.lexer import BasicLexer, ContextualLexer, TerminalDef


class OneByOne:
    """The work of ``lark.lexer.Scanner`` for a state, without an expression of its own."""

    def __init__(self, terminals: Collection[TerminalDef], flags: int) -> None:
        self.allowed_types = {terminal.name for terminal in terminals}
        self._patterns = [(t.name, _compiled(t.pattern.to_regexp(), flags)) for t in terminals]

    def match(self, text: Any, pos: int) -> tuple[str, str] | None:
        """The text of the first terminal that stands at a place, and its name."""
        for name, pattern in self._patterns:
            found = pattern.match(text.text, pos, text.end)
            if found is not None:
                return found.group(), name
        return None


@cache
def _compiled(pattern: str, flags: int) -> re.Pattern[str]:
    return re.compile(pattern, flags)


class StateLexer(BasicLexer):
    """The lexer of one state. No word of the grammar is a plain string, so none needs to be told from a name."""

    def _build_scanner(self) -> Any:
        self.callback = dict(self.user_callbacks)
        return OneByOne(self.terminals, self.g_regex_flags)


class LexerByContext(ContextualLexer):
    """Lark's, but for lexers that are made when a text first comes to their state."""

    BasicLexer = StateLexer

    def __init__(self, conf: Any, states: dict[int, Collection[str]], always_accept: Collection[str] = ()) -> None:
        self.lexers = _Lexers(conf, states, always_accept)
        whole = copy(conf)
        whole.terminals = list(conf.terminals)
        self.root_lexer = StateLexer(whole, None)


class _Lexers(dict[int, Any]):
    """State → its lexer; states in which the same may stand share one."""

    def __init__(self, conf: Any, states: dict[int, Collection[str]], always_accept: Collection[str]) -> None:
        self._conf, self._states = conf, states
        self._always = {*conf.ignore, *always_accept}
        self._made: dict[frozenset[str], StateLexer] = {}

    def __missing__(self, state: int) -> StateLexer:
        accepts = frozenset(self._states[state])
        if accepts not in self._made:
            conf = copy(self._conf)
            named = self._conf.terminals_by_name
            conf.terminals = [named[name] for name in {*accepts, *self._always} if name in named]
            conf.skip_validation = True
            self._made[accepts] = StateLexer(conf, None)
        self[state] = self._made[accepts]
        return self[state]
