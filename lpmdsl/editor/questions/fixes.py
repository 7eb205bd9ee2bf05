"""Edits that answer the findings at a place of a text."""

from __future__ import annotations

from collections.abc import Iterator

from lpmdsl.diagnostics import Diagnostic, Fix
from lpmdsl.editor.known.analysis import Analysis


def fixes(analysis: Analysis, start: int, end: int) -> Iterator[tuple[Diagnostic, Fix]]:
    """The edits of every finding that touches the characters from ``start`` to ``end``; of this text alone."""
    for d in analysis.diagnostics:
        if _is_here(d.span.source.path, analysis) and d.span.start <= end and start <= d.span.end:
            yield from ((d, fix) for fix in d.fixes if _is_here(fix.span.source.path, analysis))


def _is_here(path: object, analysis: Analysis) -> bool:
    return path == analysis.source.path
