"""Mistakes that only a run finds: the files of each error page give exactly the message it shows, and its repair runs.

A page's blocks are files by their titles, marked ``repaired`` (used instead, the second time), ``later`` (written after
the model was loaded) or ``gone`` (there only while it was loaded); ``shell`` is the command, ``text`` what it says.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from compiler_tests.support.documents import Block, blocks
from compiler_tests.support.error_pages import PAGES
from lpmdsl.codes import CODES
from lpmdsl.diagnostics import Diagnostic, LpmError, render_text
from lpmdsl.population import memory
from lpmdsl.runtime.api import load
from lpmdsl.writing import private

RUN = [f"E06{n}" for n in range(40, 51)] + ["E0801", "E0810", "E0811", "E0812", "E0744", "E1129"]


def page_blocks(code: str) -> list[Block]:
    page = PAGES / f"{code}.md"
    assert page.read_text(encoding="utf-8").startswith(f"# {code}: {CODES[code]}\n")
    return blocks(page)


def run_page(code: str, folder: Path, repaired: bool = False) -> None:
    """Loads and runs the page's model with the command's numbers of agents."""
    parts = page_blocks(code)
    files = {b.title: b.text for b in parts if b.title and not b.marks & {"repaired", "later"}}
    if repaired:
        files |= {b.title: b.text for b in parts if b.title and "repaired" in b.marks}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    loaded = load(folder / "town.lpm")
    for block in () if repaired else parts:
        if "later" in block.marks:
            (folder / block.title).write_text(block.text, encoding="utf-8")
        if "gone" in block.marks:
            (folder / block.title).unlink()
    command = next((b.text for b in parts if b.language == "shell" and ("repaired" in b.marks) == repaired), "")
    loaded.run(backend="reference", agents=_agents(command))


def _agents(command: str) -> dict[str, int]:
    words = shlex.split(command)
    pairs = [words[k + 1].split("=") for k, word in enumerate(words) if word == "--agents"]
    return {kind: int(number) for kind, number in pairs}


def told(code: str, folder: Path) -> Diagnostic:
    """The one thing that the page's run reports."""
    with pytest.raises(LpmError) as failed:
        run_page(code, folder)
    (diagnostic,) = failed.value.report.diagnostics
    return diagnostic


@pytest.mark.parametrize("code", RUN)
def test_the_run_says_what_the_page_shows(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "physical_bytes", lambda: 16 * 2**30)
    diagnostic = told(code, tmp_path)
    (shown,) = [b.text for b in page_blocks(code) if b.language == "text"]
    assert diagnostic.code == code
    assert render_text(diagnostic).replace(str(tmp_path), "/home/ana/town") + "\n" == shown


@pytest.mark.parametrize("code", RUN)
def test_the_repaired_model_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "physical_bytes", lambda: 16 * 2**30)
    parts = page_blocks(code)
    assert any(b.marks & {"repaired", "later", "gone"} for b in parts), "a page ends with a repair"
    run_page(code, tmp_path, repaired=True)


def test_kernels_that_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (model,) = [b.text for b in page_blocks("E0649") if b.title == "town.lpm" and "repaired" in b.marks]
    (tmp_path / "town.lpm").write_text(model, encoding="utf-8")
    (tmp_path / "taken").write_text("a file, not a folder", encoding="utf-8")
    monkeypatch.setenv("LPMDSL_CACHE", str(tmp_path / "taken" / "cache"))
    assert load(tmp_path / "town.lpm").run(backend="cpu", steps=1).manifest.complete
    (note,) = [d for d in private.take_told().diagnostics if str(tmp_path) in d.span.source.name]
    assert note.code == "N0871" and note.message.startswith("Compiled kernels cannot be kept here: ")
    assert "LPMDSL_CACHE" in note.help
    assert page_blocks("N0871")
