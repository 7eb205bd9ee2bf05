"""Commands about the text of a model: new, check, fmt, explain, emit, analyse, doc."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lpmdsl.cli.checking import Print, found_in, in_json, in_words, tally
from lpmdsl.cli.options import (
    Agents,
    AllowFiles,
    File,
    Files,
    Force,
    Form,
    Format,
    Seed,
    Setting,
    StepErrorOption,
    Target,
)
from lpmdsl.cli.words import (
    load_told,
    numbers,
    overwrite_page,
    pairs,
    print_lines,
    require_ours,
    say,
    warn,
)
from lpmdsl.codes import CODES
from lpmdsl.diagnostics import LpmError, Report, did_you_mean, fail
from lpmdsl.source import Source, Span, data_dir
from lpmdsl.terminal import console, row, show, table, text_out
from lpmdsl.writing.plain import create, place_of, require_unread, unwritten, write_whole

if TYPE_CHECKING:
    from lpmdsl.insight.summary import Analysis
    from lpmdsl.runtime.api import LoadedModel
    from lpmdsl.runtime.step_error import StepError


def new(file: File) -> None:
    """Write a commented model to start from."""
    from lpmdsl.starter import starter_text

    target = file if file.suffix else file.with_suffix(".lpm")
    try:
        create(target, starter_text(target.stem))
    except FileExistsError as error:
        raise fail("E0826", "This file exists already and is left as it is.", place_of(target),
                   "Give another name.") from error  # fmt: skip
    except OSError as error:
        raise unwritten(target, error, "Give another place.") from error
    print_lines([f"wrote {target}", f"next: lpmc run {target}"])


def check(
    files: Files,
    format: Annotated[Format, typer.Option(help="text, or one JSON object a line.")] = Format.text,
    allow_files: AllowFiles = False,
    step_error: StepErrorOption = False,
    seconds: Annotated[
        float, typer.Option(min=0.1, help="That both runs of --step-error may take together, but for three of each.")
    ] = 20.0,
) -> None:
    """Check models without running them; with --step-error also what the length of their steps does."""
    tell = in_json if format is Format.json else in_words
    failed = False
    for file in files:
        report = found_in(file, allow_files, tell)
        found = _step_error(file, allow_files, seconds, report, tell) if step_error and not report.has_errors else None
        failed = failed or report.has_errors
        if format is Format.text:
            print_lines([f"{file}: {tally(report)}"])
        if found is not None:
            _print_step_error(file, found, format)
    raise typer.Exit(1 if failed else 0)


def _step_error(file: Path, allow_files: bool, seconds: float, report: Report, tell: Print) -> StepError | None:
    """Runs the model at its step and at half of it; None where it cannot, which is reported and told."""
    from lpmdsl.runtime.api import load
    from lpmdsl.runtime.step_error import step_error, tell_step_error

    more, found = Report(), None
    try:
        loaded = load(file, allow_files)
        found = step_error(loaded, seconds)
        tell_step_error(loaded, found, more)
    except LpmError as error:
        more = error.report
    tell(more.sorted())
    report.diagnostics.extend(more.diagnostics)
    return found


def _print_step_error(file: Path, found: StepError, format: Format) -> None:
    from lpmdsl.runtime.step_error import as_json, as_rows, in_short

    if format is Format.json:
        text_out(as_json(str(file), found) + "\n")
        return
    numbers = ("at the step", "at half of it", "difference", "in spreads")
    shown = table(("observation", "number", *numbers, "unit"), numbers)
    for cells in as_rows(found):
        row(shown, *cells)
    print_lines(["", in_short(found)])
    show(shown)
    print_lines(["in spreads: in units of the standard deviation between replicates"])


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
        say(report, sys.stderr)
        failed = failed or texts is None
        if texts is None:
            continue
        before, after = texts
        changed = changed or before != after
        if stdout:
            text_out(after)
        elif check and before != after:
            print_lines([f"would reformat {file}"])
        elif before != after:
            require_unread(file, before)
            write_whole(file, after, help="The file is as it was.")
            print_lines([f"reformatted {file}"])
    raise typer.Exit(1 if failed or (check and changed) else 0)


def _formatted(file: Path, report: Report) -> tuple[str, str] | None:
    """The text as it is and as it should be, or None where it cannot be read as a model."""
    from lpmdsl.syntax.formatting.text import format_module
    from lpmdsl.syntax.parse import parse, read_source

    source = read_source(file, report)
    module = parse(source, report) if source is not None else None
    if source is None or module is None or report.has_errors:
        return None
    return source.text, format_module(module)


def explain(code: Annotated[str, typer.Argument(metavar="CODE", help="A diagnostic's code, such as E0301.")]) -> None:
    """Print the page of a diagnostic code."""
    from rich.markdown import Markdown

    wanted = code.strip().upper()
    if wanted not in CODES:
        place = Span(Source("explain", code), 0, len(code))
        raise fail("E0825", f"No diagnostic has the code `{code}`.{did_you_mean(wanted, CODES)}", place)
    page = _error_pages() / f"{wanted}.md"
    text = page.read_text(encoding="utf-8") if page.is_file() else f"# {wanted}: {CODES[wanted]}\n"
    # The site's marks on a block ({.lpm .bad}) mean nothing on a terminal, which cannot colour it either.
    console().print(Markdown(re.sub(r"^```\{?\.?(lpm|shell|csv)\b.*$", "```text", text, flags=re.MULTILINE)))


def _error_pages() -> Path:
    """``errors`` inside an installed wheel, ``docs/errors`` beside the package."""
    inside = data_dir("errors")
    return inside if inside.is_dir() else data_dir("docs") / "errors"


def emit(
    file: File,
    target: Annotated[
        Target,
        typer.Option(help="cpu, triton: source; llvm: the CPU's; ir: program; adjoint: of gradients; json: the model."),
    ],
    allow_files: AllowFiles = False,
) -> None:
    """Print what the compiler makes of a model."""
    from lpmdsl.compiler import adjoint_text, compile_model
    from lpmdsl.interchange import to_json
    from lpmdsl.runtime.api import load

    loaded = load(file, allow_files)
    match target:
        case Target.adjoint:
            text_out(adjoint_text(loaded.model) + "\n")
        case Target.json:
            text_out(to_json(loaded.model) + "\n")
        case Target.cpu | Target.llvm | Target.triton | Target.ir:
            text_out(compile_model(loaded.model, loaded.facts).emit(target.value) + "\n")


def analyse(
    file: File,
    format: Annotated[Form, typer.Option(help="text, json, latex (the equations) or html (a page).")] = Form.text,
    simulate: Annotated[bool, typer.Option("--simulate", help="Draw equations beside agents instead.")] = False,
    replicates: Annotated[int, typer.Option(min=1, max=2**32 - 2, help="Of the agents, with --simulate.")] = 20,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="For --simulate (runs/MODEL-analysis).")] = None,
    set: Setting = [], agents: Agents = [], seed: Seed = 1,  # noqa: B006 - typer copies the default
    force: Force = False, allow_files: AllowFiles = False,
) -> None:  # fmt: skip
    """Print the equations of a model, its reproduction numbers and thresholds. Exit code 1 if a promise is broken."""
    settings, counts = pairs("--set", set), numbers(pairs("--agents", agents))
    loaded = load_told(file, allow_files)
    if simulate:
        _simulate_equations(loaded, settings, counts, replicates, seed, out, force)
        return
    from lpmdsl.insight.document import document
    from lpmdsl.insight.summary import analysis, as_json, as_latex, as_text
    from lpmdsl.runtime.settings import values_with

    values = values_with(loaded.model, settings)
    found = analysis(loaded.model, values, seed)
    _tell_steps(loaded, found)
    match format:
        case Form.text:
            print_lines(as_text(found))
        case Form.json:
            text_out(as_json(found) + "\n")
        case Form.latex:
            text_out(as_latex(found) + "\n")
        case Form.html:
            text_out(document(loaded.model, loaded.source, found, values))
    if not all(statement.holds for statement in found.statements):
        raise typer.Exit(1)


def _tell_steps(loaded: LoadedModel, found: Analysis) -> None:
    """Steps that are long for an outbreak, on the error stream: every form of the analysis has the numbers."""
    from lpmdsl.theory.promised import tell_steps

    report = Report()
    for one in found.conditions:
        if one.reproduction is not None:
            tell_steps(loaded.model, one.reproduction, report)
    say(report, sys.stderr)


def _simulate_equations(
    loaded: LoadedModel, settings: dict[str, str], counts: dict[str, int], replicates: int, seed: int,
    out: Path | None, force: bool,
) -> None:  # fmt: skip
    """Writes ``analysis.html`` and ``mean_field.csv``, and prints how far equations and agents are apart."""
    from lpmdsl.config import RunOptions
    from lpmdsl.insight.simulated import ANALYSIS, analysis_record, compared, lines, page
    from lpmdsl.runtime.results import csv_text
    from lpmdsl.writing.folders import open_folder

    folder = out or Path("runs") / f"{loaded.model.name}-analysis"
    options = RunOptions(seed=seed, replicates=replicates, settings=dict(settings), agents=counts)
    with open_folder(folder, ANALYSIS, force, warn) as into:
        found = compared(loaded, options)
        into.begin(analysis_record(loaded, options, {}))
        into.put("mean_field.csv", csv_text(found.table))
        into.put("analysis.html", page(loaded.model.name, found))
        into.finish(analysis_record(loaded, options, into.digests()), is_whole=True)
    print_lines([*lines(found), f"page: {folder / 'analysis.html'}"])


def doc(
    file: File,
    out: Annotated[Path | None, typer.Option("--out", help="The page; MODEL.html if left out.")] = None,
    set: Setting = [],  # noqa: B006 - typer copies the default
    force: Force = False,
    allow_files: AllowFiles = False,
) -> None:
    """Write one page about a model: overview, states, parameters, equations, R0, what is known, the text."""
    settings = pairs("--set", set)
    loaded = load_told(file, allow_files)
    path = out or Path(f"{loaded.model.name}.html")
    require_ours(path, loaded, force)
    from lpmdsl.insight.document import document
    from lpmdsl.insight.summary import analysis
    from lpmdsl.runtime.settings import values_with

    values = values_with(loaded.model, settings)
    page = document(loaded.model, loaded.source, analysis(loaded.model, values), values)
    overwrite_page(path, page, loaded, force)
    print_lines([f"{path}: {len(page) // 1024} KiB"])
