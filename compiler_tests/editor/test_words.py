"""Words of the grammar that completion offers, and what the questions of an editor load."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from compiler_tests.editor.test_broken_texts import TEXTS
from lpmdsl.editor.known.cursor import cursor_at
from lpmdsl.editor.known.terminals import FREE, words_of
from lpmdsl.editor.known.workspace import Workspace
from lpmdsl.editor.questions.completion import completion
from lpmdsl.source import Source
from lpmdsl.syntax.grammar import declaration_parser
from lpmdsl.syntax.words import CLAUSES, OPENERS


def test_every_terminal_of_the_grammar_is_a_word_or_known_to_be_none() -> None:
    terminals = {t.name for t in declaration_parser().terminals}
    assert len(terminals) > 100
    assert {name for name in terminals if not words_of(name) and name not in FREE} == set()


def test_every_word_reads_as_its_terminal() -> None:
    for terminal in declaration_parser().terminals:
        for word in words_of(terminal.name):
            pattern = terminal.pattern.to_regexp()
            following = f"{word} entering" if word == "number" else word
            for text in (following, f"{word} 90 % of", f"{word} number", f"{word} of", f"{word} where", f"{word} x"):
                if re.match(pattern, text):
                    break
            else:
                pytest.fail(f"{terminal.name}: {word}")


def test_every_clause_is_offered_where_its_declaration_has_no_line_yet() -> None:
    first = {"clock": "clock", "condition": "condition C of K", "contagion": "contagion of C",
             "intervention": "intervention i", "behaviour": "behaviour b of K", "scenario": "scenario s",
             "compare": "compare s with baseline", "calibrate": "calibrate",
             "parameter": "parameter p = 1"}  # fmt: skip
    later = {"except", "to", "set", "add", "move", "leave", "scale", "change", *OPENERS}
    for keyword, line in first.items():
        text = f"model m version 1.0\n{line}\n  "
        accepts = cursor_at(Source("m.lpm", text), len(text)).accepts
        words = {word for terminal in accepts for word in words_of(terminal)}
        expected = {w for w in CLAUSES[keyword] if w not in later or (keyword == "scenario" and w == "change")}
        assert expected <= words, keyword


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.stem)
def test_each_name_of_a_model_is_offered_where_it_stands(path: Path) -> None:
    """Take each use of a name away and ask what may stand there: the name is among the answers."""
    text = path.read_text(encoding="utf-8")
    workspace = Workspace()
    workspace.open(path, text)
    found = workspace.analysis(path)
    assert found is not None
    uses = [o for o in found.occurrences if not o.is_definition and text[o.span.start] != '"']
    missing = []
    for o in uses[:: max(1, len(uses) // 12)]:
        word = text[o.span.start : o.span.end]
        end = text.find("\n", o.span.start)
        workspace.open(path, text[: o.span.start] + text[end:])
        analysis = workspace.analysis(path)
        assert analysis is not None
        if word not in {c.word for c in completion(analysis, o.span.start).found}:
            missing.append((word, text[text.rfind("\n", 0, o.span.start) + 1 : o.span.end]))
    assert missing == []


def test_questions_load_no_protocol() -> None:
    program = (
        "import sys\n"
        "from lpmdsl.editor.questions import completion, hover, rename\n"
        "print(sorted(m for m in ('pygls', 'lsprotocol', 'torch', 'numba', 'sympy', 'pandas') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
