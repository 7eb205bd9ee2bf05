"""Texts that end in the middle of a word, on every question: nothing raises, and every place lies in the text."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from compiler_tests.support.error_pages import Page, all_pages
from lpmdsl.editor.known.workspace import Workspace
from lpmdsl.editor.questions.completion import completion
from lpmdsl.editor.questions.folding import folds
from lpmdsl.editor.questions.formatting import formatted
from lpmdsl.editor.questions.hints import hints
from lpmdsl.editor.questions.hover import hover
from lpmdsl.editor.questions.outline import outline
from lpmdsl.editor.questions.signatures import signatures
from lpmdsl.editor.questions.tokens import tokens
from lpmdsl.editor.questions.uses import definition, uses
from lpmdsl.escaping import is_hidden

ROOT = Path(__file__).parent.parent.parent
TEXTS = sorted([*(ROOT / "models").glob("*.lpm"), *(ROOT / "stdlib").rglob("*.lpm")])
PLACES = 50
SEED = 19
PAGES = [page for page in all_pages() if page.bad]


def ask_everything(workspace: Workspace, path: Path, offset: int) -> None:
    """Every question at one place of a text."""
    found = workspace.analysis(path)
    assert found is not None
    length = len(found.source.text)
    here = completion(found, offset)
    assert 0 <= here.start <= offset
    assert all(c.word and not any(is_hidden(letter) for letter in c.detail) for c in here.found)
    told = hover(found, workspace.model(path), offset)
    assert told is None or told[0].start <= offset <= told[0].end
    signatures(found.source, offset)
    definition(found, offset)
    name = found.occurrence_at(offset)
    if name is not None:
        assert any(u.occurrence.span == name.span for u in uses(workspace, name.symbol))
    coloured = tokens(found)
    assert all(0 <= a.start < a.end <= length for a in coloured)
    assert [t.start for t in coloured] == sorted({t.start for t in coloured})
    assert all(0 <= f.first < f.last <= found.source.text.count("\n") for f in folds(found.source.text))
    assert all(e.span.start <= e.name_span.start <= e.name_span.end for e in outline(found))
    hints(found, workspace.model(path))
    formatted(found)


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.stem)
def test_a_text_that_ends_anywhere_answers_every_question(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    draws = random.Random(SEED)
    workspace = Workspace()
    for offset in sorted(draws.sample(range(len(text)), PLACES)):
        workspace.open(path, text[:offset])
        ask_everything(workspace, path, offset)


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.stem)
def test_a_text_with_a_hole_or_a_slip_answers_every_question(path: Path) -> None:
    """Characters left out, or put in, in the middle; the cursor stands there."""
    text = path.read_text(encoding="utf-8")
    draws = random.Random(SEED)
    workspace = Workspace()
    for offset in draws.sample(range(len(text)), PLACES // 3):
        end = min(len(text), offset + draws.randrange(30))
        slip = draws.choice(["", '"', "(", ")", "[", "#", "\n", "from ", "\t", "\u202e", "𝛽", "_", "\x00", "0", ","])
        workspace.open(path, text[:offset] + slip + text[end:])
        ask_everything(workspace, path, offset + len(slip))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.code)
def test_what_the_pages_of_errors_show_answers_every_question(page: Page, tmp_path: Path) -> None:
    for name, content in page.files:
        (tmp_path / name).write_text(content, encoding="utf-8")
    path = tmp_path / "example.lpm"
    workspace = Workspace()
    workspace.open(path, page.bad)
    for offset in range(0, len(page.bad), 101):
        ask_everything(workspace, path, offset)
