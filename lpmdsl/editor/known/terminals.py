"""The words that a terminal of the grammar stands for, as a writer types them."""

from __future__ import annotations

from functools import cache

from lark.lexer import PatternStr

from lpmdsl.quantities import UNITS
from lpmdsl.syntax.grammar import declaration_parser
from lpmdsl.syntax.words import TYPES, words

_WORDS: dict[str, tuple[str, ...]] = {
    "HEADER": ("model", "library"),
    "KIND": ("condition", "parameter", "agent", "network", "observe", "table", "intervention", "behaviour", "scenario"),
    "TYPE": tuple(word for word in TYPES if word not in ("category", "place")),
    "DAYS": ("weekdays", "weekends"),
    "END": ("source", "target"),
    "ATTACK_RATE": ("attack rate", "final size"),
    "SUMMARY": ("total", "peak", "peak day", "mean", "median", "min", "max", "final"),
    "COUNTED": ("count of", "share of"),
    "COUNTED_THEM": ("count where", "share where"),
    "AGGREGATE": ("sum of", "mean of", "median of", "sd of", "min of", "max of"),
    "QUANTILE": ("quantile",),
    "TOTAL": ("total of",),
    "BAND": ("band of",),
    "ONE": ("one of",),
    "CUMULATIVE": ("cumulative",),
    "FLOW": ("number entering", "number going from"),
    "COSTS_OF": ("costs of",),
    "CROSSES": ("rises above", "falls below"),
    "DECISIONS": ("decisions",),
    "PER_TIE": ("per tie",),
    "DIRECTED": ("directed",),
    "TIE": ("tie.",),
    "IN_THEIR": ("in their",),
    "IN_BANDS": ("in bands at",),
    "WHOLE": ("whole number",),
    "TIME_SINCE": ("time since",),
    "RANK": ("highest", "lowest"),
    "OTHER": ("other",),
    "REACHED": ("number of",),
    "YES_NO": ("yes", "no"),
    "UNIT": tuple(UNITS),
}
FREE = words(
    "NAME NUMBER STRING DATE RELEASE ARGUMENT LAW_ARGUMENT RELATION _NL $END TILDE PLUS MINUS STAR DIVIDE POWER "
    "__IGNORE_0 PERCENT LPAR RPAR LSQB RSQB COMMA DOT EQUAL"
)
"""Terminals that are no words: names, numbers and signs."""


def words_of(terminal: str) -> tuple[str, ...]:
    """The words of a terminal, () for one that is a name, a number or a sign."""
    return _WORDS.get(terminal) or _plain().get(terminal, ())


@cache
def _plain() -> dict[str, tuple[str, ...]]:
    """The words that the grammar quotes, by their terminal."""
    found: dict[str, tuple[str, ...]] = {}
    for terminal in declaration_parser().terminals:
        text = terminal.pattern.value.split("(?!")[0]
        if terminal.name not in FREE and (text.isalpha() or isinstance(terminal.pattern, PatternStr)):
            found[terminal.name] = (text,)
    return found
