"""Months and years of the calendar, and how many of them have passed at each boundary between steps.

A month after the 31st of January is the last of February: a month that is too short ends on its last day.
"""

from __future__ import annotations

import calendar
import datetime
from functools import cache

from lpmdsl.semantics.model import Clock


def months_later(day: datetime.date, months: int) -> datetime.date:
    """The same day of the month, so many months later; the last day of that month where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return datetime.date(year, month + 1, min(day.day, days_in_month(year, month + 1)))


def days_in_month(year: int, month: int) -> int:
    """28 to 31."""
    return calendar.monthrange(year, month)[1]


def date_at(clock: Clock, boundary: int) -> datetime.date:
    """The day in which a boundary between steps lies (with its midnight)."""
    assert clock.start is not None
    # A hair more than t·step, so that ten steps of 0.1 days are a day.
    return datetime.date.fromisoformat(clock.start) + datetime.timedelta(days=int(boundary * clock.step + 1e-9))


def moment_text(clock: Clock, boundary: int) -> str:
    """``step 34 (2024-11-04)``, or with the day where the clock has no date."""
    days = boundary * clock.step
    if clock.start is None:
        return f"step {boundary} (day {days:g})"
    at = datetime.datetime.fromisoformat(clock.start) + datetime.timedelta(days=days)
    whole = at.hour == at.minute == 0
    return f"step {boundary} ({at.date().isoformat() if whole else at.isoformat(sep=' ', timespec='minutes')})"


def steps_a_day(clock: Clock) -> int:
    """Number of steps a day has; periods of the calendar need a whole number."""
    return max(1, round(1 / clock.step))


@cache
def months_passed(clock: Clock, steps: int) -> tuple[int, ...]:
    """For every boundary 0 … ``steps`` how many whole months have passed since the start."""
    assert clock.start is not None
    start = datetime.date.fromisoformat(clock.start)
    return tuple(_months(start, date_at(clock, t)) for t in range(steps + 1))


def boundary_after(clock: Clock, months: int) -> int:
    """The boundary at which so many months have passed since the start."""
    assert clock.start is not None
    start = datetime.date.fromisoformat(clock.start)
    return round((months_later(start, months) - start).days / clock.step)


def _months(start: datetime.date, day: datetime.date) -> int:
    months = (day.year - start.year) * 12 + day.month - start.month
    return months if months_later(start, months) <= day else months - 1


def months_earlier(clock: Clock, days: float, months: int) -> float:
    """The days since the start that lie so many months before others; from one end of a month to another."""
    assert clock.start is not None
    start = datetime.date.fromisoformat(clock.start)
    last = start + datetime.timedelta(days=int(days + 1e-9))
    passed = _months(start, last)
    is_end = months_later(start, passed) == last
    first = months_later(start, passed - months) if is_end else months_later(last, -months)
    return float((first - start).days)


@cache
def day_table(clock: Clock, steps: int) -> tuple[tuple[int, int, int], ...]:
    """For every boundary its month, counted from year 0, its day in the month from 0, and the month's last such day."""
    days = (date_at(clock, t) for t in range(steps + 1))
    return tuple((d.year * 12 + d.month - 1, d.day - 1, days_in_month(d.year, d.month) - 1) for d in days)
