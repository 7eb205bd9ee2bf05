"""Axes: which numbers or dates stand along them, and where a value lies between two edges."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

EPOCH = datetime(1970, 1, 1)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MARGIN = 0.04
"""Share of the range of the data that is left free at either end."""
_HOURS = (1 / 24, 3 / 24, 6 / 24, 12 / 24)
_DAYS = (1, 2, 7)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis with its words; ``below``: what stands under them where it changes, such as the year."""

    at: float
    text: str
    below: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """The values from ``low`` to ``high``, drawn from ``first`` to ``last`` (pixels, either way round)."""

    low: float
    high: float
    first: float
    last: float

    def at(self, value: float) -> float:
        """Pixel of a value."""
        return self.first + (value - self.low) / (self.high - self.low) * (self.last - self.first)


def number_of(value: float | datetime) -> float:
    """A moment as days since 1970; a number as it is."""
    return (value - EPOCH) / timedelta(days=1) if isinstance(value, datetime) else float(value)


def range_of(values: Iterable[float], from_zero: bool = False) -> tuple[float, float]:
    """The range of an axis that shows all finite values, with room at its ends; 0 to 1 where there are none."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    if from_zero:
        low, high = min(0.0, low), max(0.0, high)
    room = MARGIN * (high - low) or 0.05 * abs(high) or 0.5
    return (0.0 if from_zero and low == 0 else low - room), high + room


def number_ticks(low: float, high: float, most: int) -> list[Tick]:
    """Up to about ``most`` round numbers: multiples of 1, 2, 2.5 or 5 times a power of ten."""
    step = _round_step((high - low) / max(1, most))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, 2 - math.floor(math.log10(step)))
    values = [round(k * step, digits) if digits < 300 else k * step for k in range(first, last + 1)]
    return [Tick(value, f"{value + 0.0:,.10g}".replace("-", "−")) for value in values]


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= step * (1 - 1e-9))


def date_ticks(low: float, high: float, most: int) -> list[Tick]:
    """Up to about ``most`` days, months or years (or hours, where the range is short), in days since 1970."""
    span = (high - low) / max(1, most)
    if span <= _DAYS[-1]:
        step = next((s for s in (*_HOURS, *_DAYS) if s >= span), _DAYS[-1])
        return _day_ticks(low, high, step)
    step = next((s for s in _MONTHS if s * 30.4 >= span), _MONTHS[-1])
    return _month_ticks(low, high, step)


def _day_ticks(low: float, high: float, step: float) -> list[Tick]:
    ticks: list[Tick] = []
    under = ""
    for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1):
        moment = EPOCH + timedelta(days=k * step)
        if step < 1:
            text, below = f"{moment:%H:%M}", f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"
        else:
            text, below = str(moment.day), f"{MONTHS[moment.month - 1]} {moment.year}"
        ticks.append(Tick(k * step, text, below if below != under else ""))
        under = below
    return ticks


def _month_ticks(low: float, high: float, step: int) -> list[Tick]:
    """First days of months: named, with the year under the first of each year; of years, if the step is of years."""
    begin, end = EPOCH + timedelta(days=low), EPOCH + timedelta(days=high)
    ticks: list[Tick] = []
    under = ""
    for k in range(12 * begin.year // step * step, 12 * (end.year + 1), step):
        year, month = divmod(k, 12)
        if not 1 <= year <= 9999:
            continue
        at = number_of(datetime(year, month + 1, 1))
        if low <= at <= high:
            whole = step % 12 == 0
            text, below = (str(year), "") if whole else (MONTHS[month], str(year))
            ticks.append(Tick(at, text, below if below != under else ""))
            under = below
    return ticks


def width_of(text: str, size: float) -> float:
    """About how wide a text is, in pixels: letters of the page's fonts are 0.6 of their size on average."""
    return 0.6 * size * len(text)


def widest(texts: Sequence[str], size: float) -> float:
    """Width of the widest of some texts."""
    return max((width_of(text, size) for text in texts), default=0.0)
