"""The order in which a mistake is looked for."""

from __future__ import annotations

from lpmdsl.diagnostics import Report
from lpmdsl.syntax.mistakes.expected import shape_of_line, what_comes
from lpmdsl.syntax.mistakes.lines import action, change_by, clause, conditional, not_yet, prompt, row
from lpmdsl.syntax.mistakes.stop import Stop
from lpmdsl.syntax.mistakes.values import (
    bare_time,
    character,
    comparison,
    date,
    million,
    per,
    reserved,
    thousands,
    type_name,
    unit,
)


def explain(stop: Stop, report: Report) -> None:
    """Report the one mistake at which a declaration stopped making sense."""
    for attempt in (
        conditional,
        change_by,
        not_yet,
        date,
        prompt,
        action,
        row,
        reserved,
        thousands,
        million,
        bare_time,
        unit,
        character,
        comparison,
        type_name,
        per,
        clause,
    ):
        answer = attempt(stop)
        if answer:
            code, message, help, *fixes = answer
            report.add(code, message, stop.span, help, fixes=fixes)
            return
    report.add("E0101", what_comes(stop), stop.span, shape_of_line(stop))
