"""The rules by which a text is coloured, in order: the first that matches where the last one ended.

The words come from the terminals of ``grammar/lpm.lark``, the words of the clauses and the tables of units, functions,
distributions and generators: a new word is coloured without an edit here. Every pattern reads in Python's regular
expressions and in Oniguruma's alike and stays on its line, because an editor looks at one line at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lark.lexer import TerminalDef

from lpmdsl.colouring.classes import Colour
from lpmdsl.distributions.table import SPELT_AS_LAWS
from lpmdsl.networks.generators import NETWORKS
from lpmdsl.quantities import UNITS
from lpmdsl.semantics.functions import FUNCTIONS
from lpmdsl.syntax.grammar import WORD, declaration_parser
from lpmdsl.syntax.words import CLAUSES, DECLARATIONS, FIRST_LINES, HEADERS, LATER, RESERVED, TYPES


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern and the colour of each of its groups, which together are all that it matches."""

    pattern: str
    colours: tuple[Colour, ...]


BLANK = r"[ \t\u00a0]"
_QUOTED_WORD = re.compile(r"([a-z]+)\(\?!\[A-Za-z0-9_\]\)")

_COLOURS: dict[str, Colour | None] = {
    **dict.fromkeys(("AND", "OR", "NOT", "IS", "IN"), Colour.TEST),
    **dict.fromkeys(("HEADER", "KIND"), Colour.DECLARATION),
    **dict.fromkeys(("TYPE", "CATEGORY", "PLACE"), Colour.TYPE),
    **dict.fromkeys(
        ("DAYS", "END", "ATTACK_RATE", "COUNTED", "COUNTED_THEM", "AGGREGATE", "QUANTILE", "TOTAL", "BAND", "ONE",
         "CUMULATIVE", "FLOW", "TIME_SINCE", "REACHED", "COSTS_OF", "CROSSES", "DECISIONS", "PER_TIE", "SUMMARY",
         "RANK", "OTHER", "IN_THEIR", "IN_BANDS", "WHOLE", "DIRECTED", "TIE"),
        Colour.WORD,
    ),
    "YES_NO": Colour.YES_NO, "DATE": Colour.DATE, "NUMBER": Colour.NUMBER, "STRING": Colour.STRING,
    # Each of these has a rule of its own, or is no more than a sign.
    **dict.fromkeys(("ARGUMENT", "LAW_ARGUMENT", "UNIT", "NAME", "RELEASE", "RELATION", "_NL", "__IGNORE_0")),
}  # fmt: skip
"""Colours of the terminals of the grammar that are not a plain word; a plain word is ``Colour.WORD``."""
_AFTER = {"SUMMARY": rf"(?={BLANK}+of\b)", "END": rf"(?={BLANK}*(?:,|scaled\b))"}
"""Text that must follow a terminal which the parser knows by its place: `mean` is an argument, too, `target` a name."""


def colour_of(terminal: TerminalDef) -> Colour | None:
    """Colour of what a terminal of the grammar matches; None for signs and for what has a rule of its own.

    Raises ``ValueError`` for a terminal of which ``_COLOURS`` says nothing.
    """
    if terminal.name in _COLOURS:
        return _COLOURS[terminal.name]
    if _QUOTED_WORD.fullmatch(terminal.pattern.value):
        return Colour.WORD
    if terminal.pattern.type == "str" and not terminal.pattern.value.isalnum():
        return None
    raise ValueError(f"say in _COLOURS of lpmdsl/colouring/rules.py which colour {terminal.name} has")


def rules() -> Iterator[Rule]:
    """All rules in their order."""
    yield from _texts()
    yield from _line_starts()
    yield from _calls()
    yield from _numbers()
    yield from _of_the_grammar()
    yield from _rest()


def _texts() -> Iterator[Rule]:
    yield Rule(r"##.*$", (Colour.DOC,))
    yield Rule(r"#.*$", (Colour.REMARK,))
    yield Rule(r'"[^"\n]*"', (Colour.STRING,))
    yield Rule(r'"[^"\n]*', (Colour.UNCLOSED,))


def _line_starts() -> Iterator[Rule]:
    """Words that mean something at the start of a line alone: declarations, attributes, clauses."""
    start = rf"^(\ufeff?{BLANK}*)"
    naming = [word for word, line in FIRST_LINES.items() if line.split()[1:2] == ["NAME"]]
    # `add tie.weight to n` and `add share of Person to n` are no attributes.
    types = rf"(?!share{BLANK}+of\b)(?:{_whole(TYPES)}|{_whole(UNITS)}|per\b)(?!\.)"
    clauses = {word for lines in CLAUSES.values() for word in lines}
    decides = _whole(word for word in clauses if re.match(rf"{word} {types}", CLAUSES["behaviour"].get(word, "")))
    named = (Colour.BLANK, Colour.DECLARATION, Colour.BLANK, Colour.DECLARED)
    yield Rule(rf"{start}({_whole(naming)})({BLANK}+)({WORD})", named)
    yield Rule(rf"{start}({_whole((*HEADERS, *DECLARATIONS))})", (Colour.BLANK, Colour.DECLARATION))
    yield Rule(rf"{start}({_whole(LATER)})", (Colour.BLANK, Colour.LATER))
    listed = rf"(?!{decides})({WORD})(?=(?:{BLANK}*,{BLANK}*{WORD})*{BLANK}+{types})"
    yield Rule(rf"^({BLANK}+){listed}", (Colour.BLANK, Colour.ATTRIBUTE))
    yield Rule(rf"{start}({_whole(clauses)})", (Colour.BLANK, Colour.CLAUSE))


def _calls() -> Iterator[Rule]:
    """Functions, distributions and generators where they are called, and the names of their arguments."""
    yield Rule(rf"(?<=\btie\.){WORD}", (Colour.NAME,))  # whatever word else a column is called by
    known, patterns = _whole({*FUNCTIONS, *SPELT_AS_LAWS, *NETWORKS}), _patterns()
    yield Rule(rf"\b{known}(?={BLANK}*\()", (Colour.BUILT_IN,))
    # After a comma also stand the next summary of a `report` and the other end of a contagion.
    # In parentheses a quantile may begin.
    other = rf"(?:{patterns['SUMMARY']}){_AFTER['SUMMARY']}|{patterns['END']}|{patterns['QUANTILE']}"
    yield Rule(rf"(?:(?<=\()|(?<=, ))(?!{_on_a_line(other)}){_on_a_line(patterns['ARGUMENT'])}", (Colour.ARGUMENT,))


def _numbers() -> Iterator[Rule]:
    number, unit = r"\b\d[\d_]*(?:\.\d+)*(?:[eE][+-]?\d+)?", _whole(UNITS)
    yield Rule(r"\b\d{4}-\d\d-\d\d(?!\d)", (Colour.DATE,))
    yield Rule(rf"({number})({BLANK}*)(%)", (Colour.NUMBER, Colour.BLANK, Colour.UNIT))
    yield Rule(rf"({number})({BLANK}*)({unit})", (Colour.NUMBER, Colour.BLANK, Colour.UNIT))
    yield Rule(number, (Colour.NUMBER,))
    yield Rule(rf"(\b(?:per|every))({BLANK}+)({unit})", (Colour.WORD, Colour.BLANK, Colour.UNIT))
    # One letter is a unit after a number or `per` only: elsewhere it is somebody's name.
    yield Rule(rf"\b{_whole(name for name in UNITS if len(name) > 1)}", (Colour.UNIT,))


def _of_the_grammar() -> Iterator[Rule]:
    """One rule for every terminal of several words or signs, then one for the plain words of each colour."""
    plain = {Colour.WORD: sorted(RESERVED)}
    for terminal in _terminals():
        colour, word = colour_of(terminal), _QUOTED_WORD.fullmatch(terminal.pattern.value)
        if colour is None or colour in (Colour.DATE, Colour.NUMBER, Colour.STRING):
            continue
        if word:
            plain.setdefault(colour, []).append(word.group(1))
        else:
            yield Rule(rf"\b(?:{_on_a_line(terminal.pattern.value)}){_AFTER.get(terminal.name, '')}", (colour,))
    for colour, found in reversed(plain.items()):  # what is just reserved comes last
        yield Rule(rf"\b{_whole(found)}", (colour,))


def _rest() -> Iterator[Rule]:
    yield Rule(r"\b[A-Za-z_]\w*", (Colour.NAME,))
    yield Rule(r"<=|>=|[-+*/^=<>~]", (Colour.OPERATOR,))
    yield Rule(r"[(),.:\[\]]", (Colour.PUNCTUATION,))


def _terminals() -> list[TerminalDef]:
    """The grammar's terminals: those of a higher priority first, the longer pattern before the shorter."""
    return sorted(declaration_parser().terminals, key=lambda t: (-t.priority, -len(t.pattern.value), t.name))


def _patterns() -> dict[str, str]:
    return {terminal.name: terminal.pattern.value for terminal in _terminals()}


def _on_a_line(pattern: str) -> str:
    """A pattern of the grammar without groups that are kept, its blanks on one line."""
    ungrouped = re.sub(r"(?<!\\)\((?!\?)", "(?:", pattern)
    return re.sub(r"\\s(?=[+*])", lambda _: BLANK, ungrouped)


def _whole(words: Iterable[str]) -> str:
    """One of the words, and no part of a longer one."""
    listed = sorted(set(words), key=lambda word: (-len(word), word))
    return f"(?:{'|'.join(map(re.escape, listed))})(?![\\w/])"
