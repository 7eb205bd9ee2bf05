"""The clock, and periods: so many days, or so many months and years of the calendar."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from lpmdsl.quantities import UNITS
from lpmdsl.semantics import model
from lpmdsl.semantics.context import Context, days, text_of, whole_steps
from lpmdsl.semantics.host.calendar import months_later
from lpmdsl.source import Span
from lpmdsl.syntax import tree

MONTHS = {"month": 1, "year": 12}
MEAN_DAYS = {"month": 30, "year": 365}
"""Lengths to write instead where there is no calendar."""
LEAST_STEP = 1e-9
"""Days, a tenth of a millisecond: below, there are more steps in a day than a number can hold."""


@dataclass(frozen=True, slots=True)
class Period:
    """So many days; with ``months`` above 0 that many months of the calendar, whose mean length ``days`` is."""

    days: float
    months: int = 0


def check_clock(ctx: Context, module: tree.Module) -> model.Clock:
    """The clock; a library needs none. Sets the step and start that all later checks use."""
    written = ctx.names.clock
    span = module.header.span if module.header else Span(module.source, 0, 0)
    if written is None:
        if not ctx.names.is_library:
            ctx.report.add(
                "E0112",
                "Nothing says how long the model runs: it has no `clock`.",
                span,
                "Write `clock`, and under it `step 1 day` and `for 180 days`.",
            )
        return model.Clock(1.0, 1, None, span)
    ctx.start = written.start.iso if written.start else None
    ctx.counts_months = written_months(written.step) is not None
    step = days(ctx, written.step)
    if step is not None and step < LEAST_STEP and written.step is not None:
        told = f"A step takes some time, at least {LEAST_STEP:g} days."
        ctx.report.add("E0316", told, written.step.span, "Write `step 1 day`.")
        step = None
    ctx.step = step or 1.0
    if written.step is None or written.duration is None:
        ctx.report.add(
            "E0112",
            "A clock has a `step` and says `for` how long the model runs.",
            written.span,
            "Write `step 1 day` and `for 180 days`.",
        )
    duration = _duration(ctx, written)
    steps = whole_steps(ctx, duration, written.duration.span, "A run") if written.duration is not None else 1
    if steps and ctx.start is not None and written.duration is not None:
        _within_calendar(ctx, steps * ctx.step, written.duration.span)
    return model.Clock(ctx.step, steps or 1, ctx.start, written.span)


def _within_calendar(ctx: Context, duration: float, span: Span) -> None:
    """Reports a run that ends after the last year of the calendar."""
    left = datetime.date.max.toordinal() - _date(ctx.start or "").toordinal()
    if duration > left:
        help = f"Write at most `{left} days`, or an earlier first day."
        ctx.report.add("E0316", f"The run goes beyond the year {datetime.MAXYEAR}.", span, help)


def _duration(ctx: Context, written: tree.Clock) -> float | None:
    """Length of the run in days; months and years are those of the calendar."""
    until = written.duration
    if isinstance(until, tree.Date):
        return _until(ctx, written, until)
    period = check_period(ctx, until, "A run", whole=False) if until is not None else None
    if period is None or not period.months or ctx.start is None:
        return None if period is None else period.days
    first = _date(ctx.start)
    try:
        return float((months_later(first, period.months) - first).days)
    except (ValueError, OverflowError):
        ctx.report.add("E0316", f"The run goes beyond the year {datetime.MAXYEAR}.", written.span,
                       "Write a shorter run.")  # fmt: skip
        return None


def _until(ctx: Context, written: tree.Clock, until: tree.Date) -> float | None:
    """The days before the date at which the run ends."""
    first, last = _date(written.start.iso if written.start else ""), _date(until.iso)
    if first is None or last is None:
        return None
    if last <= first:
        ctx.report.add("E0724", f"The run would end on {until.iso}, not after it starts.", until.span,
                       f"Write a day after {first.isoformat()}: the run ends where that day begins.")  # fmt: skip
        return None
    return float((last - first).days)


def _date(iso: str) -> datetime.date:
    """The day; of one that is on no calendar, which is reported already, some day."""
    try:
        return datetime.date.fromisoformat(iso)
    except ValueError:
        return datetime.date(2000, 1, 1)


# ------------------------------------------------------------------ periods


def written_months(quantity: tree.Expr | None) -> float | None:
    """The months of a literal such as ``6 months`` or ``1 year``; None for anything else."""
    if not isinstance(quantity, tree.Quantity) or quantity.unit is None or len(quantity.unit.parts) != 1:
        return None
    ((name, exponent),) = quantity.unit.parts
    months = MONTHS.get(UNITS[name].name) if name in UNITS and exponent == 1 else None
    return None if months is None or quantity.percent or quantity.per_number else quantity.number * months


def check_period(ctx: Context, quantity: tree.Expr, what: str, whole: bool = True) -> Period | None:
    """The period (``what``, for messages) that a literal says; None after a report (E0301, E0705, E0722, E0723).

    ``whole``: it must be a whole number of steps, which periods of the calendar are on any step that a day is.
    """
    months = written_months(quantity)
    length = days(ctx, quantity)
    if length is None:
        return None
    if months is None or ctx.counts_months:
        return None if whole and whole_steps(ctx, length, quantity.span, what) is None else Period(length)
    if ctx.start is None and not ctx.names.is_library:
        return _without_date(ctx, quantity)
    if months != round(months) or months < 1:
        ctx.report.add("E0723", f"{text_of(quantity.span)} is no whole number of months of the calendar.",
                       quantity.span, "Write whole months, or days: `45 days`.")  # fmt: skip
        return None
    if whole_steps(ctx, 1.0, quantity.span, f"{what} of months is one of days, and a day") is None:
        return None
    return Period(length, round(months))


def _without_date(ctx: Context, quantity: tree.Expr) -> None:
    assert isinstance(quantity, tree.Quantity) and quantity.unit is not None
    unit = UNITS[quantity.unit.parts[0][0]].name
    instead = quantity.number * MEAN_DAYS[unit]
    ctx.report.add("E0722", f"The clock has no date, so nobody knows how long {text_of(quantity.span)} is: "
                   f"{'months have 28 to 31' if unit == 'month' else 'years have 365 or 366'} days.", quantity.span,
                   f"Write `{instead:_g} days`, or give the clock a date: `from 2024-10-01 for …`.")  # fmt: skip
