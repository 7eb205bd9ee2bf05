"""Parts that the commands share: words of the command line read, lines printed, files loaded and written."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lpmdsl.diagnostics import Report, fail, render_text
from lpmdsl.terminal import err, out
from lpmdsl.writing.plain import place_of, require_other, require_plain, write_whole
from lpmdsl.writing.seals import is_unchanged_page, marked

if TYPE_CHECKING:
    from lpmdsl.runtime.api import LoadedModel


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


def listed(text: str) -> list[str]:
    """Names with commas between; those in brackets, as in ``care[2, Bronx]``, part none."""
    return [name.strip() for name in re.split(r",(?![^\[]*\])", text)]


def numbers(pairs: dict[str, str]) -> dict[str, int]:
    """Whole numbers, also written ``1_000_000``."""
    try:
        return {name: int(value) for name, value in pairs.items()}
    except ValueError as error:
        raise typer.BadParameter(
            "the number of agents is a whole number, such as 1_000_000", param_hint="--agents"
        ) from error


def say(report: Report, stream: object) -> None:
    """Tell what a report holds, on the error stream or on the output stream."""
    (err if stream is sys.stderr else out)(*(render_text(diagnostic) + "\n" for diagnostic in report.sorted()))


def print_lines(lines: list[str]) -> None:
    """Print lines of words on the output stream."""
    out(*lines)


def warn(line: str) -> None:
    """One line on the error stream."""
    err(line)


def require_ours(file: Path, loaded: LoadedModel, force: bool) -> None:
    """Raises ``LpmError`` where a page would replace what we did not write: E0865, or the model itself: E0867.

    With ``force`` the first is only reported.
    """
    require_other(file, [loaded.source.path])
    if not require_plain(file) or is_unchanged_page(file):
        return
    if not force:
        raise fail("E0865", "lpmc did not write this file as it is, and it would be replaced.", place_of(file),
                   "Give another name, or replace it with --force.")  # fmt: skip
    warn(f"--force: {file} is replaced, and lpmc did not write it as it is")


def overwrite_page(file: Path, page: str, loaded: LoadedModel, force: bool) -> None:
    """Writes a page that says of itself that it is ours. Raises ``LpmError``: see ``require_ours``; E0808."""
    require_ours(file, loaded, force)
    write_whole(file, marked(page), help="Give another name.")


def load_told(file: Path, allow_files: bool = False) -> LoadedModel:
    """The checked model, which may read any file if allowed; what is to be known of it goes to the error stream."""
    from lpmdsl.runtime.api import load

    loaded = load(file, allow_files)
    say(loaded.report, sys.stderr)
    return loaded
