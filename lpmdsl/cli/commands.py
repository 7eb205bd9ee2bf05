"""All commands of ``lpmc``, and the reader of the words that they are asked with."""

from __future__ import annotations

import io
from typing import Annotated

import typer

from lpmdsl import __version__
from lpmdsl.cli import asking, editors, fits, runs, texts, watching
from lpmdsl.terminal import err, out

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
    help="Check, run and compare large population models written in .lpm files.",
)  # fmt: skip
COMMANDS = (
    texts.new, texts.check, texts.fmt, texts.explain, texts.emit, texts.analyse, texts.doc,
    runs.run, runs.compare, watching.watch, fits.sensitivity, fits.calibrate, asking.cost, editors.lsp,
)  # fmt: skip
for command in COMMANDS:
    app.command()(command)
app.add_typer(asking.ledgers, name="ledger")

_WrongUsage: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


def obey(words: list[str]) -> int:
    """Do what the words say; the exit code. What a command raises goes on, but for wrong usage, which is told here."""
    try:
        # Not alone (`standalone_mode`): its own words about wrong usage quote what was typed, so they are printed here.
        return app(words, prog_name="lpmc", standalone_mode=False) or 0
    except _WrongUsage as error:
        told = io.StringIO()
        error.show(file=told)  # type: ignore[attr-defined]
        err(told.getvalue().rstrip("\n"))
        return error.exit_code  # type: ignore[attr-defined]
    except typer.Abort:
        err("Aborted!")
        return 1


def _version(asked: bool) -> None:
    if asked:
        out(f"lpmc {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the trace of an internal error.")] = False,
) -> None:
    """Options that stand before a command; ``main`` reads ``--debug`` itself, wherever it stands."""
