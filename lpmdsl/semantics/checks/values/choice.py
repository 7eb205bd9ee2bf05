"""Choices: ``(A where TEST, B where TEST, C otherwise)``, and the yes/no that people write as a number instead."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from lpmdsl.quantities import BOOLEAN, ERROR, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.values.dates import DATE
from lpmdsl.semantics.checks.values.units import common_dimension, expect
from lpmdsl.semantics.context import Context, nothing, text_of
from lpmdsl.syntax import tree

Check = Callable[[tree.Expr], model.Expr]


def check_choice(ctx: Context, written: tree.Choice, value: Check, test: Check) -> model.Expr:
    """Nested ``select``s of one type; an error expression after a report where the values are not alike."""
    cases = [(value(v), test(w)) for v, w in written.cases]
    otherwise = value(written.otherwise)
    values = [*(v for v, _ in cases), otherwise]
    if any(e.type == ERROR for pair in cases for e in pair) or otherwise.type == ERROR:
        return nothing(written.span)
    kind = _common(ctx, values)
    if kind is None:
        return nothing(written.span)
    return reduce(
        lambda rest, case: model.Apply("select", (case[1], case[0], rest), kind, written.span),
        reversed(cases),
        otherwise,
    )


def _common(ctx: Context, values: list[model.Expr]) -> Type | None:
    """The type that all values have; None after a report."""
    first = values[0]
    if all(v.type == first.type for v in values):
        return first.type
    if not first.type.is_numeric:
        fine = [expect(ctx, v, first.type, "the same kind of value as in the first case") for v in values[1:]]
        return None if any(v.type == ERROR for v in fine) else first.type
    if any(v.type.kind is Kind.DATE for v in values):
        wrong = [expect(ctx, v, DATE, "each case of a choice of days").type == ERROR for v in values]
        return None if any(wrong) else DATE
    dimension = None
    for other in values[1:]:
        if not other.type.is_numeric:
            expect(ctx, other, first.type, "the same kind of value as in the first case")
            return None
        dimension = common_dimension(ctx, first, other, "values of one choice")
        if dimension is None:
            return None
    return None if dimension is None else Type(Kind.NUMBER, dimension)


def yes_no_as_number(ctx: Context, written: tree.Binary, left: model.Expr, right: model.Expr) -> bool:
    """Return True if a yes/no was multiplied, as in ``0.7 * vaccinated``; then the report says the choice to write."""
    if written.op != "*" or ERROR in (left.type, right.type) or (left.type == BOOLEAN) == (right.type == BOOLEAN):
        return False
    test, factor = (left, right) if left.type == BOOLEAN else (right, left)
    if not factor.type.is_numeric:
        return False
    name, number = (text_of(e.span)[1:-1] for e in (test, factor))
    help = f"Write `({number} where {name}, 0 otherwise)`"
    if isinstance(factor, model.Literal_):
        help += f"; for `1 - {number} * {name}` write `({1 - factor.value:g} where {name}, 1 otherwise)`"
    ctx.report.add("E0306", f"`{name}` is {test.type}, and `*` works on numbers.", test.span, f"{help}.")
    return True
