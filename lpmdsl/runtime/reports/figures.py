"""The figures of a run: the median over replicates with ribbons of the middle 50 and 90 %."""

from __future__ import annotations

import re

import numpy as np

from lpmdsl.config import BASELINE, Manifest, ObservationRecord
from lpmdsl.runtime.quantiles import quantiles
from lpmdsl.runtime.reports.drawing import Band, Figure, Item, Line, Panel, colour_of, dates_or_days
from lpmdsl.runtime.results import Results
from lpmdsl.runtime.table import Table, pivot

MAX_POINTS = 500  # more than a figure's width tells apart
MIN_RIBBON = 3  # replicates below which quantiles say nothing
MOST_LINES = 6  # in one pair of axes
MOST_PANELS = 24


def figure_of(results: Results, observation: str) -> Figure | None:
    """The figure of one observation, or None without reports.

    Lines are scenarios, or the groups of the only one; with both, and with many groups, each group has a panel, all
    with the same axes.
    """
    manifest, record = results.manifest, results.manifest.observations[observation]
    rows = results.table.where("observation", observation)
    groups = natural_order([g for g in record.groups if len(rows.where("group", g))])
    scenarios = [s for s in manifest.scenarios if len(rows.where("scenario", s))]
    if not scenarios:
        return None
    if len(groups) <= 1:
        panels = [_panel("", rows, "scenario", scenarios, record, manifest)]
    elif len(scenarios) == 1 and len(groups) <= MOST_LINES:
        panels = [_panel("", rows, "group", groups, record, manifest)]
    else:
        panels = [
            _panel(g, rows.where("group", g), "scenario", scenarios, record, manifest) for g in groups[:MOST_PANELS]
        ]
    left = f"; the first {MOST_PANELS} of {len(groups)} groups" if len(panels) == MOST_PANELS < len(groups) else ""
    about = f"{observation.replace('_', ' ')} over time, {record.unit or 'a number'}{left}"
    return Figure(tuple(panels), about)


def baseline_figure(results: Results, observation: str) -> Figure | None:
    """The baseline's curve of one observation, all groups that add up taken together."""
    manifest, record = results.manifest, results.manifest.observations[observation]
    first = BASELINE if BASELINE in manifest.scenarios else manifest.scenarios[0]
    rows = results.table.where("observation", observation).where("scenario", first)
    if not len(rows):
        return None
    panel = _panel("", rows, "scenario", [first], record, manifest)
    return Figure((panel,), f"{observation.replace('_', ' ')} of {first}, {record.unit or 'a number'}")


def natural_order(labels: list[str]) -> list[str]:
    """Labels as they were declared; where all hold numbers, by these: ``Town 2`` before ``Town 10``."""
    if not labels or not all(re.search(r"\d", label) for label in labels):
        return labels
    return sorted(labels, key=_natural_key)


def _natural_key(label: str) -> list[tuple[int, float, str]]:
    parts = re.findall(r"\d+|\D+", label)
    return [(0, float(part), "") if part.isdecimal() and len(part) < 300 else (1, 0.0, part) for part in parts]


def _panel(
    title: str, rows: Table, column: str, lines: list[str], record: ObservationRecord, manifest: Manifest
) -> Panel:
    items: list[Item] = []
    for k, line in enumerate(lines):
        name = line.replace("|", ", ").replace("_", " ")
        items += _line(name, rows.where(column, line), colour_of(k), manifest)
    label = "" if manifest.start_date else "days"
    return Panel(tuple(items), title.replace("|", ", "), label, record.unit, from_zero=True)


def _line(name: str, rows: Table, colour: str, manifest: Manifest) -> list[Item]:
    """The ribbons, where there are replicates enough, and the median line over them."""
    times, values = pivot(rows, "time", "replicate", "value")
    some = slice(None, None, max(1, -(-len(times) // MAX_POINTS)))
    x, values = dates_or_days(times[some], manifest.start_date), values[some]
    items: list[Item] = []
    if values.shape[1] >= MIN_RIBBON:
        items = [ribbon(x, values, low, high, colour, alpha) for low, high, alpha in ((5, 95, 0.14), (25, 75, 0.22))]
    (median,) = quantiles(values, [0.5])
    return [*items, Line(x, median.tolist(), colour, name, dotted=len(x) <= 40)]


def ribbon(x: list, values: np.ndarray, low: float, high: float, colour: str, alpha: float) -> Band:
    """The band from the ``low`` to the ``high`` percentile of each row of ``values``."""
    bottom, top = quantiles(values, [low / 100, high / 100])
    return Band(x, bottom.tolist(), top.tolist(), colour, alpha)
