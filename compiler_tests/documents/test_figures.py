"""Figures as SVG: every point where it belongs, a stranger's text as text, the same each time."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from lpmdsl.runtime.reports.axes import Axis, Tick, date_ticks, number_of, number_ticks, range_of
from lpmdsl.runtime.reports.drawing import Band, Bar, Dots, Figure, Item, Line, Panel, Shade, Upright
from lpmdsl.runtime.reports.marks import mark
from lpmdsl.runtime.reports.svg import image, svg

ACROSS, UP = Axis(0.0, 10.0, 100.0, 200.0), Axis(0.0, 1.0, 50.0, 0.0)
HOSTILE = "</text><script>alert(1)</script>&\"'\x1b[31m"
EVERY: tuple[Item, ...] = (
    Line([1, 2, 3], [1.0, math.nan, 3.0], "#000001", HOSTILE, dotted=True),
    Line([1, 2, 3], [1.0, math.inf, 3.0], "#000002", "two", "steps"),
    Band([1, 2, 3], [0.0, 1.0, math.nan], [1.0, 2.0, 3.0], "#000003", 0.2),
    Dots([1, 2], [1.0, 2.0], "#000004", "dots"), Dots([1, 2], [1.0, 2.0], "#000005", "open", is_open=True),
    Upright(2.0, "#000006"), Shade(1.0, 2.0, "#000007"),
)  # fmt: skip


def figure(*panels: Panel, shared: bool = True) -> Figure:
    """Some panels with a hostile description."""
    return Figure(panels, HOSTILE, shared=shared)


@pytest.mark.parametrize("panels", [1, 2, 5])
@pytest.mark.parametrize("shared", [True, False])
def test_a_figure_is_an_image_that_holds_texts_as_texts(panels: int, shared: bool) -> None:
    made = figure(*(Panel(EVERY, HOSTILE, HOSTILE, HOSTILE) for _ in range(panels)), shared=shared)
    root = ElementTree.fromstring(svg(made))
    tags = {e.tag.split("}")[1] for e in root.iter()}
    assert tags == {"svg", "title", "style", "g", "path", "rect", "circle", "text"}
    names = {name for e in root.iter() for name in e.attrib}
    assert not any(name.startswith("on") or "href" in name for name in names)
    assert sum("script" in (e.text or "") for e in root.iter() if e.tag.endswith("text")) >= 3
    assert svg(made) == svg(made) and "\x1b" not in svg(made) and image(made).startswith('<img class="figure"')


def test_all_that_is_drawn_lies_inside_the_picture() -> None:
    made = figure(*(Panel(EVERY, "a title", "days", "people", from_zero=True) for _ in range(4)))
    text = svg(made)
    width, height = (float(side) for side in re.search(r'viewBox="0 0 (\d+) (\d+)"', text).groups())  # type: ignore[union-attr]
    places = re.findall(r"[ML ](\d+\.?\d*) (\d+\.?\d*)", "".join(re.findall(r' d="([^"]*)"', text)))
    assert len(places) > 50
    assert all(0 <= float(x) <= width and 0 <= float(y) <= height for x, y in places)


def test_points_lie_where_their_values_say() -> None:
    assert mark(Line([0, 10], [0.0, 1.0], "red"), ACROSS, UP).startswith('<path d="M100 50L200 0"')
    assert 'd="M100 50h0M200 0h0"' in mark(Line([0, 5, 10], [0.0, math.nan, 1.0], "red"), ACROSS, UP)
    steps = mark(Line([0, 10], [0.0, 1.0], "red", style="steps"), ACROSS, UP)
    assert 'd="M100 50L150 50 150 0 200 0"' in steps
    band = mark(Band([0, 10], [0.0, 0.0], [0.5, 1.0], "red", 0.2), ACROSS, UP)
    assert 'd="M100 25L200 0 200 50 100 50Z"' in band
    assert mark(Band([0], [math.nan], [1.0], "red", 0.2), ACROSS, UP) == ""


def test_bars_grow_in_number_and_not_together() -> None:
    heights = []
    for n in (2, 40):
        made = figure(Panel(tuple(Bar(f"p{k}", 0.1 * k - 1, 0.2, "blue") for k in range(n))))
        root = ElementTree.fromstring(svg(made))
        bars = [float(e.attrib["height"]) for e in root.iter() if e.tag.endswith("rect")]
        assert len(bars) == n and min(bars) > 12
        heights.append(float(root.attrib["height"]))
    assert heights[1] > heights[0]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 7), (0, 1e-7), (1e6, 1.1e6), (0, 1e12), (0.999, 1.001)])
def test_numbers_at_an_axis_are_round_and_few(low: float, high: float) -> None:
    ticks = number_ticks(low, high, 6)
    steps = {round((b.at - a.at) / (high - low), 6) for a, b in pairwise(ticks)}
    assert 3 <= len(ticks) <= 7 and len(steps) == 1
    assert all(low <= t.at <= high for t in ticks) and len({t.text for t in ticks}) == len(ticks)
    written = [float(t.text.replace(",", "").replace("−", "-")) for t in ticks]
    assert written == pytest.approx([t.at for t in ticks], rel=1e-9, abs=1e-20)


@pytest.mark.parametrize(
    ("days", "wanted"),
    [
        (0.5, Tick(number_of(datetime(2024, 12, 30)), "00:00", "30 Dec 2024")),
        (9, Tick(number_of(datetime(2025, 1, 2)), "2", "Jan 2025")),
        (180, Tick(number_of(datetime(2025, 1, 1)), "Jan", "2025")),
        (3_000, Tick(number_of(datetime(2026, 1, 1)), "2026")),
    ],
)
def test_dates_at_an_axis_are_first_days_and_have_their_year(days: float, wanted: Tick) -> None:
    start = number_of(datetime(2024, 12, 30))
    ticks = date_ticks(start, start + days, 7)
    assert 2 <= len(ticks) <= 10 and wanted in ticks
    assert all(start <= t.at <= start + days for t in ticks)


def test_ranges_hold_everything_finite_and_are_never_empty() -> None:
    assert range_of([]) == range_of([math.nan, math.inf]) == (0.0, 1.0)
    for values in ([0.0], [5.0, 5.0], [-1e-9, 1e-9], [1.0, math.inf, 2.0]):
        low, high = range_of(values)
        assert low < min(values) and high > max(v for v in values if math.isfinite(v))
    assert range_of([3.0, 5.0], from_zero=True)[0] == 0.0
    moment = datetime(2024, 2, 29, 12)
    assert datetime(1970, 1, 1) + timedelta(days=number_of(moment)) == moment
