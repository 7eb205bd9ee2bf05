"""Commands that run a model: run, compare."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lpmdsl.cli.checking import check_promises, tell_long_steps
from lpmdsl.cli.options import (
    DEFAULT_URL,
    Agents,
    AllowFiles,
    Backend,
    BackendOption,
    File,
    Force,
    LedgerFile,
    Llm,
    LlmLog,
    LlmModel,
    MaxCalls,
    MaxCost,
    Mode,
    Out,
    PriceFile,
    Profile,
    Quiet,
    Redraw,
    Remote,
    Repeats,
    Replicates,
    Scenarios,
    Seed,
    Setting,
    Steps,
    Threads,
    Url,
)
from lpmdsl.cli.words import load_told, numbers, pairs, print_lines, say, warn
from lpmdsl.diagnostics import LpmError, Report

if TYPE_CHECKING:
    from lpmdsl.config import LlmOptions, RunOptions
    from lpmdsl.runtime.api import LoadedModel
    from lpmdsl.runtime.results import Results


def run(
    file: File, seed: Seed = 1, replicates: Replicates = 1,
    scenario: Scenarios = [], set: Setting = [], agents: Agents = [],  # noqa: B006 - typer copies the default
    backend: BackendOption = Backend.auto, steps: Steps = None, out: Out = None, threads: Threads = None,
    redraw_people: Redraw = False, quiet: Quiet = False, profile: Profile = False,
    llm: Llm = None, llm_url: Url = DEFAULT_URL, llm_model: LlmModel = "", ledger: LedgerFile = None,
    prices: PriceFile = None, max_calls: MaxCalls = None, max_cost: MaxCost = None,
    allow_remote: Remote = False, llm_log: LlmLog = None, force: Force = False, allow_files: AllowFiles = False,
) -> None:  # fmt: skip
    """Run a model and write its results and a report."""
    settings, counts = pairs("--set", set), numbers(pairs("--agents", agents))
    asked = _asked(llm, llm_url, llm_model, ledger, prices, max_calls, max_cost, allow_remote, llm_log)
    loaded = load_told(file, allow_files)
    _promised(loaded, settings)
    from lpmdsl.config import BASELINE, RunOptions

    options = RunOptions(
        seed=seed, replicates=replicates, scenarios=tuple(scenario) or (BASELINE,), settings=dict(settings),
        agents=counts, backend=backend.value, steps=steps, threads=threads, redraw_people=redraw_people,
        llm=asked,
    )  # fmt: skip
    if profile:
        _print_profile(loaded, options)
    folder = out or Path("runs") / f"{loaded.model.name}-{seed}"
    _execute(loaded, options, folder, quiet, force, is_comparison=False)


def compare(
    file: File, seed: Seed = 1, replicates: Repeats = None,
    set: Setting = [], agents: Agents = [],  # noqa: B006 - typer copies the default
    backend: BackendOption = Backend.auto, steps: Steps = None, out: Out = None, threads: Threads = None,
    redraw_people: Redraw = False, quiet: Quiet = False,
    llm: Llm = None, llm_url: Url = DEFAULT_URL, llm_model: LlmModel = "", ledger: LedgerFile = None,
    prices: PriceFile = None, max_calls: MaxCalls = None, max_cost: MaxCost = None,
    allow_remote: Remote = False, llm_log: LlmLog = None, force: Force = False, allow_files: AllowFiles = False,
) -> None:  # fmt: skip
    """Compare the model's scenarios with their baseline, on common random numbers."""
    settings, counts = pairs("--set", set), numbers(pairs("--agents", agents))
    asked = _asked(llm, llm_url, llm_model, ledger, prices, max_calls, max_cost, allow_remote, llm_log)
    loaded = load_told(file, allow_files)
    from lpmdsl.config import RunOptions
    from lpmdsl.runtime.api import comparison_size

    scenarios, repeat = comparison_size(loaded.model)
    options = RunOptions(
        seed=seed, replicates=replicates or repeat, scenarios=scenarios, settings=dict(settings),
        agents=counts, backend=backend.value, steps=steps, threads=threads, redraw_people=redraw_people,
        llm=asked,
    )  # fmt: skip
    folder = out or Path("runs") / f"{loaded.model.name}-{seed}-compare"
    _execute(loaded, options, folder, quiet, force, is_comparison=True)


def _promised(loaded: LoadedModel, settings: dict[str, str]) -> None:
    """A promised R0 that does not hold ends the command; with values set by hand it is only reported."""
    report = Report()
    check_promises(loaded.model, settings, report)
    if report.has_errors and not settings:
        raise LpmError(report)
    tell_long_steps(loaded.model, settings, report)
    say(report, sys.stderr)


def _asked(
    mode: Mode | None, url: str, model: str, ledger: Path | None, prices: Path | None, max_calls: int | None,
    max_cost: float | None, allow_remote: bool, log: Path | None,
) -> LlmOptions | None:  # fmt: skip
    """Options of the language model that is asked; None where nothing was said of it. A ledger alone is replayed."""
    from lpmdsl.config import LlmOptions

    if mode is None and ledger is None:
        if model or prices or max_calls is not None or max_cost is not None or allow_remote or log:
            raise typer.BadParameter("say live, record or replay", param_hint="--llm")
        return None
    if mode not in (None, Mode.replay):
        from lpmdsl.runtime.behaviours.opening import require_client

        require_client(mode.value)
    return LlmOptions(
        mode=(mode or Mode.replay).value, url=url, model=model, ledger=ledger, prices=prices, max_calls=max_calls,
        max_cost=max_cost, allow_remote=allow_remote, log=log,
    )  # fmt: skip


def _execute(
    loaded: LoadedModel, options: RunOptions, out: Path, quiet: bool, force: bool, is_comparison: bool
) -> None:
    """Runs, prints the table and where the report is; exits 130 when interrupted, 4 without answers, 1 for errors."""
    from lpmdsl.runtime.api import execute
    from lpmdsl.runtime.engine.simulate import ctrl_c_stops

    with ctrl_c_stops() as stop:
        results = execute(loaded, options, out, show_progress=not quiet, stop=stop, force=force, say=warn)
    at = results.folder or out
    _print_results(results, at, quiet, is_comparison)
    say(results.report, sys.stderr)
    if not results.manifest.complete:
        where = "" if at == out else f" in {at}, beside the earlier run"
        warn(f"stopped: {results.manifest.stopped.rstrip('.')}; what was finished is kept{where}")
        raise typer.Exit(4 if results.report.has_errors else 130)
    raise typer.Exit(1 if results.report.has_errors else 0)


def _print_profile(loaded: LoadedModel, options: RunOptions) -> None:
    """Print where the time of the first replicate goes, before the run itself."""
    from lpmdsl.compiler import compile_model
    from lpmdsl.runtime.api import answers_for
    from lpmdsl.runtime.engine.profile import first_request, profile
    from lpmdsl.runtime.progress import print_profile
    from lpmdsl.runtime.scenarios import plan

    planned = plan(loaded.model, options)
    answers = answers_for(loaded, planned)
    try:
        request = first_request(loaded.model, planned, answers)
        print_profile(profile(compile_model(loaded.model, loaded.facts), request))
    finally:
        if answers is not None:
            answers.close()


def _print_results(results: Results, out: Path, quiet: bool, is_comparison: bool) -> None:
    from lpmdsl.runtime.endings import ending_lines
    from lpmdsl.runtime.outputs import REPORT_NAME
    from lpmdsl.runtime.progress import answer_lines, print_comparison, print_summary, timing_line

    if not quiet:
        (print_comparison if is_comparison else print_summary)(results)
    told = (f"report: {out / REPORT_NAME}", timing_line(results.manifest))
    print_lines([*answer_lines(results.manifest), *ending_lines(results.manifest), *told])
