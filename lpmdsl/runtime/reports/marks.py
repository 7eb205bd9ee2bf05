"""Lines, bands, dots and bars as elements of SVG, between two axes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TypeVar, assert_never

from lpmdsl.runtime.reports.axes import Axis, number_of
from lpmdsl.runtime.reports.drawing import Band, Bar, Dots, Item, Line, Shade, Upright

POINT = 96 / 72
"""Pixels of a point, in which widths and sizes are given."""
DASHES = {"solid": "", "steps": "", "dashed": ' stroke-dasharray="6 3"', "dotted": ' stroke-dasharray="1.5 2.5"'}
Place = tuple[float, float]
T = TypeVar("T")


def mark(item: Item, across: Axis, up: Axis) -> str:
    """The elements of one item."""
    match item:
        case Line():
            return _line(item, across, up)
        case Band():
            return _band(item, across, up)
        case Dots():
            return _dots(item, across, up)
        case Upright():
            x = across.at(item.x)
            path = f"M{_at(x)} {_at(up.first)}V{_at(up.last)}"
            return f'<path d="{path}" stroke="{item.colour}" stroke-width="1.3" stroke-dasharray="1.5 2.5"/>'
        case Shade():
            x, to = (across.at(number_of(moment)) for moment in (item.start, item.end))
            place = f'x="{_at(x)}" y="{_at(up.last)}" width="{_at(to - x)}" height="{_at(up.first - up.last)}"'
            return f'<rect {place} fill="{item.colour}" fill-opacity="0.08"/>'
        case Bar():
            return ""  # all bars of a panel are drawn together: see ``bars``
        case _:
            assert_never(item)


def bars(items: list[Bar], across: Axis, up: Axis) -> str:
    """Bars to the side from 0, the first on top, each with its interval."""
    zero, slot, drawn = across.at(0.0), (up.first - up.last) / max(1, len(items)), []
    for k, bar in enumerate(items):
        y, end = up.last + (k + 0.5) * slot, across.at(bar.value)
        low, high = across.at(bar.value - bar.reach), across.at(bar.value + bar.reach)
        drawn.append(f'<rect x="{_at(min(zero, end))}" y="{_at(y - 0.3 * slot)}" width="{_at(abs(end - zero))}" '
                     f'height="{_at(0.6 * slot)}" fill="{bar.colour}"/>'
                     f'<path class="ink" d="M{_at(low)} {_at(y)}H{_at(high)}"/>')  # fmt: skip
    return "".join(drawn) + f'<path class="axis" d="M{_at(zero)} {_at(up.first)}V{_at(up.last)}"/>'


def sample(item: Item, x: float, y: float) -> str:
    """The mark that stands for an item in the legend, 24 pixels wide from ``x``."""
    if isinstance(item, Dots):
        return _points([(x + 12, y)], item)
    dash = DASHES[item.style] if isinstance(item, Line) else ""
    width = item.width * POINT if isinstance(item, Line) else 6.0
    colour = item.colour
    return f'<path d="M{_at(x)} {_at(y)}h24" stroke="{colour}" stroke-width="{_at(width)}"{dash}/>'


def _line(item: Line, across: Axis, up: Axis) -> str:
    runs = list(_runs(_places(item.x, item.y, across, up)))
    path = "".join(_path(_stepped(run) if item.style == "steps" else run) for run in runs)
    if not path:
        return ""
    width = _at(item.width * POINT)
    drawn = f'<path d="{path}" stroke="{item.colour}" stroke-width="{width}"{DASHES[item.style]}/>'
    if item.dotted:
        dots = "".join(f"M{_at(x)} {_at(y)}h0" for run in runs for x, y in run)
        drawn += f'<path d="{dots}" stroke="{item.colour}" stroke-width="{_at(2.6 * POINT)}"/>'
    return drawn


def _band(item: Band, across: Axis, up: Axis) -> str:
    lower = _places(item.x, item.low, across, up)
    upper = _places(item.x, item.high, across, up)
    pairs = [(a[0], a[1], b[1]) if a and b else None for a, b in zip(lower, upper, strict=True)]
    path = ""
    for run in _runs(pairs):
        edge = [(x, high) for x, _, high in run] + [(x, low) for x, low, _ in reversed(run)]
        path += _path(edge) + "Z"
    return f'<path d="{path}" fill="{item.colour}" fill-opacity="{item.alpha:g}" stroke="none"/>' if path else ""


def _dots(item: Dots, across: Axis, up: Axis) -> str:
    return _points([place for place in _places(item.x, item.y, across, up) if place is not None], item)


def _points(places: list[Place], item: Dots) -> str:
    """Circles; open ones are diamonds."""
    if not places:
        return ""
    r = item.size * POINT / 2
    if item.is_open:
        sides = f"l{_at(r)} {_at(r)} {_at(-r)} {_at(r)} {_at(-r)} {_at(-r)}Z"
        path = "".join(f"M{_at(x)} {_at(y - r)}{sides}" for x, y in places)
        return f'<path d="{path}" stroke="{item.colour}" stroke-width="1.3" stroke-opacity="{item.alpha:g}"/>'
    circles = "".join(f'<circle cx="{_at(x)}" cy="{_at(y)}" r="{_at(r)}"/>' for x, y in places)
    return f'<g fill="{item.colour}" fill-opacity="{item.alpha:g}" stroke="none">{circles}</g>'


def _places(xs: Iterable, ys: Iterable[float], across: Axis, up: Axis) -> list[Place | None]:
    """Places of points, None for one that is nowhere."""
    return [
        (across.at(number_of(x)), up.at(y)) if math.isfinite(number_of(x)) and math.isfinite(y) else None
        for x, y in zip(xs, ys, strict=True)
    ]


def _runs(places: list[T | None]) -> Iterator[list[T]]:
    """The points between gaps."""
    run: list[T] = []
    for place in [*places, None]:
        if place is not None:
            run.append(place)
        elif run:
            yield run
            run = []


def _stepped(run: list[Place]) -> list[Place]:
    """Level around every point, up or down halfway between two."""
    found = [run[0]]
    for (x, y), (to, then) in pairwise(run):
        found += [((x + to) / 2, y), ((x + to) / 2, then)]
    return [*found, run[-1]]


def _path(run: list[Place]) -> str:
    """A line through points; one alone is a dot."""
    (x, y), rest = run[0], run[1:]
    return f"M{_at(x)} {_at(y)}" + ("L" + " ".join(f"{_at(x)} {_at(y)}" for x, y in rest) if rest else "h0")


def _at(pixels: float) -> str:
    """A tenth of a pixel is the finest step."""
    text = f"{pixels:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
