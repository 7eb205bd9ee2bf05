"""Every diagnostic code has a page, a page has a code, and every code stands somewhere in the compiler."""

from __future__ import annotations

import re
from pathlib import Path

import lpmdsl
from lpmdsl.codes import CODES

ROOT = Path(__file__).parent.parent.parent
PAGES = {path.stem: path for path in (ROOT / "docs" / "errors").glob("*.md") if path.stem != "index"}


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert sorted(PAGES) == sorted(CODES)


def test_a_page_begins_with_its_code_and_title() -> None:
    wrong = [c for c, path in PAGES.items() if not path.read_text(encoding="utf-8").startswith(f"# {c}: {CODES[c]}\n")]
    assert wrong == []


def test_codes_are_well_formed_and_titles_are_different() -> None:
    assert [code for code in CODES if not re.fullmatch(r"[EWN]\d{4}", code)] == []
    assert len({code[1:] for code in CODES}) == len(CODES)
    assert all(title and title[-1] not in ".!" for title in CODES.values())


def test_every_code_is_used_and_every_used_code_is_known() -> None:
    folder = Path(lpmdsl.__file__).parent
    texts = [path.read_text(encoding="utf-8") for path in folder.rglob("*.py") if path.name != "codes.py"]
    used = {code for text in texts for code in re.findall(r"\b[EWN][01]\d{3}\b", text)}
    assert used - set(CODES) == set()
    assert set(CODES) - used == set()
