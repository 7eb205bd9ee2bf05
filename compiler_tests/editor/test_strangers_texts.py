"""A stranger's text in what an editor shows: words in Markdown, and never a link, an element or a mark of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from lsprotocol import types
from markdown_it import MarkdownIt
from markdown_it.token import Token

from compiler_tests.support.hostile_texts import HIDDEN, PLACES, QUOTED, SEEN, model_text
from lpmdsl.editor.known.workspace import Workspace
from lpmdsl.editor.questions.completion import completion
from lpmdsl.editor.questions.hover import hover
from lpmdsl.editor.questions.outline import outline
from lpmdsl.editor.questions.rename import Refused, rename
from lpmdsl.editor.server import answers
from lpmdsl.editor.server.places import Places
from lpmdsl.escaping import is_hidden, markdown, markdown_code

FOREIGN = {
    "html_block", "html_inline", "link_open", "image", "heading_open", "em_open", "bullet_list_open", "s_open",
    "ordered_list_open", "blockquote_open", "hr", "table_open", "code_block",
}  # fmt: skip
"""What nothing that we write ourselves comes to."""
READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def kinds(text: str) -> set[str]:
    def walk(tokens: list[Token]) -> set[str]:
        return {t.type for t in tokens} | {kind for t in tokens if t.children for kind in walk(t.children)}

    return walk(READER.parse(text))


def written(text: str) -> str:
    """The text in every place of a model at once; labels told apart by a number."""
    texts = {
        place: f"{text} {k}" if what == "label" else text for k, (place, what) in enumerate(PLACES.items())
        if what != "prompt"
    }  # fmt: skip
    return model_text(texts)


@pytest.mark.parametrize("kind", SEEN)
def test_hover_shows_words(kind: str, tmp_path: Path) -> None:
    text = written(SEEN[kind])
    workspace, path = Workspace(), tmp_path / "town.lpm"
    workspace.open(path, text)
    found = workspace.analysis(path)
    assert found is not None
    told = 0
    for occurrence in found.occurrences:
        answer = hover(found, workspace.model(path), occurrence.span.start)
        assert answer is not None
        assert not kinds(answer[1]) & FOREIGN, answer[1]
        told += 1
    assert told > 20


@pytest.mark.parametrize("kind", [*SEEN, *HIDDEN, *QUOTED])
def test_words_and_code_in_markdown_stay_what_they_are(kind: str) -> None:
    text = (SEEN | HIDDEN | QUOTED)[kind]
    assert kinds(markdown(text)) <= {"paragraph_open", "paragraph_close", "inline", "text", "softbreak", "text_special"}
    assert kinds(markdown_code(f"{text}\n{text}")) == {"fence"}
    assert not any(is_hidden(c) and c not in "\n\t" for c in markdown(text) + markdown_code(text))


def test_ticks_end_no_block_of_code() -> None:
    for ticks in ("`", "```", "````", "`" * 50):
        [fence] = READER.parse(markdown_code(f"a\n{ticks}\n<b>\n"))
        assert fence.type == "fence" and ticks in fence.content


@pytest.mark.parametrize("kind", [*SEEN, *HIDDEN])
def test_outline_and_completion_show_nothing_hidden(kind: str, tmp_path: Path) -> None:
    text = written((SEEN | HIDDEN)[kind])
    workspace, path = Workspace(), tmp_path / "town.lpm"
    workspace.open(path, text)
    found = workspace.analysis(path)
    assert found is not None

    def names(symbols: Sequence[types.DocumentSymbol]) -> list[str]:
        return [name for s in symbols for name in (s.name, s.detail or "", *names(s.children or ()))]

    shown = names(answers.symbols(outline(found), Places()))
    for offset in range(0, len(text), 97):
        shown += [word for c in completion(found, offset).found for word in (c.word, c.detail)]
    assert not [word for word in shown if any(is_hidden(c) for c in word)]


@pytest.mark.parametrize("kind", [*SEEN, *HIDDEN, *QUOTED])
def test_a_label_takes_no_text_that_ends_it(kind: str, tmp_path: Path) -> None:
    """A new name from a client is a stranger's text as well: the model after it has the label, or it is refused."""
    text = (SEEN | HIDDEN | QUOTED)[kind]
    workspace, path = Workspace(), tmp_path / "town.lpm"
    model = written("plain")
    workspace.open(path, model)
    found = workspace.analysis(path)
    assert found is not None
    label = next(o for o in found.occurrences if o.symbol.kind == "label")
    try:
        edits = rename(workspace, path, label.span.start + 1, text)
    except Refused:
        return
    after = model
    for edit in sorted(edits, key=lambda e: -e.span.start):
        after = after[: edit.span.start] + edit.text + after[edit.span.end :]
    workspace.open(path, after)
    again = workspace.analysis(path)
    assert again is not None
    assert {d.code for d in again.diagnostics if d.severity == "error"} <= {
        d.code for d in found.diagnostics if d.severity == "error"
    }
    assert again.occurrences[found.occurrences.index(label)].symbol.name == text.strip('"')
