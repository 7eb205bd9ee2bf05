"""Draw a figure as an SVG image, for pages that open anywhere and run no script.

By hand: what plots everything takes longer to load than a model to run, and is a sixth of an installation.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from lpmdsl.escaping import html, plain
from lpmdsl.runtime.reports.axes import (
    Axis,
    Tick,
    date_ticks,
    number_of,
    number_ticks,
    range_of,
    widest,
    width_of,
)
from lpmdsl.runtime.reports.drawing import Band, Bar, Dots, Figure, Item, Line, Panel, Shade, Upright
from lpmdsl.runtime.reports.marks import bars, mark, sample

WIDE, NARROW = 992, 484
MOST_COLUMNS = 3
ALONE, BESIDE, BAR = 300, 215, 26
"""Height of a panel alone, of one beside others, and of a bar."""
TEXT, GAP, LINE = 12, 10, 17
"""Size of letters, room between things, and height of a line of text."""
INK, SOFT, RULE = "#1c2431", "#5b6676", "#d9dee7"
"""Colours of the page's writing, which change with the reader's scheme; no line of data has them."""
DARK = {INK: "#e4e8ee", SOFT: "#9aa6b5", RULE: "#323a46"}
Range = tuple[float, float]


def _rules(ink: str, soft: str, rule: str) -> str:
    return (f"text{{fill:{soft}}}.title,.name{{fill:{ink}}}.ink{{stroke:{ink}}}.axis{{stroke:{soft}}}"
            f".grid,.edge{{stroke:{rule}}}")  # fmt: skip


STYLE = (
    f'<style>text{{font:{TEXT}px "DejaVu Sans",Verdana,sans-serif}}'
    f".grid{{stroke-width:.8}}{_rules(INK, SOFT, RULE)}"
    f"@media (prefers-color-scheme:dark){{{_rules(*DARK.values())}}}</style>"
)
HAND = '<g fill="none" stroke-linecap="round" stroke-linejoin="round">'


@dataclass(frozen=True, slots=True)
class _Cell:
    """A panel with the ranges of its axes, and the ticks that are named at them (none: the axis of another serves)."""

    panel: Panel
    across: Range
    up: Range
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    names_x: bool
    names_y: bool

    @property
    def left(self) -> float:
        """Room for the words at the left."""
        names = [bar.name for bar in self.panel.items if isinstance(bar, Bar)]
        words = [plain(n) for n in names] or ([t.text for t in self.y_ticks] if self.panel.has_ticks else [])
        if not self.names_y:
            return GAP
        return widest(words, TEXT) + (LINE if self.panel.y_label else 0) + 1.5 * GAP

    @property
    def below(self) -> float:
        """Room for the words below."""
        if not self.names_x:
            return GAP
        lines = 1 + any(t.below for t in self.x_ticks) + bool(self.panel.x_label)
        return lines * LINE + 0.5 * GAP


def image(figure: Figure) -> str:
    """The figure as one ``<img>`` that holds its SVG: an image runs no script and can style nothing outside itself."""
    text, (width, height) = _drawn(figure)
    data = base64.b64encode(text.encode()).decode("ascii")
    return (
        f'<img class="figure" width="{width:.0f}" height="{height:.0f}" alt="{html(figure.about)}" '
        f'src="data:image/svg+xml;base64,{data}">'
    )


def svg(figure: Figure) -> str:
    """The SVG text of a figure; the same figure gives the same text."""
    return _drawn(figure)[0]


def _drawn(figure: Figure) -> tuple[str, Range]:
    columns = min(MOST_COLUMNS, len(figure.panels))
    rows = -(-len(figure.panels) // columns)
    width = NARROW if figure.narrow else WIDE
    cells = _cells(figure, columns, width / columns)
    legend, top = _legend(figure, width)
    most_bars = max(sum(isinstance(i, Bar) for i in p.items) for p in figure.panels)
    each = max(ALONE if columns == 1 else BESIDE, BAR * most_bars + 3 * LINE)
    title = LINE + 4 if any(p.title for p in figure.panels) else 6
    lefts = [max(c.left for c in cells[k::columns]) for k in range(columns)]
    belows = [max(c.below for c in cells[r * columns : (r + 1) * columns]) for r in range(rows)]
    wide = (width - sum(lefts) - GAP * columns) / columns
    high = each - title - max(belows)
    parts, y = [legend], top
    for r in range(rows):
        x = 0.0
        for k, cell in enumerate(cells[r * columns : (r + 1) * columns]):
            x += lefts[k]
            parts.append(_panel(cell, x, y + title, wide, high))
            x += wide + GAP
        y += title + high + belows[r]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y:.0f}" viewBox="0 0 {width} {y:.0f}">'
    return f"{head}<title>{html(plain(figure.about))}</title>{STYLE}{HAND}{''.join(parts)}</g></svg>", (width, y)


# ------------------------------------------------------------------ axes


def _cells(figure: Figure, columns: int, wide: float) -> list[_Cell]:
    """The panels with their axes; where these are shared, they are named at the outer ones only."""
    acrosses, ups = [_across(p) for p in figure.panels], [_up(p) for p in figure.panels]
    if figure.shared:
        acrosses = [(min(a for a, _ in acrosses), max(b for _, b in acrosses))] * len(acrosses)
        ups = [(min(a for a, _ in ups), max(b for _, b in ups))] * len(ups)
    many = figure.shared and len(figure.panels) > 1
    cells = []
    for k, (panel, across, up) in enumerate(zip(figure.panels, acrosses, ups, strict=True)):
        dated = any(isinstance(moment, datetime) for item in panel.items for moment in _moments(item))
        x_ticks = (date_ticks if dated else number_ticks)(*across, max(2, int(wide / 70)))
        y_ticks = number_ticks(*up, 6) if panel.has_ticks and not any(isinstance(i, Bar) for i in panel.items) else []
        lowest, outer = k + columns >= len(figure.panels), k % columns == 0
        cells.append(_Cell(panel, across, up, x_ticks, y_ticks, lowest or not many, outer or not many))
    return cells


def _across(panel: Panel) -> Range:
    values = [number_of(moment) for item in panel.items for moment in _moments(item)]
    return range_of(values)


def _moments(item: Item) -> Iterator[float | datetime]:
    """Places of an item on the axis of x."""
    match item:
        case Line() | Band() | Dots():
            yield from item.x
        case Upright():
            yield item.x
        case Shade():
            yield from (item.start, item.end)
        case Bar():
            yield from (0.0, item.value, item.value - item.reach, item.value + item.reach)


def _up(panel: Panel) -> Range:
    values: list[float] = []
    for item in panel.items:
        match item:
            case Line() | Dots():
                values += item.y
            case Band():
                values += [*item.low, *item.high]
            case Upright() | Shade() | Bar():
                pass
    return range_of(values, panel.from_zero)


# ------------------------------------------------------------------ one panel


def _panel(cell: _Cell, x: float, y: float, wide: float, high: float) -> str:
    panel, right, bottom = cell.panel, x + wide, y + high
    across, up = Axis(*cell.across, x, right), Axis(*cell.up, bottom, y)
    grid = "".join(f"M{across.at(t.at):.1f} {y:.1f}V{bottom:.1f}" for t in cell.x_ticks)
    grid += "".join(f"M{x:.1f} {up.at(t.at):.1f}H{right:.1f}" for t in cell.y_ticks)
    drawn = [
        f'<path class="grid" d="{grid}"/><path class="edge" d="M{x:.1f} {y:.1f}V{bottom:.1f}H{right:.1f}"/>',
        *(mark(item, across, up) for item in sorted(panel.items, key=lambda i: not isinstance(i, Band | Shade))),
    ]
    together = [item for item in panel.items if isinstance(item, Bar)]
    if together:
        drawn.append(bars(together, across, up))
    if panel.title:
        drawn.append(_text(panel.title, x, y - 7, "title"))
    return "".join(drawn) + _words_below(cell, across, bottom) + _words_beside(cell, together, up, x, (y + bottom) / 2)


def _words_below(cell: _Cell, across: Axis, bottom: float) -> str:
    if not cell.names_x:
        return ""
    words = [_text(t.text, across.at(t.at), bottom + LINE, "", "middle") for t in cell.x_ticks]
    words += [_text(t.below, across.at(t.at), bottom + 2 * LINE - 2, "", "middle") for t in cell.x_ticks if t.below]
    if cell.panel.x_label:
        middle = (across.first + across.last) / 2
        words.append(_text(cell.panel.x_label, middle, bottom + cell.below - 0.5 * GAP, "", "middle"))
    return "".join(words)


def _words_beside(cell: _Cell, together: list[Bar], up: Axis, x: float, middle: float) -> str:
    if not cell.names_y:
        return ""
    words = [_text(t.text, x - 6, up.at(t.at) + 4, "", "end") for t in cell.y_ticks]
    slot = (up.first - up.last) / max(1, len(together))
    words += [_text(b.name, x - 6, up.last + (k + 0.5) * slot + 4, "name", "end") for k, b in enumerate(together)]
    if cell.panel.y_label:
        place = f"{x - cell.left + TEXT:.1f} {middle:.1f}"
        label = html(plain(cell.panel.y_label))
        words.append(f'<text transform="translate({place})rotate(-90)" text-anchor="middle">{label}</text>')
    return "".join(words)


def _text(text: str, x: float, y: float, kind: str = "", anchor: str = "") -> str:
    marks = (f' class="{kind}"' if kind else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x:.1f}" y="{y:.1f}"{marks}>{html(plain(text))}</text>'


# ------------------------------------------------------------------ the legend


def _legend(figure: Figure, width: float) -> tuple[str, float]:
    """One legend above all panels, a name that stands in several once; and where what is below it begins."""
    found: dict[str, Item] = {}
    for item in (item for panel in figure.panels for item in panel.items):
        if isinstance(item, Line | Dots) and item.name:
            found.setdefault(plain(item.name), item)
    if not figure.has_legend or len(found) < 2:
        return "", 4.0
    drawn, x, y = [], 4.0, LINE - 4.0
    for name, item in found.items():
        wide = 24 + 6 + width_of(name, TEXT) + 2 * GAP
        if x > 4 and x + wide > width:
            x, y = 4.0, y + LINE
        drawn.append(sample(item, x, y - 4) + _text(name, x + 30, y, "name"))
        x += wide
    return "".join(drawn), y + GAP
