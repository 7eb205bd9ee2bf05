"""``lpmc``: the command line.

Exit codes: 0 done, 1 errors or a failed run, 2 wrong usage, 3 not converged, 4 stopped for want of answers,
130 interrupted.
"""

# Only what every command needs is imported at the top: numpy, numba, pandas and the report take seconds to load, and
# `lpmc check` in an editor must answer at once.
from __future__ import annotations

import re
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from lpmdsl import __version__
from lpmdsl.codes import CODES
from lpmdsl.diagnostics import Diagnostic, LpmError, Report, did_you_mean, fail, render_json, render_text
from lpmdsl.source import Source, Span, data_dir

if TYPE_CHECKING:
    from lpmdsl.config import Calibration, LlmOptions, RunOptions
    from lpmdsl.runtime.api import LoadedModel
    from lpmdsl.runtime.results import Results
    from lpmdsl.semantics.model import Model

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
    help="Check, run and compare large population models written in .lpm files.",
)  # fmt: skip


class Format(StrEnum):
    text = "text"
    json = "json"


class Form(StrEnum):
    text = "text"
    json = "json"
    latex = "latex"
    html = "html"


class Backend(StrEnum):
    auto = "auto"
    cpu = "cpu"
    gpu = "gpu"
    reference = "reference"


class Mode(StrEnum):
    live = "live"
    record = "record"
    replay = "replay"


class Target(StrEnum):
    cpu = "cpu"
    triton = "triton"
    ir = "ir"
    adjoint = "adjoint"
    json = "json"


File = Annotated[Path, typer.Argument(metavar="FILE", help="A model, such as town_flu.lpm.")]
Files = Annotated[list[Path], typer.Argument(metavar="FILE…", help="Models or libraries.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same run.")]
Replicates = Annotated[int, typer.Option(min=1, help="How often, each with its own luck.")]
Repeats = Annotated[int | None, typer.Option(min=1, help="How often (as `repeat` says).")]
Scenarios = Annotated[list[str], typer.Option(metavar="NAME", help="A scenario, or baseline; may be repeated.")]
Setting = Annotated[list[str], typer.Option("--set", metavar='NAME="VALUE UNIT"', help="Another value of a parameter.")]
Agents = Annotated[list[str], typer.Option(metavar="KIND=N", help="Another number of agents of a kind.")]
BackendOption = Annotated[Backend, typer.Option(help="What runs the model; all give the same counts.")]
Steps = Annotated[int | None, typer.Option(min=1, help="Fewer or more steps than the clock says.")]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Where results go (runs/MODEL-SEED).")]
Threads = Annotated[int | None, typer.Option(min=1, help="Processor threads to use (all).")]
Redraw = Annotated[bool, typer.Option("--redraw-people", help="New people, places and ties for every replicate.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar and no table.")]
Llm = Annotated[Mode | None, typer.Option("--llm", help="Who answers where behaviours ask: live, record, replay.")]
Url = Annotated[str, typer.Option("--llm-url", metavar="URL", help="An OpenAI-compatible server; it ends in /v1.")]
LlmModel = Annotated[str, typer.Option("--llm-model", metavar="NAME", help="Which of the server's models is asked.")]
LedgerFile = Annotated[Path | None, typer.Option("--ledger", metavar="FILE", help="Where answers are kept.")]
PriceFile = Annotated[Path | None, typer.Option("--prices", metavar="FILE", help="Prices of tokens, TOML or JSON.")]
MaxCalls = Annotated[int | None, typer.Option("--max-calls", min=0, help="Calls that may be sent.")]
MaxCost = Annotated[float | None, typer.Option("--max-cost", min=0, help="Money that may be spent, by --prices.")]
Remote = Annotated[bool, typer.Option("--allow-remote", help="Prompts may leave this computer.")]
LlmLog = Annotated[Path | None, typer.Option("--llm-log", metavar="FILE", help="Write requests and replies in full.")]
DEFAULT_URL = "http://127.0.0.1:8080/v1"
Profile = Annotated[bool, typer.Option("--profile", help="Also tell where the time goes, line by line.")]


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs ``lpmc``; a user's mistake is told as a diagnostic, ours in one line (with ``--debug``: the trace)."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    try:
        app([word for word in given if word != "--debug"], prog_name="lpmc")
    except LpmError as error:
        _say(error.report, sys.stderr)
    except MemoryError:
        print("error[E0899] this computer has too little memory for this run", file=sys.stderr)
    except Exception as error:  # whatever it is, the user has not made a mistake and needs no trace
        if debug:
            traceback.print_exc()
        told = f"{type(error).__name__}: {error}".splitlines()[0]
        print(f"error[E0899] internal error, please report it with `lpmc --debug`: {told}", file=sys.stderr)
    sys.exit(1)


def _version(asked: bool) -> None:
    if asked:
        print(f"lpmc {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the trace of an internal error.")] = False,
) -> None:
    """Options that stand before a command; ``main`` reads ``--debug`` itself, wherever it stands."""


# ------------------------------------------------------------------ texts


@app.command()
def new(file: File) -> None:
    """Write a commented model to start from."""
    from lpmdsl.starter import starter_text

    target = file if file.suffix else file.with_suffix(".lpm")
    place = Span(Source(str(target), ""), 0, 0)
    try:
        with target.open("x", encoding="utf-8", newline="\n") as out:
            out.write(starter_text(target.stem))
    except FileExistsError as error:
        raise fail("E0826", "This file exists already and is left as it is.", place, "Give another name.") from error
    except OSError as error:
        raise fail("E0808", f"The file cannot be written: {error.strerror}.", place, "Give another place.") from error
    print(f"wrote {target}\nnext: lpmc run {target}")


@app.command()
def check(
    files: Files, format: Annotated[Format, typer.Option(help="text, or one JSON object a line.")] = Format.text
) -> None:
    """Check models without running them."""
    failed = False
    for file in files:
        report = _checked(file)
        failed = failed or report.has_errors
        if format is Format.json:
            _print_lines([render_json(d) for d in report.sorted()])
        else:
            _print_lines([*(render_text(d) + "\n" for d in report.sorted()), f"{file}: {_tally(report)}"])
    raise typer.Exit(1 if failed else 0)


def _checked(file: Path) -> Report:
    from lpmdsl.compiler import check_source
    from lpmdsl.syntax.parse import read_source

    report = Report()
    source = read_source(file, report)
    checked = check_source(source, report) if source is not None else None
    if checked is not None:
        _check_r0(checked[0], {}, report)
    return report


def _check_r0(model: Model, settings: dict[str, str], report: Report) -> None:
    """Works out what is promised of R0, if anything is."""
    from lpmdsl.semantics.model import CheckQuantity

    if not any(isinstance(c, CheckQuantity) and c.quantity == "R0" for c in model.checks):
        return
    from lpmdsl.insight.promised import check_r0
    from lpmdsl.runtime.settings import values_with

    check_r0(model, values_with(model, dict(settings)), report)


def _tally(report: Report) -> str:
    """``no errors``, ``2 errors, 1 warning``"""
    counts = [(sum(d.severity == s for d in report.diagnostics), s) for s in ("error", "warning", "note")]
    told = [f"{n} {s}{'s' if n > 1 else ''}" for n, s in counts if n]
    return ", ".join(told if counts[0][0] else ["no errors", *told])


@app.command()
def fmt(
    files: Files,
    check: Annotated[bool, typer.Option("--check", help="Only say which files would change.")] = False,
    stdout: Annotated[bool, typer.Option("--stdout", help="Print the text and leave the file as it is.")] = False,
) -> None:
    """Write models in the one way to write them."""
    changed = failed = False
    for file in files:
        report = Report()
        texts = _formatted(file, report)
        _say(report, sys.stderr)
        failed = failed or texts is None
        if texts is None:
            continue
        before, after = texts
        changed = changed or before != after
        if stdout:
            print(after, end="")
        elif check and before != after:
            print(f"would reformat {file}")
        elif before != after:
            _overwrite(file, after)
            print(f"reformatted {file}")
    raise typer.Exit(1 if failed or (check and changed) else 0)


def _formatted(file: Path, report: Report) -> tuple[str, str] | None:
    """The text as it is and as it should be, or None where it cannot be read as a model."""
    from lpmdsl.syntax.format import format_module
    from lpmdsl.syntax.parse import parse, read_source

    source = read_source(file, report)
    module = parse(source, report) if source is not None else None
    if source is None or module is None or report.has_errors:
        return None
    return source.text, format_module(module)


def _overwrite(file: Path, text: str) -> None:
    """Writes beside the file and renames, so that a full disk loses no model."""
    try:
        beside = file.with_name(f".{file.name}.part")
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(file)
    except OSError as error:
        raise fail(
            "E0808", f"The file cannot be written: {error.strerror}.", Span(Source(str(file), ""), 0, 0)
        ) from error


@app.command()
def explain(code: Annotated[str, typer.Argument(metavar="CODE", help="A diagnostic's code, such as E0301.")]) -> None:
    """Print the page of a diagnostic code."""
    from rich.console import Console
    from rich.markdown import Markdown

    wanted = code.strip().upper()
    if wanted not in CODES:
        place = Span(Source("explain", code), 0, len(code))
        raise fail("E0825", f"No diagnostic has the code `{code}`.{did_you_mean(wanted, CODES)}", place)
    page = _error_pages() / f"{wanted}.md"
    text = page.read_text(encoding="utf-8") if page.is_file() else f"# {wanted}: {CODES[wanted]}\n"
    # The site's marks on a block ({.lpm .bad}) mean nothing on a terminal, which cannot colour it either.
    Console().print(Markdown(re.sub(r"^```\{?\.?(lpm|shell|csv)\b.*$", "```text", text, flags=re.MULTILINE)))


def _error_pages() -> Path:
    """``errors`` inside an installed wheel, ``docs/errors`` beside the package."""
    inside = data_dir("errors")
    return inside if inside.is_dir() else data_dir("docs") / "errors"


@app.command()
def emit(
    file: File,
    target: Annotated[
        Target,
        typer.Option(help="cpu, triton: source; ir: the program; adjoint: that of gradients; json: the model."),
    ],
) -> None:
    """Print what the compiler makes of a model."""
    from lpmdsl.compiler import adjoint_text, compile_model
    from lpmdsl.interchange import to_json
    from lpmdsl.runtime.api import load

    loaded = load(file)
    match target:
        case Target.adjoint:
            print(adjoint_text(loaded.model))
        case Target.json:
            print(to_json(loaded.model))
        case Target.cpu | Target.triton | Target.ir:
            print(compile_model(loaded.model, loaded.facts).emit(target.value))


@app.command()
def analyse(
    file: File,
    format: Annotated[Form, typer.Option(help="text, json, latex (the equations) or html (a page).")] = Form.text,
    simulate: Annotated[bool, typer.Option("--simulate", help="Draw equations beside agents instead.")] = False,
    replicates: Annotated[int, typer.Option(min=1, help="Of the agents, with --simulate.")] = 20,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="For --simulate (runs/MODEL-analysis).")] = None,
    set: Setting = [], agents: Agents = [], seed: Seed = 1,  # noqa: B006 - typer copies the default
) -> None:  # fmt: skip
    """Print the equations of a model, its reproduction numbers and thresholds. Exit code 1 if a promise is broken."""
    settings, counts = _pairs("--set", set), _numbers(_pairs("--agents", agents))
    loaded = _load(file)
    if simulate:
        _simulate_equations(loaded, settings, counts, replicates, seed, out)
        return
    from lpmdsl.insight.document import document
    from lpmdsl.insight.summary import analysis, as_json, as_latex, as_text
    from lpmdsl.runtime.settings import values_with

    values = values_with(loaded.model, settings)
    found = analysis(loaded.model, values, seed)
    match format:
        case Form.text:
            _print_lines(as_text(found))
        case Form.json:
            print(as_json(found))
        case Form.latex:
            print(as_latex(found))
        case Form.html:
            print(document(loaded.model, loaded.source, found, values), end="")
    if not all(statement.holds for statement in found.statements):
        raise typer.Exit(1)


def _simulate_equations(
    loaded: LoadedModel, settings: dict[str, str], counts: dict[str, int], replicates: int, seed: int, out: Path | None
) -> None:
    """Writes ``analysis.html`` and ``mean_field.csv``, and prints how far equations and agents are apart."""
    from lpmdsl.config import RunOptions
    from lpmdsl.insight.simulated import compared, lines, page

    folder = out or Path("runs") / f"{loaded.model.name}-analysis"
    options = RunOptions(seed=seed, replicates=replicates, settings=dict(settings), agents=counts)
    found = compared(loaded, options)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        place = Span(Source(str(folder), ""), 0, 0)
        raise fail("E0808", f"The folder cannot be made: {error.strerror}.", place) from error
    _overwrite(folder / "mean_field.csv", found.table.to_csv(index=False, lineterminator="\n"))
    _overwrite(folder / "analysis.html", page(loaded.model.name, found))
    _print_lines([*lines(found), f"page: {folder / 'analysis.html'}"])


@app.command()
def doc(
    file: File,
    out: Annotated[Path | None, typer.Option("--out", help="The page; MODEL.html if left out.")] = None,
    set: Setting = [],  # noqa: B006 - typer copies the default
) -> None:
    """Write one page about a model: overview, states, parameters, equations, R0, what is known, the text."""
    settings = _pairs("--set", set)
    loaded = _load(file)
    from lpmdsl.insight.document import document
    from lpmdsl.insight.summary import analysis
    from lpmdsl.runtime.settings import values_with

    values = values_with(loaded.model, settings)
    page = document(loaded.model, loaded.source, analysis(loaded.model, values), values)
    path = out or Path(f"{loaded.model.name}.html")
    _overwrite(path, page)
    _print_lines([f"{path}: {len(page) // 1024} KiB"])


# ------------------------------------------------------------------ runs


@app.command()
def run(
    file: File, seed: Seed = 1, replicates: Replicates = 1,
    scenario: Scenarios = [], set: Setting = [], agents: Agents = [],  # noqa: B006 - typer copies the default
    backend: BackendOption = Backend.auto, steps: Steps = None, out: Out = None, threads: Threads = None,
    redraw_people: Redraw = False, quiet: Quiet = False, profile: Profile = False,
    llm: Llm = None, llm_url: Url = DEFAULT_URL, llm_model: LlmModel = "", ledger: LedgerFile = None,
    prices: PriceFile = None, max_calls: MaxCalls = None, max_cost: MaxCost = None,
    allow_remote: Remote = False, llm_log: LlmLog = None,
) -> None:  # fmt: skip
    """Run a model and write its results and a report."""
    settings, counts = _pairs("--set", set), _numbers(_pairs("--agents", agents))
    asked = _asked(llm, llm_url, llm_model, ledger, prices, max_calls, max_cost, allow_remote, llm_log)
    loaded = _load(file)
    _promised(loaded, settings)
    from lpmdsl.config import BASELINE, RunOptions

    options = RunOptions(
        seed=seed, replicates=replicates, scenarios=tuple(scenario) or (BASELINE,), settings=dict(settings),
        agents=counts, backend=backend.value, steps=steps, threads=threads, redraw_people=redraw_people,
        llm=asked,
    )  # fmt: skip
    if profile:
        _print_profile(loaded, options)
    _execute(loaded, options, out or Path("runs") / f"{loaded.model.name}-{seed}", quiet, is_comparison=False)


@app.command()
def compare(
    file: File, seed: Seed = 1, replicates: Repeats = None,
    set: Setting = [], agents: Agents = [],  # noqa: B006 - typer copies the default
    backend: BackendOption = Backend.auto, steps: Steps = None, out: Out = None, threads: Threads = None,
    redraw_people: Redraw = False, quiet: Quiet = False,
    llm: Llm = None, llm_url: Url = DEFAULT_URL, llm_model: LlmModel = "", ledger: LedgerFile = None,
    prices: PriceFile = None, max_calls: MaxCalls = None, max_cost: MaxCost = None,
    allow_remote: Remote = False, llm_log: LlmLog = None,
) -> None:  # fmt: skip
    """Compare the model's scenarios with their baseline, with the same luck."""
    settings, counts = _pairs("--set", set), _numbers(_pairs("--agents", agents))
    asked = _asked(llm, llm_url, llm_model, ledger, prices, max_calls, max_cost, allow_remote, llm_log)
    loaded = _load(file)
    from lpmdsl.config import RunOptions
    from lpmdsl.runtime.api import comparison_size

    scenarios, repeat = comparison_size(loaded.model)
    options = RunOptions(
        seed=seed, replicates=replicates or repeat, scenarios=scenarios, settings=dict(settings),
        agents=counts, backend=backend.value, steps=steps, threads=threads, redraw_people=redraw_people,
        llm=asked,
    )  # fmt: skip
    _execute(loaded, options, out or Path("runs") / f"{loaded.model.name}-{seed}-compare", quiet, is_comparison=True)


@app.command()
def sensitivity(
    file: File,
    of: Annotated[str, typer.Option("--of", metavar='"total of OBSERVATION"', help="The number that is looked at.")],
    wrt: Annotated[str | None, typer.Option(metavar="A,B", help="Parameters (all that the number reads).")] = None,
    estimator: Annotated[str, typer.Option(help="auto, differences, spread, score, relaxation, surrogate.")] = "auto",
    replicates: Annotated[int, typer.Option(min=2, help="How often, each with its own luck.")] = 100,
    seed: Seed = 1, set: Setting = [], agents: Agents = [],  # noqa: B006 - typer copies the default
    steps: Steps = None, threads: Threads = None, redraw_people: Redraw = False,
    format: Annotated[Format, typer.Option(help="text, or one JSON object a line.")] = Format.text,
    plot: Annotated[Path | None, typer.Option(help="Also write a page with the elasticities here.")] = None,
) -> None:  # fmt: skip
    """Tell how one number of a run hangs on every parameter, with intervals and certificates."""
    settings, counts = _pairs("--set", set), _numbers(_pairs("--agents", agents))
    loaded = _load(file)
    from lpmdsl.config import RunOptions
    from lpmdsl.runtime.api import repeats_of
    from lpmdsl.runtime.progress import print_sensitivities
    from lpmdsl.runtime.sensitivity import plot as page, sensitivities

    options = RunOptions(
        seed=seed, replicates=replicates, settings=dict(settings), agents=counts, steps=steps, threads=threads,
        redraw_people=redraw_people,
    )  # fmt: skip
    repeats = repeats_of(loaded, of, options, needs_number=True)
    found = sensitivities(repeats, [n.strip() for n in wrt.split(",")] if wrt else None, estimator)
    if format is Format.json:
        _print_lines([one.as_json() for one in found])
    else:
        print_sensitivities(found, loaded.model, of)
    if plot is not None:
        _overwrite(plot, page(found, repeats.quantity))


@app.command()
def calibrate(
    file: File,
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="The folder of the data (the model's).")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="For the results (runs/MODEL-calibration).")] = None,
    method: Annotated[
        str | None, typer.Option(help="sampling, gradient, neural posterior or search (as the model says).")
    ] = None,
    seed: Seed = 1,
    chains: Annotated[int, typer.Option(min=2, max=64, help="Chains, or starts, each with its own luck.")] = 4,
    draws: Annotated[int, typer.Option(min=10, help="Draws that each chain keeps.")] = 2000,
    warmup: Annotated[int | None, typer.Option(min=10, help="Draws before these (half as many).")] = None,
    replicates: Annotated[int | None, typer.Option(min=2, help="For one likelihood (as many as it needs).")] = None,
    set: Setting = [], agents: Agents = [],  # noqa: B006 - typer copies the default
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what --out has.")] = False,
    threads: Threads = None, redraw_people: Redraw = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Fit a model to data as its `calibrate` says. Exit code 3 if it did not converge."""
    settings, counts = _pairs("--set", set), _numbers(_pairs("--agents", agents))
    loaded = _load(file)
    from lpmdsl.config import CalibrationOptions
    from lpmdsl.runtime.calibration.run import calibrate as fit, known_method
    from lpmdsl.runtime.progress import calibration_bar
    from lpmdsl.runtime.simulate import ctrl_c_stops

    options = CalibrationOptions(
        method=known_method(method) if method is not None else None, seed=seed, chains=chains, draws=draws,
        warmup=warmup, replicates=replicates, settings=dict(settings), agents=counts, threads=threads,
        redraw_people=redraw_people,
    )  # fmt: skip
    folder = out or Path("runs") / f"{loaded.model.name}-calibration"
    with ctrl_c_stops() as stop, calibration_bar(stop) as tell:
        result = fit(loaded.model, loaded.facts, loaded.source, options, data, folder, resume, tell)
    _print_calibration(result.record, folder, quiet)


def _print_calibration(record: Calibration, folder: Path, quiet: bool) -> None:
    """The table and the verdict; exits 130 when stopped, 3 where the calibration did not converge."""
    from lpmdsl.runtime.outputs import REPORT_NAME
    from lpmdsl.runtime.progress import print_calibration

    if not quiet:
        print_calibration(record)
    print(f"report: {folder / REPORT_NAME}\n{record.runs:,} replicates in {record.seconds:.1f} seconds")
    for note in record.notes:
        print(f"note: {note}")
    if record.converged:
        print("converged")
        return
    print("NOT CONVERGED: these numbers are not to be relied on", file=sys.stderr)
    for reason in record.reasons:
        print(f"  {reason}", file=sys.stderr)
    raise typer.Exit(130 if record.stopped else 3)


def _load(file: Path) -> LoadedModel:
    from lpmdsl.runtime.api import load

    loaded = load(file)
    _say(loaded.report, sys.stderr)
    return loaded


def _promised(loaded: LoadedModel, settings: dict[str, str]) -> None:
    """A promised R0 that does not hold ends the command; with values set by hand it is only told."""
    report = Report()
    _check_r0(loaded.model, settings, report)
    if report.has_errors and not settings:
        raise LpmError(report)
    _say(report, sys.stderr)


def _asked(
    mode: Mode | None, url: str, model: str, ledger: Path | None, prices: Path | None, max_calls: int | None,
    max_cost: float | None, allow_remote: bool, log: Path | None,
) -> LlmOptions | None:  # fmt: skip
    """Who is asked; None where nothing was said of it. A ledger alone is replayed."""
    from lpmdsl.config import LlmOptions

    if mode is None and ledger is None:
        if model or prices or max_calls is not None or max_cost is not None or allow_remote or log:
            raise typer.BadParameter("say live, record or replay", param_hint="--llm")
        return None
    return LlmOptions(
        mode=(mode or Mode.replay).value, url=url, model=model, ledger=ledger, prices=prices, max_calls=max_calls,
        max_cost=max_cost, allow_remote=allow_remote, log=log,
    )  # fmt: skip


def _execute(loaded: LoadedModel, options: RunOptions, out: Path, quiet: bool, is_comparison: bool) -> None:
    """Runs, prints the table and where the report is; exits 130 when interrupted, 4 without answers, 1 for errors."""
    from lpmdsl.runtime.api import execute
    from lpmdsl.runtime.simulate import ctrl_c_stops

    with ctrl_c_stops() as stop:
        results = execute(loaded, options, out, show_progress=not quiet, stop=stop)
    _print_results(results, out, quiet, is_comparison)
    _say(results.report, sys.stderr)
    if not results.manifest.complete:
        print(f"stopped: {results.manifest.stopped.rstrip('.')}; what was finished is kept", file=sys.stderr)
        raise typer.Exit(4 if results.report.has_errors else 130)
    raise typer.Exit(1 if results.report.has_errors else 0)


def _print_profile(loaded: LoadedModel, options: RunOptions) -> None:
    """Where the time of the first replicate goes, before the run itself."""
    from lpmdsl.compiler import compile_model
    from lpmdsl.runtime.api import answers_for
    from lpmdsl.runtime.profile import first_request, profile
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
    from rich.console import Console

    from lpmdsl.runtime.outputs import REPORT_NAME
    from lpmdsl.runtime.progress import answer_lines, print_comparison, print_summary, timing_line

    console = Console()
    if not console.is_terminal:
        console = Console(width=140)  # a file or a pipe has no edge to wrap at
    if not quiet:
        (print_comparison if is_comparison else print_summary)(results, console)
    _print_lines(answer_lines(results.manifest))
    print(f"report: {out / REPORT_NAME}\n{timing_line(results.manifest)}")


# ------------------------------------------------------------------ language models


@app.command()
def cost(
    file: File,
    agents: Agents = [], set: Setting = [], scenario: Scenarios = [],  # noqa: B006 - typer copies the default
    replicates: Replicates = 1, seed: Seed = 1, steps: Steps = None,
    prices: PriceFile = None, llm_model: LlmModel = "",
    seconds: Annotated[float, typer.Option("--seconds-per-call", min=0, help="What one call takes.")] = 1.0,
    at_once: Annotated[int, typer.Option("--at-once", min=1, help="Calls under way at once.")] = 8,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count archetypes in a run where nobody answers.")] = False,
    format: Annotated[Format, typer.Option(help="text or json.")] = Format.text,
) -> None:  # fmt: skip
    """Tell what a run would ask a language model, before anything is asked: calls, tokens, money, time."""
    settings, counts = _pairs("--set", set), _numbers(_pairs("--agents", agents))
    loaded = _load(file)
    from lpmdsl.config import BASELINE, RunOptions
    from lpmdsl.runtime.behaviours.cost import cost_of, cost_text
    from lpmdsl.runtime.behaviours.prices import read_prices
    from lpmdsl.runtime.scenarios import plan

    options = RunOptions(
        seed=seed, replicates=replicates, scenarios=tuple(scenario) or (BASELINE,), settings=dict(settings),
        agents=counts, steps=steps,
    )  # fmt: skip
    facts = loaded.facts if dry_run else None
    found = cost_of(loaded.model, plan(loaded.model, options), seconds, at_once, facts)
    known = read_prices(prices) if prices is not None else None
    if format is Format.json:
        print(found.model_dump_json(indent=2))
    else:
        _print_lines(cost_text(found, known, llm_model, prices))


ledgers = typer.Typer(no_args_is_help=True, help="Look at recorded answers, and share them.")
app.add_typer(ledgers, name="ledger")
LinesOut = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where the lines go (to the terminal).")]
LedgerOut = Annotated[Path, typer.Option("--ledger", metavar="FILE", help="Where the answers go.")]
Recorded = Annotated[Path, typer.Argument(metavar="LEDGER", help="A ledger, such as ledger.sqlite.")]


@ledgers.command("show")
def ledger_show(ledger: Recorded) -> None:
    """How much is in a ledger, and whose answers they are. No prompt and no reply is printed."""
    from lpmdsl.runtime.behaviours.opening import open_existing

    opened = open_existing(ledger)
    facts = [f"{name}: {value:,}" for name, value in opened.summary().items()]
    note = opened.note()
    _print_lines([*facts, f"models: {', '.join(opened.models())}", *([f"note: {note}"] if note else [])])
    opened.close()


@ledgers.command("export")
def ledger_export(
    ledger: Recorded,
    out: LinesOut = None,
    note: Annotated[str, typer.Option(help="What is to be said of these answers.")] = "",
) -> None:
    """Write a ledger as lines of text, to be kept beside a model: MODEL.ledger.jsonl."""
    from lpmdsl.runtime.behaviours.jsonl import export_lines
    from lpmdsl.runtime.behaviours.opening import open_existing

    opened = open_existing(ledger)
    lines = list(export_lines(opened, note))
    opened.close()
    if out is None:
        _print_lines(lines)
    else:
        _overwrite(out, "\n".join(lines) + "\n")
        print(f"{out}: {len(lines) - 1:,} requests")


@ledgers.command("import")
def ledger_import(
    lines: Annotated[Path, typer.Argument(metavar="LINES", help="What `export` wrote.")],
    ledger: LedgerOut = Path("ledger.sqlite"),
) -> None:
    """Read lines of text into a ledger; what is there already stays."""
    from lpmdsl.runtime.behaviours.jsonl import import_lines
    from lpmdsl.runtime.behaviours.ledger import open_ledger

    opened = open_ledger(ledger)
    read = import_lines(opened, lines)
    opened.close()
    print(f"{ledger}: {read:,} requests read")


# ------------------------------------------------------------------ words and lines


def _pairs(option: str, words: list[str]) -> dict[str, str]:
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


def _numbers(pairs: dict[str, str]) -> dict[str, int]:
    """Whole numbers, also written ``1_000_000``."""
    try:
        return {name: int(value) for name, value in pairs.items()}
    except ValueError as error:
        raise typer.BadParameter(
            "the number of agents is a whole number, such as 1_000_000", param_hint="--agents"
        ) from error


def _say(report: Report, stream: object) -> None:
    for diagnostic in report.sorted():
        print(_text(diagnostic), file=stream)  # type: ignore[arg-type]


def _text(diagnostic: Diagnostic) -> str:
    return render_text(diagnostic) + "\n"


def _print_lines(lines: list[str]) -> None:
    for line in lines:
        print(line)


if __name__ == "__main__":
    main()
