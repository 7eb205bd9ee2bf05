"""``lpmc``: the command line.

Exit codes: 0 done, 1 errors or a failed run, 2 wrong usage, 3 not converged, 4 stopped for want of answers,
130 interrupted.
"""

# Only what every command needs is imported at the top: numpy, the compiler and the report take their time to load, and
# `lpmc check` in an editor must answer at once.
from __future__ import annotations

import atexit
import gc
import io
import sys
import traceback
from typing import Annotated, NoReturn

import typer

from lpmdsl import __version__
from lpmdsl.cli import asking, editors, fits, runs, texts, watching
from lpmdsl.cli.words import say
from lpmdsl.diagnostics import LpmError
from lpmdsl.terminal import err, out
from lpmdsl.writing import private

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


SELDOM = 100_000
"""More objects made than given up before garbage is looked for; Python's own number is 700."""
_WrongUsage: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs ``lpmc``; a user's mistake is reported as a diagnostic, ours in one line (with ``--debug``: the trace)."""
    _collect_seldom()
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    try:
        # Not alone (`standalone_mode`): its own words about wrong usage quote what was typed, so they are printed here.
        sys.exit(app([word for word in given if word != "--debug"], prog_name="lpmc", standalone_mode=False) or 0)
    except LpmError as error:
        say(error.report, sys.stderr)
    except _WrongUsage as error:
        told = io.StringIO()
        error.show(file=told)  # type: ignore[attr-defined]
        err(told.getvalue().rstrip("\n"))
        sys.exit(error.exit_code)  # type: ignore[attr-defined]
    except typer.Abort:
        err("Aborted!")
    except MemoryError:
        err("error[E0899] this computer has too little memory for this run")
    except Exception as error:  # whatever it is, the user has not made a mistake and needs no trace
        if debug:
            err(traceback.format_exc())
        told = f"{type(error).__name__}: {error}".splitlines()[0]
        err(f"error[E0899] internal error, please report it with `lpmc --debug`: {told}")
    finally:
        say(private.take_told(), sys.stderr)
    sys.exit(1)


def _collect_seldom() -> None:
    """Make the search for garbage rare: a command makes much while it loads that stays until it ends.

    It was a fifth of the time of a check, half of it at the very end, when all that is left goes away with the process.
    """
    gc.set_threshold(SELDOM, *gc.get_threshold()[1:])
    atexit.unregister(_leave)
    atexit.register(_leave)


def _leave() -> None:
    """Let what is left go without a last search; but Triton's bindings print all that they have not seen collected."""
    if "triton" not in sys.modules:
        gc.freeze()


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
