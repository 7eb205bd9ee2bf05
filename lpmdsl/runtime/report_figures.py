"""The figures of a report as Plotly's own JSON: the median over replicates with ribbons of the middle 50 and 90 %."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from lpmdsl.config import Manifest, ObservationRecord
from lpmdsl.runtime.results import Results, rows_where

# Okabe and Ito's colours, which readers with any colour vision tell apart (https://jfly.uni-koeln.de/color/).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A7B00", "#7A7A7A")
MAX_POINTS = 1500  # more than a screen has columns
MIN_RIBBON = 3  # replicates below which quantiles say nothing


@dataclass(frozen=True, slots=True)
class Figure:
    """One drawing: its title in the page, and Plotly's ``data`` and ``layout``."""

    title: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]


def figures_of(results: Results, observation: str) -> list[Figure]:
    """One figure for an observation; with both scenarios and groups to tell apart, one for each group."""
    manifest, record = results.manifest, results.manifest.observations[observation]
    rows = rows_where(results.observations, "observation", observation)
    groups = [g for g in record.groups if len(rows_where(rows, "group", g))]
    scenarios = [s for s in manifest.scenarios if len(rows_where(rows, "scenario", s))]
    if len(groups) <= 1:
        return [_figure("", rows, "scenario", scenarios, record, manifest)] if scenarios else []
    if len(scenarios) == 1:
        return [_figure("", rows, "group", groups, record, manifest)]
    return [_figure(g, rows_where(rows, "group", g), "scenario", scenarios, record, manifest) for g in groups]


def _figure(
    title: str, rows: pd.DataFrame, column: str, lines: list[str], record: ObservationRecord, manifest: Manifest
) -> Figure:
    data: list[dict[str, Any]] = []
    for k, line in enumerate(lines):
        part = rows_where(rows, column, line)
        data += _line(line.replace("|", ", ").replace("_", " "), part, COLOURS[k % len(COLOURS)], manifest)
    layout = {
        "showlegend": len(lines) > 1,
        "yaxis": {"title": {"text": record.unit}, "rangemode": "tozero"},
        "xaxis": {} if manifest.start_date else {"title": {"text": "days"}},
    }
    return Figure(title.replace("|", ", "), data, layout)


def _line(name: str, rows: pd.DataFrame, colour: str, manifest: Manifest) -> list[dict[str, Any]]:
    """The ribbons, where there are replicates enough, and the median line over them."""
    table = rows.pivot_table(index="time", columns="replicate", values="value", aggfunc="sum", sort=True)
    table = table.iloc[:: max(1, -(-len(table) // MAX_POINTS))]
    x, values = moments(table.index.to_numpy(), manifest), table.to_numpy()
    traces = []
    if table.shape[1] >= MIN_RIBBON:
        traces = [
            ribbon(name, x, values, low, high, faded(colour, a)) for low, high, a in ((5, 95, 0.14), (25, 75, 0.22))
        ]
    median = np.nanquantile(values, 0.5, axis=1)
    mode = "lines+markers" if len(x) <= 40 else "lines"
    line = {"color": colour, "width": 2}
    traces.append({
        "type": "scatter", "mode": mode, "x": x, "y": rounded(median), "name": name, "legendgroup": name, "line": line,
        "marker": {"size": 4},
    })  # fmt: skip
    return traces


def ribbon(name: str, x: list[Any], values: np.ndarray, low: float, high: float, colour: str) -> dict[str, Any]:
    """A filled band from the ``low`` to the ``high`` percentile: up along one, back along the other."""
    bottom, top = np.nanquantile(values, [low / 100, high / 100], axis=1)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x + x[::-1],
        "y": rounded(top) + rounded(bottom)[::-1],
        "fill": "toself",
        "fillcolor": colour,
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": name,
    }


def moments(days: np.ndarray, manifest: Manifest) -> list[Any]:
    return dates_or_days(days, manifest.start_date)


def dates_or_days(days: np.ndarray, start_date: str | None) -> list[Any]:
    """Dates where the clock has a first day, else days."""
    if start_date is None:
        return [float(f"{day:.10g}") for day in days]
    start = datetime.fromisoformat(start_date)
    return [(start + timedelta(days=float(day))).isoformat(timespec="minutes") for day in days]


def rounded(values: np.ndarray) -> list[float]:
    """Six digits are more than a figure shows, and keep the page small."""
    return [float(f"{value:.6g}") for value in values]


def faded(colour: str, alpha: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"
