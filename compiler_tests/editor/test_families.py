"""Families of parameters in an editor: parts where one points, labels in rows and brackets, what can be written."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from compiler_tests.backends.test_families_of_parameters import TEXT
from compiler_tests.editor.test_broken_texts import ask_everything
from lpmdsl.editor.known.workspace import Workspace
from lpmdsl.editor.questions.completion import completion
from lpmdsl.editor.questions.hover import hover
from lpmdsl.editor.questions.tokens import tokens
from lpmdsl.editor.questions.uses import uses


@pytest.fixture
def opened(tmp_path: Path) -> tuple[Workspace, Path]:
    workspace, path = Workspace(), tmp_path / "families.lpm"
    workspace.open(path, TEXT)
    return workspace, path


def test_pointing_at_a_family_shows_its_parts(opened: tuple[Workspace, Path]) -> None:
    workspace, path = opened
    found = workspace.analysis(path)
    assert found is not None
    told = hover(found, workspace.model(path), TEXT.index("on town at beta") + 12)
    assert told is not None and "beta[4] = 0.9 per day" in told[1] and "parameter beta every 6 days" in told[1]
    told = hover(found, workspace.model(path), TEXT.index("random_walk") + 2)
    assert told is not None and "random_walk(spread" in told[1]


def test_a_label_is_one_name_in_rows_brackets_and_changes(opened: tuple[Workspace, Path]) -> None:
    workspace, path = opened
    found = workspace.analysis(path)
    assert found is not None
    for label, count in (('"Staten Island"', 4), ("Bronx", 4)):
        at = found.occurrence_at(TEXT.index(f"one of Bronx, Queens, {label}" if " " in label else label) + 1)
        at = found.occurrence_at(TEXT.index("  2 Bronx yes") + 5) if label == "Bronx" else at
        if " " in label:
            at = found.occurrence_at(TEXT.index("  " + label) + 4)
        assert at is not None and at.symbol.kind == "label", label
        assert len(list(uses(workspace, at.symbol))) == count == TEXT.count(label), label


def test_what_can_be_written_of_a_family(opened: tuple[Workspace, Path]) -> None:
    workspace, path = opened

    def words(text: str) -> set[str]:
        workspace.open(path, text)
        found = workspace.analysis(path)
        assert found is not None
        return {c.word for c in completion(found, len(text)).found}

    assert "borough" in words(TEXT + "\nparameter gamma by ")
    assert {"every", "by", "="} & words(TEXT + "\nparameter gamma ")
    assert words(TEXT + "\nparameter gamma every week = 1 ~ ") == {"random_walk"}
    assert {"sd", "spread"} <= words(TEXT + "\nparameter gamma every week = 1 ~ random_walk(")
    assert {"Bronx", "Queens"} <= words(TEXT + "\nobserve one = sick[")


def test_a_walk_is_coloured_like_a_distribution(opened: tuple[Workspace, Path]) -> None:
    workspace, path = opened
    found = workspace.analysis(path)
    assert found is not None
    at = TEXT.index("random_walk")
    assert "function" in {t.type for t in tokens(found) if t.start == at}


def test_a_text_that_ends_anywhere_answers_every_question(opened: tuple[Workspace, Path]) -> None:
    workspace, path = opened
    for offset in sorted(random.Random(19).sample(range(len(TEXT)), 40)):
        workspace.open(path, TEXT[:offset])
        ask_everything(workspace, path, offset)
