"""A checked model looked at anew with other values of its parameters: what the text would be refused for.

One check for every way of setting a value. The text is read again and its parameters are given the new values; whatever
the checker then reports is wrong with these values, since the model was right with its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from lpmdsl.diagnostics import Label, Report
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.vertices import constant
from lpmdsl.semantics.check import check
from lpmdsl.semantics.host.evaluate import Scope, evaluate, parameter_values
from lpmdsl.semantics.resolve.library import Library
from lpmdsl.semantics.resolve.names import Names, resolve
from lpmdsl.syntax.parse import parse


def refuse(
    checked: m.Model, values: Mapping[str, float], labels: Iterable[Label], report: Report, names: Names | None = None
) -> None:
    """Report the errors that the model has with these values (base units) in place of its own, each with ``labels``.

    ``names``: those of its text, where they are at hand. Nothing is reported of a model without text (read from JSON).
    """
    source, inner = checked.clock.span.source, Report()
    if not values or not source.text:
        return
    names = resolve(parse(source, inner), Library(), inner) if names is None else names
    if inner.has_errors:
        return  # the text is not that of the model
    check(names.module, names, inner, values)
    for d in inner.sorted():
        if d.severity == "error":
            report.add(d.code, d.message, d.span, d.help, (*d.labels, *labels), d.fixes)


def refuse_scenarios(checked: m.Model, report: Report, names: Names | None = None) -> None:
    """Report what the text would be refused for with the values to which a scenario changes its parameters."""
    scope = Scope(checked, parameter_values(checked, {}))
    for scenario in checked.scenarios:
        values = {name: float(evaluate(expr, scope)) for name, expr in scenario.changes}
        labels = [Label(expr.span, f"scenario `{scenario.name}` changes `{name}`") for name, expr in scenario.changes]
        refuse(checked, values, labels, report, names)


def refuse_changes(checked: m.Model, report: Report, names: Names | None = None) -> None:
    """Report what the text would be refused for with the values that parameters have while an intervention is active.

    A value that depends on what only a run knows is not looked at.
    """
    own, tables = parameter_values(checked, {}), {t.name: t for t in checked.tables}
    for one in checked.interventions:
        for clause in (w for w in one.while_active if w.changes):
            values = {c.parameter: constant(c.value, own, tables) for c in clause.changes}
            known = {name: value for name, value in values.items() if not math.isnan(value)}
            labels = [Label(c.span, f"while `{one.name}` is active, `{c.parameter}` is this") for c in clause.changes]
            refuse(checked, known, labels, report, names)
