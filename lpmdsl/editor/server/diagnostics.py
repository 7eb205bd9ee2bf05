"""Diagnostics of a text as the protocol has them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from lsprotocol import types

from lpmdsl.diagnostics import Diagnostic, Label, Report
from lpmdsl.editor.server.places import Places
from lpmdsl.editor.workspace import Workspace
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


def published(models: Workspace, path: Path) -> Published | None:
    """The findings of all passes, None for a text that is gone."""
    found = models.analysis(path)
    return Published(found.diagnostics) if found is not None else None


def with_promises(models: Workspace, path: Path) -> Published | None:
    """The same with what is promised of R0 worked out, None where nothing is."""
    found = models.analysis(path)
    model = found.model if found is not None else None
    if found is None or model is None:
        return None
    report = Report()
    check_promises(model, report)
    return Published((*found.diagnostics, *report.sorted())) if report.diagnostics else None


def check_promises(model: Model, report: Report) -> None:
    """Works out what is promised of R0, if anything is."""
    if any(getattr(c, "quantity", "") == "R0" for c in model.checks):
        from lpmdsl.semantics.host.evaluate import parameter_values
        from lpmdsl.theory.promised import check_r0

        check_r0(model, parameter_values(model), report)


def _told(d: Diagnostic, places: Places, path: Path) -> types.Diagnostic:
    here = _seen_from(d, path)
    related = [
        types.DiagnosticRelatedInformation(location, label.text)
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
