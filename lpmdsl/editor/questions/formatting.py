"""A text in the one way to write it."""

from __future__ import annotations

from lpmdsl.diagnostics import Report
from lpmdsl.editor.known.analysis import Analysis
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse


def formatted(analysis: Analysis) -> str | None:
    """The text as ``lpmc fmt`` writes it, None where it cannot be read or is so already."""
    report = Report()
    module = parse(analysis.source, report)
    if report.has_errors or analysis.refused:
        return None
    text = format_module(module)
    return None if text == analysis.source.text else text
