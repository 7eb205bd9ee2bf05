"""Studies of a model: fits, scenarios, comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from lpmdsl.syntax import tree as t
from lpmdsl.syntax.formatting.actions import change_text
from lpmdsl.syntax.formatting.expressions import distribution, names
from lpmdsl.syntax.formatting.lines import Line, join, line_at, quoted


def calibrate(node: t.Calibrate) -> list[Line]:
    """Lines of a fit to data."""
    made = [line_at(fit.span, _fit(fit)) for fit in node.fits]
    if node.estimate:
        span = node.estimate[0].span.to((node.method or node.estimate[-1]).span)
        by = node.method and f"by {node.method.id.replace('_', ' ')}"
        made.append(line_at(span, join("estimate", names(node.estimate), by)))
    if node.hold_out is not None:
        made.append(line_at(node.hold_out.span, f"hold out the last {node.hold_out.text}"))
    return made


def _fit(fit: t.Fit) -> str:
    by = f"by {names(fit.by)}" if fit.by else ""
    return join(
        "fit",
        fit.observation.id,
        "to",
        quoted(fit.file),
        "column",
        fit.column.id,
        by,
        "with",
        distribution(fit.likelihood),
    )


def scenario(node: t.Scenario) -> list[Line]:
    """Lines of a scenario."""
    return [
        *_rows("without", node.without),
        *_rows("with", node.include),
        *(line_at(change.span, change_text(change)) for change in node.changes),
    ]


def _rows(word: str, them: Sequence[t.Name]) -> Iterable[Line]:
    """One line for each row of the original: the tree holds the names of several rows as one list."""
    for _, group in groupby(them, key=lambda name: name.span.line):
        row = list(group)
        yield line_at(row[0].span.to(row[-1].span), f"{word} {names(row)}")


def _summary(report: t.Summary) -> str:
    if report.observation is None:
        return report.function
    by = f" by {' and '.join(name.id for name in report.by)}" if report.by else ""
    return f"{report.function} of {report.observation.id}{by}"


def compare(node: t.Compare) -> list[Line]:
    """Lines of a comparison."""
    made = [] if node.repeat is None else [line_at(node.repeat.span, f"repeat {node.repeat.text} times")]
    if node.reports:
        text = ", ".join(_summary(report) for report in node.reports)
        made.append(line_at(node.reports[0].span.to(node.reports[-1].span), f"report {text}"))
    return made
