"""``lpmc``: the command line.

Exit codes: 0 done, 1 errors or a failed run, 2 wrong usage, 3 not converged, 4 stopped for want of answers,
130 interrupted.
"""

# Only what every command needs is imported at the top: the reader of a command line, numpy, the compiler and the report
# take their time to load, and `lpmc check` in an editor must answer at once.
from __future__ import annotations

import atexit
import gc
import sys
from typing import NoReturn

from lpmdsl.diagnostics import LpmError, render_text
from lpmdsl.terminal import err
from lpmdsl.writing import private

SELDOM = 100_000
"""More objects made than given up before garbage is looked for; Python's own number is 700."""


def __getattr__(name: str) -> object:
    """All commands (``app``): imported when first asked for, because a plain check does without."""
    if name == "app":
        from lpmdsl.cli.commands import app

        return app
    raise AttributeError(f"module 'lpmdsl.cli' has no attribute {name!r}")


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs ``lpmc``; a user's mistake is reported as a diagnostic, ours in one line (with ``--debug``: the trace)."""
    _collect_seldom()
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    try:
        sys.exit(_obey([word for word in given if word != "--debug"]))
    except LpmError as error:
        err(*(render_text(diagnostic) + "\n" for diagnostic in error.report.sorted()))
    except MemoryError:
        err("error[E0899] this computer has too little memory for this run")
    except Exception as error:  # whatever it is, the user has not made a mistake and needs no trace
        _tell_internal(error, debug)
    finally:
        err(*(render_text(diagnostic) + "\n" for diagnostic in private.take_told().sorted()))
    sys.exit(1)


def _obey(words: list[str]) -> int:
    """The exit code of a command. A check of files without a word more, as an editor asks for it, is read here."""
    plain = words[0] == "check" and len(words) > 1 and not any(w.startswith("-") for w in words) if words else False
    if not plain:
        from lpmdsl.cli.commands import obey

        return obey(words)
    from lpmdsl.cli.checking import check_files

    return check_files(words[1:])


def _tell_internal(error: Exception, debug: bool) -> None:
    if debug:
        import traceback

        err(traceback.format_exc())
    told = f"{type(error).__name__}: {error}".splitlines()[0]
    err(f"error[E0899] internal error, please report it with `lpmc --debug`: {told}")


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
