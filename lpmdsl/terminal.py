"""Print on a terminal: the only place that does. Whatever a stranger's text holds, it comes out as letters.

Nothing in it moves the cursor, sets a colour, writes to the clipboard, turns the reading direction round or is taken
for markup; a terminal that knows ASCII alone shows other letters as ``\\xe9``.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TextIO

from lpmdsl.escaping import plain, plain_lines, terminal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn
    from rich.table import Table
    from rich.text import Text

WIDE = 140
"""Columns of a table in a file or a pipe, which has no edge to wrap at."""


def out(*lines: str) -> None:
    """Print lines of words on the output stream."""
    _write(sys.stdout, "".join(f"{terminal(line)}\n" for line in lines))


def err(*lines: str) -> None:
    """Print lines of words on the error stream."""
    _write(sys.stderr, "".join(f"{terminal(line)}\n" for line in lines))


def text_out(text: str) -> None:
    """Print what another program may read on the output stream: source, JSON, LaTeX, HTML; tabs stay."""
    _write(sys.stdout, plain_lines(text))


def _write(stream: TextIO, text: str) -> None:
    ready(stream)
    stream.write(text)
    stream.flush()


def nobody_reads() -> None:
    """Let go what is left for an output stream whose reader has gone: Python empties it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def ready(stream: TextIO) -> TextIO:
    """The stream, which from now on spells the letters that its encoding lacks."""
    if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
        stream.reconfigure(errors="backslashreplace")
    return stream


# ------------------------------------------------------------------ tables and bars


def console(stderr: bool = False) -> Console:
    """A console of rich that takes no text for markup, an emoji or something to colour."""
    from rich.console import Console

    ready(sys.stderr if stderr else sys.stdout)
    made = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    return made if made.is_terminal else Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=WIDE)


def words(text: str) -> Text:
    """One line of rich that is what it says."""
    from rich.text import Text

    return Text(plain(text))


def table(columns: Iterable[str], right: Iterable[str] = (), title: str = "", lined: bool = False) -> Table:
    """An empty table with headings, those of numbers flush right; ``row`` fills it."""
    from rich import box
    from rich.table import Table

    look = {} if lined else {"box": None, "pad_edge": False, "header_style": "bold"}
    made = Table(title=words(title) if title else None, title_justify="left", **{"box": box.HEAVY_HEAD, **look})
    for name in columns:
        made.add_column(words(name), justify="right" if name in right else "left")
    return made


def row(table: Table, *cells: str) -> None:
    """Add a row of texts."""
    table.add_row(*(words(cell) for cell in cells))


def show(table: Table) -> None:
    """Print a table on the output stream."""
    console().print(table)


def bar(*columns: ProgressColumn | str | Callable[[], str], is_shown: bool = True) -> Progress:
    """A bar on the error stream; nothing is drawn where that is not a terminal, or where none is wanted.

    A column is one of rich's, the name of a field of the task that holds words, or a function that returns them.
    """
    from rich.progress import Progress

    screen = console(stderr=True)
    return Progress(
        *map(_column, columns), console=screen, transient=True, disable=not (is_shown and screen.is_terminal)
    )


def _column(column: ProgressColumn | str | Callable[[], str]) -> ProgressColumn:
    from rich.progress import ProgressColumn, Task

    if isinstance(column, ProgressColumn):
        return column

    class Words(ProgressColumn):
        """A word or two beside the bar."""

        def render(self, task: Task) -> Text:
            if callable(column):
                return words(column())
            return words(task.description if column == "description" else str(task.fields.get(column, column)))

    return Words()
