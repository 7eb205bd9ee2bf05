"""Months of the calendar between two boundaries, counted day by day from the dates; for the references."""

from __future__ import annotations

import datetime
import math
from fractions import Fraction

from lpmdsl.semantics.model import Clock

SLACK = 1e-9


def months(clock: Clock, since: int, until: int) -> int:
    """Number of whole months of the calendar lie between two boundaries; one too short for the day ends on its last."""
    first, later = _moment(clock, since), _moment(clock, until)
    count = max(0, (later[0].year - first[0].year) * 12 + later[0].month - first[0].month - 1)
    while _after_months(first, count + 1) <= later:
        count += 1
    return count


def _moment(clock: Clock, boundary: int) -> tuple[datetime.date, Fraction]:
    """The date of a boundary and the steps since its midnight as a part of the day."""
    assert clock.start is not None
    whole = math.floor(boundary * clock.step + SLACK)
    steps = boundary - round(whole / clock.step)
    return datetime.date.fromisoformat(clock.start) + datetime.timedelta(days=whole), steps * Fraction(clock.step)


def _after_months(moment: tuple[datetime.date, Fraction], count: int) -> tuple[datetime.date, Fraction]:
    day, part = moment
    month = day.replace(day=1)
    for _ in range(count):
        month = (month + datetime.timedelta(days=31)).replace(day=1)
    last = (month + datetime.timedelta(days=31)).replace(day=1) - datetime.timedelta(days=1)
    return month.replace(day=min(day.day, last.day)), part
