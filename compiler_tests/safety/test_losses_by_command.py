"""A failure at every write of the commands that write beside `run`: what was there is there after, or the new is whole.

What is computed stands in for itself here (`compared`, `sensitivities`): every write is the command's own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from compiler_tests.example_models.small_models import OUTBREAK
from compiler_tests.safety.test_losses import ENDS, everything, is_whole
from compiler_tests.support.broken_disks import at_every_write
from lpmdsl.cli import app
from lpmdsl.diagnostics import LpmError
from lpmdsl.insight import simulated
from lpmdsl.runtime import api
from lpmdsl.runtime.behaviours.jsonl import import_lines
from lpmdsl.runtime.behaviours.ledger import open_ledger
from lpmdsl.runtime.gradients import sensitivity
from lpmdsl.runtime.results import csv_text
from lpmdsl.runtime.table import Table
from lpmdsl.writing.folders import settle_if_free
from lpmdsl.writing.seals import is_unchanged_page

TRIALS = Path(__file__).parent.parent / "trials"
UNTIDY = OUTBREAK.replace("  step 1 day\n", "      step   1 day\n")


@pytest.fixture(autouse=True)
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is read once; nothing is written by that."""
    monkeypatch.setattr(api, "load", cache(api.load))


def command(*words: object) -> None:
    """``lpmc`` as it is typed; what it does not catch is raised."""
    found = CliRunner().invoke(app, [str(word) for word in words])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.output


def old_or_new(file: Path, is_end: bool, new: Callable[[], None], least: int, looks: Callable[[], bool]) -> None:
    """``new`` replaces a file, or leaves it; and nothing half written stays beside it but where the program ended."""
    kept = file.read_bytes()
    new()
    written = file.read_bytes()
    assert written != kept

    def prepare() -> None:
        for part in file.parent.glob(".lpmc-*"):
            part.unlink()
        file.write_bytes(kept)

    def look() -> None:
        assert file.read_bytes() in (kept, written) and looks()
        assert is_end or not list(file.parent.glob(".lpmc-*"))

    assert at_every_write(is_end, prepare, new, look, (LpmError,)) >= least
    assert file.read_bytes() == written


@ENDS
def test_a_model_that_is_formatted_is_the_old_or_the_new(is_end: bool, tmp_path: Path) -> None:
    file = tmp_path / "m.lpm"
    file.write_text(UNTIDY, encoding="utf-8")
    old_or_new(file, is_end, lambda: command("fmt", file), 4, lambda: len(list(tmp_path.glob("*.lpm"))) == 1)


@ENDS
def test_answers_that_are_exported_are_the_old_or_the_new(is_end: bool, tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "l.sqlite")
    import_lines(ledger, TRIALS / "nel.ledger.jsonl")
    ledger.close()
    lines, before = tmp_path / "m.ledger.jsonl", (tmp_path / "l.sqlite").read_bytes()
    command("ledger", "export", tmp_path / "l.sqlite", "--out", lines, "--note", "of before")

    def again() -> None:
        command("ledger", "export", tmp_path / "l.sqlite", "--out", lines, "--note", "new", "--force")

    old_or_new(lines, is_end, again, 4, lambda: (tmp_path / "l.sqlite").read_bytes() == before)


@ENDS
def test_a_page_of_elasticities_is_the_old_or_the_new(
    is_end: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.lpm").write_text(OUTBREAK, encoding="utf-8")
    found = [SimpleNamespace(as_json=lambda: "{}", text="of before")]
    monkeypatch.setattr(sensitivity, "sensitivities", lambda *given: found)
    monkeypatch.setattr(sensitivity, "plot", lambda found, of: f"<!doctype html><p>{found[0].text}</p>\n")
    page = tmp_path / "p.html"
    words = ("sensitivity", tmp_path / "m.lpm", "--of", "total of cases", "--format", "json", "--plot", page)
    command(*words)
    found[0].text = "new"
    old_or_new(page, is_end, lambda: command(*words), 4, lambda: is_unchanged_page(page))


@ENDS
def test_equations_beside_agents_are_the_old_or_the_new(
    is_end: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder: the table and the page are those of one run, and a stranger's file in it stays."""
    (tmp_path / "m.lpm").write_text(OUTBREAK, encoding="utf-8")
    folder, kept = tmp_path / "out", tmp_path / "kept"

    def compared(loaded: object, options: object) -> simulated.Compared:
        row = ["Spots", 0.0, "S", options.seed, 1.0, 1.0, 1.0]  # type: ignore[attr-defined]
        cells = (np.array([cell], object if isinstance(cell, str) else None) for cell in row)
        return simulated.Compared(Table(dict(zip(simulated.COLUMNS, cells, strict=True))), {}, {})

    monkeypatch.setattr(simulated, "compared", compared)
    monkeypatch.setattr(simulated, "page", lambda name, found: f"<!doctype html><p>{csv_text(found.table)}</p>\n")
    words = ("analyse", tmp_path / "m.lpm", "--simulate", "--replicates", "1", "--out", folder)
    command(*words, "--seed", "1")
    (folder / "notes.txt").write_text("mine")
    old = everything(folder)
    shutil.copytree(folder, kept)
    command(*words, "--seed", "2")
    new = everything(folder)
    assert old["mean_field.csv"] != new["mean_field.csv"]

    def prepare() -> None:
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)

    def look() -> None:
        settle_if_free(folder, simulated.ANALYSIS)  # as whoever opens it next does
        there = {name: data for name, data in everything(folder).items() if name in old}
        assert there in (old, new) and is_whole(folder, "analysis.json")

    assert at_every_write(is_end, prepare, lambda: command(*words, "--seed", "2"), look, (LpmError,)) > 8
    assert everything(folder) == new
