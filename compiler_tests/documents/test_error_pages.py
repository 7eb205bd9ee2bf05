"""Every error page shows a bad model, exactly what the tool says of it, and a repaired one without errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler_tests.support.error_pages import Page, all_pages, diagnose, rendered
from lpmdsl.codes import CODES

ALL = all_pages()
SHOWN = [page for page in ALL if page.bad]
NOT_SHOWN = {"E0104", "E0105", "E0106", "E0107"}
"""Mistakes of a whole file, which no short text in a page can make."""


def test_every_code_of_the_language_has_a_page() -> None:
    told = {page.code for page in SHOWN} | NOT_SHOWN
    language = {code for code in CODES if code[1:3] in ("01", "02", "03", "04", "05", "06", "07", "09")}
    files = {code for code in language if code.startswith("E064")}
    files |= {"E0650", "E0744", "E0769", "E0770", "E0771", "E0772", "N0773"}
    assert language - files <= told
    assert {page.code for page in ALL} <= set(CODES)


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.code)
def test_the_title_is_that_of_the_code(page: Page) -> None:
    assert page.title == f"# {page.code}: {CODES[page.code]}"


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.code)
def test_the_page_shows_exactly_what_the_tool_says(page: Page, tmp_path: Path) -> None:
    assert page.shown == rendered(page, tmp_path) != ""


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.code)
def test_the_bad_model_has_no_other_error(page: Page, tmp_path: Path) -> None:
    errors = {d.code for d in diagnose(page.bad, page, tmp_path) if d.severity == "error"}
    assert errors == ({page.code} if page.code.startswith("E") else set())


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.code)
def test_the_repaired_model_is_clean(page: Page, tmp_path: Path) -> None:
    assert page.good, "a page ends with a repaired model"
    told = [d.code for d in diagnose(page.good, page, tmp_path) if d.severity != "note"]
    assert told == []
