"""Figures as plain records, before anything is drawn: panels that hold lines, bands, dots and intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

# Okabe and Ito's colours, which readers with any colour vision tell apart (https://jfly.uni-koeln.de/color/).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A7B00", "#7A7A7A")

X = Sequence[float] | Sequence[datetime]
Y = Sequence[float]


def colour_of(number: int) -> str:
    """The colour of the line with this number; they come round again after eight."""
    return COLOURS[number % len(COLOURS)]


@dataclass(frozen=True, slots=True)
class Line:
    """``y`` over ``x``; a line without a name stands in no legend. ``steps``: level around each x."""

    x: X
    y: Y
    colour: str
    name: str = ""
    style: Literal["solid", "dashed", "dotted", "steps"] = "solid"
    width: float = 1.6
    dotted: bool = False
    """Return True if every point is marked, as where there are few."""


@dataclass(frozen=True, slots=True)
class Band:
    """Everything between ``low`` and ``high``."""

    x: X
    low: Y
    high: Y
    colour: str
    alpha: float


@dataclass(frozen=True, slots=True)
class Dots:
    """Points of one series."""

    x: X
    y: Y
    colour: str
    name: str = ""
    size: float = 5.0
    alpha: float = 1.0
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Upright:
    """A dotted line straight up at ``x``."""

    x: float
    colour: str


@dataclass(frozen=True, slots=True)
class Shade:
    """A tint behind all that lies between two moments."""

    start: float | datetime
    end: float | datetime
    colour: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar to the side with the interval of its value, named at the axis."""

    name: str
    value: float
    reach: float
    colour: str


Item = Line | Band | Dots | Upright | Shade | Bar


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes. ``from_zero``: the axis of y begins at 0; ``has_ticks``: numbers stand at it."""

    items: tuple[Item, ...]
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    from_zero: bool = False
    has_ticks: bool = True


@dataclass(frozen=True, slots=True)
class Figure:
    """Panels in the order of reading, with one legend. ``about``: text for a reader who cannot see it.

    ``shared``: all panels have the same axes, so that they compare. ``narrow``: half as wide as the page.
    """

    panels: tuple[Panel, ...]
    about: str
    shared: bool = True
    has_legend: bool = True
    narrow: bool = False


def dates_or_days(days: Iterable[float], start_date: str | None) -> list[datetime] | list[float]:
    """Moments where the clock has a first day, else days."""
    if start_date is None:
        return [float(day) for day in days]
    start = datetime.fromisoformat(start_date)
    return [start + timedelta(days=float(day)) for day in days]
