"""The LALR parser of one declaration, built once from ``grammar/lpm.lark``."""

from __future__ import annotations

import hashlib
from functools import cache

from lark import Lark
from lark.lexer import PatternRE, PatternStr, TerminalDef

from lpmdsl.quantities import UNITS
from lpmdsl.source import cache_dir, data_dir
from lpmdsl.syntax.scanning import LexerByContext
from lpmdsl.syntax.words import RESERVED, VALUE_WORDS
from lpmdsl.writing.private import private_dir


def _any_of(words: frozenset[str] | set[str]) -> str:
    return "(?:" + "|".join(sorted(words, key=lambda w: (-len(w), w))) + r")(?![A-Za-z0-9_])"


WORD = f"(?!{_any_of(RESERVED)})[A-Za-z_][A-Za-z0-9_]*"
_BEGINS = rf'(?!not\s+in\b)(?:(?!{_any_of(RESERVED - VALUE_WORDS)})[A-Za-z_0-9"(]'
_COMPLETED = {
    "NAME": WORD,
    "UNIT": _any_of(set(UNITS)),
    "ARGUMENT": rf"{WORD}(?=\s+{_BEGINS}|-[^\s]))",
    "LAW_ARGUMENT": rf"{WORD}(?=\s+{_BEGINS}))",
}


def _complete(terminal: TerminalDef) -> None:
    """Make quoted words match whole words only, and fill in the terminals that come from Python."""
    if terminal.name in _COMPLETED:
        terminal.pattern = PatternRE(_COMPLETED[terminal.name])
    elif isinstance(terminal.pattern, PatternStr) and terminal.pattern.value.isalpha():
        # Above NAME: where the grammar allows both, the word of the language wins.
        terminal.pattern = PatternRE(terminal.pattern.value + r"(?![A-Za-z0-9_])")
        terminal.priority = 2


@cache
def declaration_parser() -> Lark:
    """Lark's parser for one declaration: half a second to build, so its tables are kept beside the compiled kernels."""
    text = (data_dir("grammar") / "lpm.lark").read_text(encoding="utf-8")
    return Lark(
        text,
        start="declaration",
        parser="lalr",
        lexer="contextual",
        propagate_positions=True,
        maybe_placeholders=True,
        edit_terminals=_complete,
        cache=_kept_at(text),  # type: ignore[arg-type]
        _plugins={"ContextualLexer": LexerByContext},  # type: ignore[arg-type]
    )


def _kept_at(text: str) -> str | bool:
    """The file of the tables, False where nothing can be written. Lark builds them again when it cannot be read."""
    # Lark itself checks the grammar and its own version; the words that are filled in it cannot know.
    words = hashlib.sha256(repr((text, sorted(_COMPLETED.items()))).encode()).hexdigest()[:16]
    folder = private_dir(cache_dir())
    return str(folder / f"grammar_{words}.lark") if folder is not None else False
