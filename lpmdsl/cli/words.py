"""What the commands share: words of the command line read, lines printed, files loaded and written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lpmdsl.diagnostics import Report, fail, render_text
from lpmdsl.source import Source, Span

if TYPE_CHECKING:
    from lpmdsl.runtime.api import LoadedModel
    from lpmdsl.semantics.model import Model


def pairs(option: str, words: list[str]) -> dict[str, str]:
    """``NAME=VALUE`` words as a dictionary; anything else is wrong usage (exit 2)."""
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise typer.BadParameter(f"`{word}` is not NAME=VALUE", param_hint=option)
        if name.strip() in pairs:
            raise typer.BadParameter(f"`{name.strip()}` is given twice", param_hint=option)
        pairs[name.strip()] = value.strip()
    return pairs


def numbers(pairs: dict[str, str]) -> dict[str, int]:
    """Whole numbers, also written ``1_000_000``."""
    try:
        return {name: int(value) for name, value in pairs.items()}
    except ValueError as error:
        raise typer.BadParameter(
            "the number of agents is a whole number, such as 1_000_000", param_hint="--agents"
        ) from error


def say(report: Report, stream: object) -> None:
    for diagnostic in report.sorted():
        print(render_text(diagnostic) + "\n", file=stream)  # type: ignore[arg-type]


def print_lines(lines: list[str]) -> None:
    for line in lines:
        print(line)


def overwrite(file: Path, text: str) -> None:
    """Writes beside the file and renames, so that a full disk loses no model."""
    try:
        beside = file.with_name(f".{file.name}.part")
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(file)
    except OSError as error:
        raise fail(
            "E0808", f"The file cannot be written: {error.strerror}.", Span(Source(str(file), ""), 0, 0)
        ) from error


def load_told(file: Path, allow_files: bool = False) -> LoadedModel:
    """The checked model, which may read any file if told so; what is to be known of it goes to the error stream."""
    from lpmdsl.runtime.api import load

    loaded = load(file, allow_files)
    say(loaded.report, sys.stderr)
    return loaded


def check_promises(model: Model, settings: dict[str, str], report: Report) -> None:
    """Works out what is promised of R0, if anything is."""
    from lpmdsl.semantics.model import CheckQuantity

    if not any(isinstance(c, CheckQuantity) and c.quantity == "R0" for c in model.checks):
        return
    from lpmdsl.runtime.settings import values_with
    from lpmdsl.theory.promised import check_r0

    check_r0(model, values_with(model, dict(settings)), report)
