"""The check of files, without the reader of a command line; what is dear to work out comes after what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lpmdsl.diagnostics import Diagnostic, Report, render_json, render_text
from lpmdsl.terminal import nobody_reads, out, text_out

if TYPE_CHECKING:
    from lpmdsl.semantics.model import Model

Print = Callable[[Iterable[Diagnostic]], None]


def check_files(words: list[str]) -> int:
    """Check the files, and print in words what was found; the exit code. Ctrl-C and a reader that has gone end it."""
    try:
        reports = [check_in_words(Path(word)) for word in words]
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        nobody_reads()
        return 1
    return 1 if any(report.has_errors for report in reports) else 0


def check_in_words(file: Path, allow_files: bool = False) -> Report:
    """Check a file, and print what was found and how much it is."""
    report = found_in(file, allow_files, in_words)
    out(f"{file}: {tally(report)}")
    return report


def found_in(file: Path, allow_files: bool, tell: Print = lambda found: None) -> Report:
    """Everything that is found in a file; ``tell`` is called as it is known, and what a promise of R0 costs time for is
    worked out after that."""
    from lpmdsl.semantics.passes import check_source
    from lpmdsl.syntax.parse import read_source

    report = Report()
    source = read_source(file, report, allow_files=allow_files)
    checked = check_source(source, report) if source is not None else None
    tell(report.sorted())
    if checked is not None:
        promised = Report()
        check_promises(checked[0], {}, promised)
        tell(promised.sorted())
        report.diagnostics.extend(promised.diagnostics)
    return report


def in_words(found: Iterable[Diagnostic]) -> None:
    """Print findings for people."""
    out(*(render_text(diagnostic) + "\n" for diagnostic in found))


def in_json(found: Iterable[Diagnostic]) -> None:
    """Print findings for programs, one JSON object a line."""
    text_out("".join(f"{render_json(diagnostic)}\n" for diagnostic in found))


def tally(report: Report) -> str:
    """``no errors``, ``2 errors, 1 warning``"""
    counts = [(sum(d.severity == s for d in report.diagnostics), s) for s in ("error", "warning", "note")]
    told = [f"{n} {s}{'s' if n > 1 else ''}" for n, s in counts if n]
    return ", ".join(told if counts[0][0] else ["no errors", *told])


def tell_long_steps(model: Model, settings: dict[str, str], report: Report) -> None:
    """Tells whether the steps of the clock are long for an outbreak, also where no R0 is promised."""
    from lpmdsl.runtime.settings import values_with
    from lpmdsl.theory.promised import check_steps

    check_steps(model, values_with(model, dict(settings)), report)


def check_promises(model: Model, settings: dict[str, str], report: Report) -> None:
    """Works out what is promised of R0, if anything is."""
    from lpmdsl.semantics.model import CheckQuantity

    if not any(isinstance(c, CheckQuantity) and c.quantity == "R0" for c in model.checks):
        return
    from lpmdsl.runtime.settings import values_with
    from lpmdsl.theory.promised import check_r0

    check_r0(model, values_with(model, dict(settings)), report)
