"""Colours of texts: every word, number, unit, string and remark of every model here, held against the parser itself."""

from __future__ import annotations

import importlib
import tomllib
from collections import Counter

import pytest
from pygments.token import Token

from compiler_tests.support.colours import COLOUR_OF, ROOT, TEXTS, by_pygments, by_textmate, tokens_of
from lpmdsl.colouring.classes import Colour
from lpmdsl.colouring.lexer import LpmLexer
from lpmdsl.colouring.rules import colour_of, rules
from lpmdsl.colouring.textmate import grammar
from lpmdsl.diagnostics import Report
from lpmdsl.distributions.table import DISTRIBUTIONS
from lpmdsl.networks.generators import NETWORKS
from lpmdsl.quantities import UNITS
from lpmdsl.semantics.functions import FUNCTIONS
from lpmdsl.source import Source
from lpmdsl.syntax.grammar import declaration_parser
from lpmdsl.syntax.parse import parse
from lpmdsl.syntax.words import RESERVED

COMMITTED = ROOT / "editors" / "vscode" / "syntaxes" / "lpm.tmLanguage.json"
WORDS = {Colour.DECLARATION, Colour.CLAUSE, Colour.WORD, Colour.TEST, Colour.TYPE, Colour.UNIT}
"""Colours of a word of the grammar; `per tie` ends in what is a unit elsewhere."""
EXPECTED = {
    "NUMBER": {Colour.NUMBER}, "RELEASE": {Colour.NUMBER}, "DATE": {Colour.DATE}, "STRING": {Colour.STRING},
    "UNIT": {Colour.UNIT}, "PERCENT": {Colour.UNIT}, "YES_NO": {Colour.YES_NO}, "RELATION": {Colour.OPERATOR},
}  # fmt: skip
NAMES = {Colour.NAME, Colour.DECLARED, Colour.ATTRIBUTE, Colour.BUILT_IN, Colour.ARGUMENT}
NAMED = ("NAME", "ARGUMENT", "LAW_ARGUMENT")


def colours(text: str) -> list[Colour | None]:
    return [COLOUR_OF[scope] if scope else None for scope in by_textmate(text)]


def test_the_committed_grammar_is_what_the_words_give() -> None:
    """Else: ``python -m lpmdsl.colouring.textmate editors/vscode/syntaxes/lpm.tmLanguage.json``."""
    assert COMMITTED.read_text(encoding="utf-8") == grammar()


@pytest.mark.parametrize("name", TEXTS)
def test_every_token_has_its_colour(name: str) -> None:
    text = TEXTS[name]
    seen, told = colours(text), {t.name: colour_of(t) for t in declaration_parser().terminals}
    for at, token in tokens_of(text):
        if token.type in NAMED or token.type == "_NL":
            continue
        found = set(seen[at : at + len(token)])
        if token.type in EXPECTED or told[token.type] is None:
            assert found <= EXPECTED.get(token.type, {Colour.OPERATOR, Colour.PUNCTUATION}), (token.type, token)
        else:
            assert found <= {*WORDS, None} and found & WORDS, (token.type, token)


@pytest.mark.parametrize("name", TEXTS)
def test_every_remark_has_its_colour(name: str) -> None:
    """Each that the parser keeps, to the end of its line, and nothing else."""
    text = TEXTS[name]
    seen, report = colours(text), Report()
    for comment in parse(Source("model.lpm", text), report).comments:
        here = seen[comment.span.start : comment.span.end]
        assert set(here) == {Colour.DOC if comment.text.startswith("##") else Colour.REMARK}
    for at, token in tokens_of(text):
        assert not {Colour.DOC, Colour.REMARK} & set(seen[at : at + len(token.rstrip())])


def _is_activity(text: str, at: int, token: str) -> bool:
    """Return True for the last word of ``NAME is active``, which the parser reads as a name."""
    return token == "active" and text[:at].rstrip().endswith(" is")


def test_names_are_taken_for_words_once_in_a_thousand_at_most() -> None:
    """By one line alone nobody can know that ``mixing by mixing`` names a table; 4 of 7,936 when this was written."""
    counted: Counter[bool] = Counter()
    for text in TEXTS.values():
        seen = colours(text)
        named = ((at, t) for at, t in tokens_of(text) if t.type in NAMED and not _is_activity(text, at, t))
        counted.update(set(seen[at : at + len(t)]) <= NAMES for at, t in named)
    assert counted.total() > 7000 and counted[False] * 1000 <= counted.total()


@pytest.mark.parametrize("name", TEXTS)
def test_pygments_and_textmate_agree_on_every_character(name: str) -> None:
    text = TEXTS[name]
    assert by_pygments(text) == [colour.pygments if colour else None for colour in colours(text)]
    assert Token.Error not in by_pygments(text)


def test_no_rule_goes_over_the_end_of_a_line() -> None:
    """So no string and no remark is left open at the end of a file."""
    made = grammar()
    assert '"begin"' not in made and '"while"' not in made and len(list(rules())) > 20
    assert colours('  source "no end\nclock\n')[-6:-1] == [Colour.DECLARATION] * 5


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_every_reserved_word_is_coloured(word: str) -> None:
    seen = set(colours(f"  x y {word} z")[6 : 6 + len(word)])
    assert len(seen) == 1 and seen <= {Colour.DECLARATION, Colour.LATER, Colour.YES_NO, Colour.WORD, Colour.TEST}


def test_every_row_of_the_tables_is_coloured() -> None:
    for called in (*FUNCTIONS, *DISTRIBUTIONS, *NETWORKS):
        assert set(colours(f"  x = {called}(1)")[6 : 6 + len(called)]) == {Colour.BUILT_IN}, called
    for unit in UNITS:
        assert set(colours(f"  x = 2 {unit}")[8:]) == {Colour.UNIT}, unit


def test_a_new_terminal_asks_for_its_colour() -> None:
    terminal = next(t for t in declaration_parser().terminals if t.name == "DAYS")
    unknown = type(terminal)("HOURS", terminal.pattern, 3)
    with pytest.raises(ValueError, match="HOURS"):
        colour_of(unknown)


def test_the_package_offers_the_lexer_to_pygments() -> None:
    """MkDocs and Jupyter find it by this entry point."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, name = project["entry-points"]["pygments.lexers"]["lpm"].partition(":")
    assert getattr(importlib.import_module(module), name) is LpmLexer
    assert LpmLexer.filenames == ["*.lpm"] and LpmLexer.aliases == ["lpm"]
