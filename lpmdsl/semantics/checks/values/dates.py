"""Days: a date is the time since the clock's start, kept apart from lengths of time, so that `2024-10-01 + 2024-10-05`
and `age > 2024-10-01` are no values. ``time`` is either."""

from __future__ import annotations

from lpmdsl.quantities import BOOLEAN, TIME, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.context import Context, text_of
from lpmdsl.semantics.operators import BINARY
from lpmdsl.source import Span

DATE = Type(Kind.DATE, TIME)
_APART = "Between two days lies a length of time: `FIRST - LATER`, such as `time - 2024-10-01`."


def is_day(expr: model.Expr) -> bool:
    """Return True if it is a date, or is computed from the time that has passed since the start."""
    return expr.type.kind is Kind.DATE or (
        expr.type.dimension == TIME and any(isinstance(e, model.Time) for e in model.walk(expr))
    )


def has_date(*expressions: model.Expr) -> bool:
    """Return True if one of the expressions is a date."""
    return any(e.type.kind is Kind.DATE for e in expressions)


def with_dates(op: str, left: model.Expr, right: model.Expr) -> Type | None:
    """The type of an operation of which a side is a date (of a comparison: ``BOOLEAN``); None: it has no value."""
    days = is_day(left), is_day(right)
    lasts = [not day and e.type.dimension == TIME for day, e in zip(days, (left, right), strict=True)]
    match op:
        case "-" if all(days):
            return Type(Kind.NUMBER, TIME)
        case "-" if days[0] and lasts[1]:
            return DATE
        case "+" if any(days) and any(lasts):
            return DATE
        case "<" | "<=" | ">" | ">=" if all(days):
            return BOOLEAN
        case _:
            return None


def no_date(ctx: Context, op: str, span: Span) -> None:
    """Reports that an operation has no value for days (E0416)."""
    row = BINARY.get(op)
    if row is not None and row.gives == "comparison":
        message = f"{text_of(span)} compares a day with what is no day."
        help = "Compare it with a day, `2024-10-01` or `time`, or take the length of time since: `time - DATE`."
    else:
        told = f"given to `{op}`" if row is None else f"{row.told} so" if row.name == "sub" else row.told
        message, help = f"{text_of(span)} has no value: days cannot be {told}.", _APART
    ctx.report.add("E0416", message, span, help)


def wrong_day(ctx: Context, expr: model.Expr, want: Type, role: str) -> None:
    """Reports a length of time where a day belongs, or a day where a number belongs (E0416)."""
    if want.kind is Kind.DATE:
        message = f"{text_of(expr.span)} is {expr.type}, and {role} is a day."
        ctx.report.add("E0416", message, expr.span, "Write a day such as `2024-10-01`, `DATE + 5 days`, or `time`.")
        return
    ctx.report.add("E0416", f"{text_of(expr.span)} is a day, and {role} is none.", expr.span, _APART)


def needs_start(ctx: Context, name: str, span: Span) -> None:
    """Reports a date where the clock has none to count from (E0610)."""
    told = f"The clock has no date, so the days of `{name}` cannot be placed."
    ctx.report.add("E0610", told, span, "Write `from 2024-10-01 for 180 days` in `clock`.")
