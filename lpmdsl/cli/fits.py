"""Commands about parameters: sensitivity, calibrate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lpmdsl.cli.checking import tell_long_steps
from lpmdsl.cli.options import Agents, AllowFiles, File, Force, Format, Quiet, Redraw, Seed, Setting, Steps, Threads
from lpmdsl.cli.words import (
    listed,
    load_told,
    numbers,
    overwrite_page,
    pairs,
    print_lines,
    require_ours,
    say,
    warn,
)
from lpmdsl.diagnostics import Report
from lpmdsl.terminal import err, text_out

if TYPE_CHECKING:
    from lpmdsl.config import Calibration
    from lpmdsl.runtime.api import LoadedModel


def sensitivity(
    file: File,
    of: Annotated[str, typer.Option("--of", metavar='"total of OBSERVATION"', help="The number that is looked at.")],
    wrt: Annotated[str | None, typer.Option(metavar="A,B", help="Parameters (all that the number reads).")] = None,
    estimator: Annotated[str, typer.Option(help="auto, differences, spread, score, relaxation, surrogate.")] = "auto",
    replicates: Annotated[int, typer.Option(min=2, max=2**32 - 2, help="How often, each with its own draws.")] = 100,
    seed: Seed = 1, set: Setting = [], agents: Agents = [],  # noqa: B006 - typer copies the default
    steps: Steps = None, threads: Threads = None, redraw_people: Redraw = False,
    format: Annotated[Format, typer.Option(help="text, or one JSON object a line.")] = Format.text,
    plot: Annotated[Path | None, typer.Option(help="Also write a page with the elasticities here.")] = None,
    force: Force = False, allow_files: AllowFiles = False,
) -> None:  # fmt: skip
    """Print the sensitivity of one output to each parameter, with intervals and certificates."""
    settings, counts = pairs("--set", set), numbers(pairs("--agents", agents))
    loaded = load_told(file, allow_files)
    if plot is not None:
        require_ours(plot, loaded, force)
    from lpmdsl.config import RunOptions
    from lpmdsl.runtime.api import repeats_of
    from lpmdsl.runtime.gradients.sensitivity import plot as page, sensitivities
    from lpmdsl.runtime.progress import print_sensitivities

    options = RunOptions(
        seed=seed, replicates=replicates, settings=dict(settings), agents=counts, steps=steps, threads=threads,
        redraw_people=redraw_people,
    )  # fmt: skip
    repeats = repeats_of(loaded, of, options, needs_number=True)
    found = sensitivities(repeats, listed(wrt) if wrt else None, estimator)
    if format is Format.json:
        text_out("".join(f"{one.as_json()}\n" for one in found))
    else:
        print_sensitivities(found, loaded.model, of)
    if plot is not None:
        overwrite_page(plot, page(found, repeats.quantity), loaded, force)


def calibrate(
    file: File,
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="The folder of the data (the model's).")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="For the results (runs/MODEL-calibration).")] = None,
    method: Annotated[
        str | None, typer.Option(help="sampling, gradient, neural posterior or search (as the model says).")
    ] = None,
    seed: Seed = 1,
    chains: Annotated[int, typer.Option(min=2, max=64, help="Chains, or starts, each with its own draws.")] = 4,
    draws: Annotated[int, typer.Option(min=10, max=100_000_000, help="Draws that each chain keeps.")] = 2000,
    warmup: Annotated[
        int | None, typer.Option(min=10, max=100_000_000, help="Draws before these (half as many).")
    ] = None,
    replicates: Annotated[
        int | None, typer.Option(min=2, max=100_000_000, help="For one likelihood (as many as it needs).")
    ] = None,
    set: Setting = [], agents: Agents = [],  # noqa: B006 - typer copies the default
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what --out has.")] = False,
    threads: Threads = None, redraw_people: Redraw = False, quiet: Quiet = False, force: Force = False,
    allow_files: AllowFiles = False,
    r0: Annotated[bool, typer.Option("--r0/--no-r0", help="Tell R0 over the posterior.")] = True,
) -> None:  # fmt: skip
    """Fit a model to data as its `calibrate` says. Exit code 3 if it did not converge."""
    settings, counts = pairs("--set", set), numbers(pairs("--agents", agents))
    from lpmdsl.extras import require_for_calibration

    require_for_calibration(method or "")
    loaded = load_told(file, allow_files)
    _tell_steps(loaded, settings)
    from lpmdsl.config import CalibrationOptions
    from lpmdsl.runtime.calibration.run import calibrate as fit, known_method
    from lpmdsl.runtime.engine.simulate import ctrl_c_stops
    from lpmdsl.runtime.progress import calibration_bar

    options = CalibrationOptions(
        method=known_method(method) if method is not None else None, seed=seed, chains=chains, draws=draws,
        warmup=warmup, replicates=replicates, settings=dict(settings), agents=counts, threads=threads,
        redraw_people=redraw_people, r0=r0,
    )  # fmt: skip
    folder = out or Path("runs") / f"{loaded.model.name}-calibration"
    with ctrl_c_stops() as stop, calibration_bar(stop, is_shown=not quiet) as tell:
        result = fit(loaded.model, loaded.facts, loaded.source, options, data, folder, resume, tell, force, warn)
    _print_calibration(result.record, result.folder or folder, quiet)


def _tell_steps(loaded: LoadedModel, settings: dict[str, str]) -> None:
    """Report, before a fit, the growth that long steps lose and the fit makes up for."""
    report = Report()
    tell_long_steps(loaded.model, settings, report)
    say(report, sys.stderr)


def _print_calibration(record: Calibration, folder: Path, quiet: bool) -> None:
    """The table and the verdict; exits 130 when stopped, 3 where the calibration did not converge."""
    from lpmdsl.runtime.outputs import REPORT_NAME
    from lpmdsl.runtime.progress import print_calibration

    if not quiet:
        print_calibration(record)
    print_lines([f"report: {folder / REPORT_NAME}", f"{record.runs:,} replicates in {record.seconds:.1f} seconds"])
    print_lines([f"note: {note}" for note in record.notes])
    if record.converged:
        print_lines(["converged"])
        return
    err("NOT CONVERGED: these numbers are not to be relied on", *(f"  {reason}" for reason in record.reasons))
    raise typer.Exit(130 if record.stopped else 3)
