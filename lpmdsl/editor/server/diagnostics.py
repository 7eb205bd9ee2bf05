"""Diagnostics of a text as the protocol has them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from lsprotocol import types

from lpmdsl.diagnostics import Diagnostic, Label, LpmError, Report
from lpmdsl.editor.known.analysis import Analysis
from lpmdsl.editor.server.places import Places
from lpmdsl.escaping import plain
from lpmdsl.semantics.model import Model

_SEVERITY = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Information,
}
PAGES = "https://lpmdsl.github.io/lpmdsl/errors"


@dataclass(frozen=True, slots=True)
class Published:
    """Findings told of one text: the same as ``lpmc check`` tells."""

    found: tuple[Diagnostic, ...]

    def in_protocol(self, places: Places, path: Path) -> list[types.Diagnostic]:
        """The findings; one in a used file stands at the ``use`` that leads there."""
        return [_told(d, places, path) for d in self.found]


def with_promises(found: Analysis, model: Model) -> Published | None:
    """The same with what is promised of R0 worked out, None where nothing more is to be told."""
    report = Report()
    check_promises(model, report)
    return Published((*found.diagnostics, *report.sorted())) if report.diagnostics else None


def reproduction_in_words(model: Model) -> dict[str, str]:
    """R0 and the time of doubling of every condition that is passed on, as far as they are known before a run.

    Nothing is worked out where people or ties come from files, which a run alone reads.
    """
    from lpmdsl.semantics.host.evaluate import parameter_values
    from lpmdsl.theory.reproduction import reproduction

    told: dict[str, str] = {}
    from_files = any(a.file for a in model.agents) or any(n.file for n in model.networks)
    for condition in () if from_files else model.conditions:
        if model.is_passed_on(condition.name):
            with suppress(ValueError, LpmError):
                found = reproduction(model, condition, parameter_values(model))
                doubles = f", doubles in {found.doubling:.3g} days" if found.doubling is not None else ""
                told[condition.name] = f"R0 = {found.told}{doubles}"
    return told


def check_promises(model: Model, report: Report) -> None:
    """Works out what is promised of R0, if anything is."""
    if any(getattr(c, "quantity", "") == "R0" for c in model.checks):
        from lpmdsl.semantics.host.evaluate import parameter_values
        from lpmdsl.theory.promised import check_r0

        check_r0(model, parameter_values(model), report)


def _told(d: Diagnostic, places: Places, path: Path) -> types.Diagnostic:
    here = _seen_from(d, path)
    related = [
        types.DiagnosticRelatedInformation(location, plain(label.text))
        for label in here.labels
        if (location := places.location(label.span)) is not None
    ]
    message = f"{d.message}\n{d.help}" if d.help else d.message
    return types.Diagnostic(
        range=places.range(here.span) if here.span.source.path == path else types.Range(*[types.Position(0, 0)] * 2),
        message=message,
        severity=_SEVERITY[d.severity],
        code=d.code,
        source="lpmc",
        related_information=related or None,
    )


def _seen_from(d: Diagnostic, path: Path) -> Diagnostic:
    """A finding in a used file, from the text that uses it: its first place there comes first."""
    if d.span.source.path == path or d.span.source.path is None:
        return d
    own = next((label for label in d.labels if label.span.source.path == path), None)
    if own is None:
        return replace(d, labels=(Label(d.span, d.message), *d.labels))
    others = tuple(label for label in d.labels if label is not own)
    return replace(d, span=own.span, labels=(Label(d.span, d.message), *others))
