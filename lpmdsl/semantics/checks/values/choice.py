"""Values by cases: choices ``(A where TEST, B where TEST, C otherwise)``, and tables over a number.

Both become operations that every back end has: what lies on a line is not searched for, and its bits are the same
everywhere. ``checks/tables/curves.py`` says what the cells of a table are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from itertools import pairwise

from lpmdsl.diagnostics import Label
from lpmdsl.quantities import BOOLEAN, DURATION, ERROR, NUMBER, TIME, UNITS, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.values.dates import DATE
from lpmdsl.semantics.checks.values.units import common_dimension, expect
from lpmdsl.semantics.context import Context, nothing, text_of
from lpmdsl.source import Span
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


def by_days(ctx: Context, written: tree.Stepwise) -> tree.Choice:
    """The choice that a stepwise value is; days that do not follow one another are reported (E1057)."""
    for (_, before), (value, day) in pairwise(written.pieces):
        if day.iso <= before.iso:
            ctx.report.add(
                "E1057",
                f"{text_of(value.span)} would hold until {day.iso}, and before that day the value until {before.iso} "
                "holds.",
                day.span,
                "Write the days in their order.",
                [Label(before.span, "this day comes before it in the text")],
            )
    cases = tuple(
        (value, tree.Binary("<", tree.Name("time", day.span), day, day.span)) for value, day in written.pieces
    )
    return tree.Choice(cases, written.after, written.span)


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


# ------------------------------------------------------------------ tables over a number


def key_type(over: str) -> Type | None:
    """The type of what stands in brackets; None for a word along which nothing runs."""
    plain = {"duration": DURATION, "age": DURATION, "hour": DATE, "date": DATE, "number": NUMBER}
    if over in plain or over not in UNITS or UNITS[over].dimension == TIME:
        return plain.get(over)
    return Type(Kind.NUMBER, UNITS[over].dimension)


def look_up(ctx: Context, table: model.Table, key: model.Expr, span: Span) -> model.Expr:
    """The value of a table over a number at a checked key; an error expression after a report."""
    assert table.curve is not None
    want = key_type(table.curve.over)
    assert want is not None
    key = expect(ctx, key, want, f"what `{table.name}` is looked up at")
    if key.type == ERROR:
        return nothing(span)
    if table.curve.over == "hour":
        _warn_of_midnight(ctx, table, key, span)
        whole = model.Apply("floor", (key,), NUMBER, span)
        key = model.Apply("sub", (key, whole), NUMBER, span)
    return value_at(table, key, span)


def _warn_of_midnight(ctx: Context, table: model.Table, key: model.Expr, span: Span) -> None:
    """Warn where every step begins at midnight, so that one hour alone is read (W1070)."""
    if isinstance(key, model.Time) and ctx.step == math.floor(ctx.step):
        ctx.report.add(
            "W1070",
            f"Every step begins at midnight, so `{table.name}` is read at 0 hours alone.",
            span,
            "Write `step 1 hour` in `clock`, or a mean over the day as a parameter.",
            ctx.clock_says(),
        )


def value_at(table: model.Table, x: model.Expr, span: Span) -> model.Expr:
    """The expression of the value at ``x`` (base units): on the line, flat beyond its ends, no number at none."""
    assert table.curve is not None
    points, per_cell = table.curve.points, table.curve.per_cell
    first, last = points[0][0], points[-1][0]
    least, most = min(y for _, y in points), max(y for _, y in points)

    def do(op: str, *arguments: model.Expr | float, kind: Type = NUMBER) -> model.Expr:
        parts = tuple(model.Literal_(a, NUMBER, span) if isinstance(a, int | float) else a for a in arguments)
        return model.Apply(op, parts, kind, span)

    def entry(row: model.Expr, field: int) -> model.Expr:
        return model.TableRef(table.name, (row, model.Literal_(float(field), NUMBER, span)), NUMBER, span)

    # A number for the cell even where x is none: what is none is none again below.
    inside = do("select", do("ge", x, first, kind=BOOLEAN), do("min", x, last), first)
    cell = do("floor", do("mul", do("sub", inside, first), per_cell))
    is_past = do("select", do("ge", inside, entry(cell, 1), kind=BOOLEAN), 1.0, 0.0)
    point = do("add", entry(cell, 0), is_past)
    kept = do("max", do("min", x, last), first)
    rise = do("mul", do("sub", kept, entry(point, 2)), entry(point, 4))
    return do("max", do("min", do("add", entry(point, 3), rise), most), least, kind=table.type)
