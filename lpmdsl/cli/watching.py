"""The command that goes on: watch."""

from __future__ import annotations

import os
import sys
import traceback
import webbrowser
from pathlib import Path
from time import strftime
from typing import TYPE_CHECKING, Annotated

import typer

from lpmdsl.cli.checking import check_promises, tally, tell_long_steps
from lpmdsl.cli.options import (
    Agents,
    AllowFiles,
    Backend,
    BackendOption,
    File,
    Force,
    Redraw,
    Replicates,
    Scenarios,
    Seed,
    Setting,
    Steps,
    Threads,
)
from lpmdsl.cli.words import numbers, pairs, print_lines, warn
from lpmdsl.diagnostics import LpmError, Report, render_text

if TYPE_CHECKING:
    from lpmdsl.config import RunOptions
    from lpmdsl.runtime.api import LoadedModel
    from lpmdsl.runtime.engine.simulate import Stop
    from lpmdsl.runtime.results import Results
    from lpmdsl.watching.loop import Rounds

WatchOut = Annotated[Path | None, typer.Option(metavar="DIR", help="Also write results and report here (nowhere).")]
Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="Open the report in the browser.")]


def watch(
    file: File, seed: Seed = 1, replicates: Replicates = 1,
    scenario: Scenarios = [], set: Setting = [], agents: Agents = [],  # noqa: B006 - typer copies the default
    backend: BackendOption = Backend.auto, steps: Steps = None, out: WatchOut = None, threads: Threads = None,
    redraw_people: Redraw = False, browser: Browser = True, force: Force = False, allow_files: AllowFiles = False,
) -> None:  # fmt: skip
    """Check and run a model again on every save, with its report on a page that renews itself. Ctrl-C ends it."""
    settings, counts = pairs("--set", set), numbers(pairs("--agents", agents))
    from lpmdsl.config import BASELINE, RunOptions
    from lpmdsl.watching.board import Board
    from lpmdsl.watching.files import Watched
    from lpmdsl.watching.loop import Watch
    from lpmdsl.watching.server import PageServer

    options = RunOptions(
        seed=seed, replicates=replicates, scenarios=tuple(scenario) or (BASELINE,), settings=dict(settings),
        agents=counts, backend=backend.value, steps=steps, threads=threads, redraw_people=redraw_people,
    )  # fmt: skip
    board = Board()
    server = PageServer(board)
    server.start()
    print_lines([f"page: {server.address}", "Ctrl-C ends it."])
    if browser:
        webbrowser.open(server.address)
    has_ended = Watch(
        Watched(file), _rounds(file, options, settings, out, force, allow_files), board
    ).until_interrupted()
    if not has_ended:  # deep in a compilation: nothing of it is lost that would be needed, and every line is flushed
        os._exit(0)


def _rounds(
    file: Path, options: RunOptions, settings: dict[str, str], out: Path | None, force: bool, allow_files: bool
) -> Rounds:
    from lpmdsl.runtime.api import execute
    from lpmdsl.watching.loop import Rounds

    def run(loaded: LoadedModel, stop: Stop) -> Results:
        return execute(loaded, options, out, show_progress=True, stop=stop, force=force, say=warn)

    def checked(report: Report) -> None:
        print_lines([*(render_text(d) + "\n" for d in report.sorted()), f"{file}: {tally(report)}"])

    return Rounds(lambda: _loaded(file, settings, allow_files), run, checked, _print, _failed)


def _loaded(file: Path, settings: dict[str, str], allow_files: bool) -> LoadedModel:
    """The checked model; a broken promise of R0 is an error, unless values are set by hand."""
    from lpmdsl.runtime.api import load

    print_lines(["", f"{strftime('%H:%M:%S')} {file}"])
    loaded = load(file, allow_files)
    check_promises(loaded.model, settings, loaded.report)
    if loaded.report.has_errors and not settings:
        raise LpmError(loaded.report)
    tell_long_steps(loaded.model, settings, loaded.report)
    return loaded


def _print(results: Results) -> None:
    from lpmdsl.runtime.progress import print_summary, timing_line

    print_summary(results)
    print_lines([render_text(d) + "\n" for d in results.report.sorted()])
    print_lines([timing_line(results.manifest)])


def _failed(error: Exception) -> str:
    told = f"{type(error).__name__}: {error}".splitlines()[0]
    line = f"error[E0899] internal error, please report it with `lpmc --debug`: {told}"
    warn(traceback.format_exc() + line if "--debug" in sys.argv else line)
    return line
