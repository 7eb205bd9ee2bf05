"""The observations of a run as one tidy table, its summary, and how to read it back from a folder."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from lpmdsl import __version__
from lpmdsl.backends.request import RunResult
from lpmdsl.config import MANIFEST_NAME, Manifest
from lpmdsl.diagnostics import Report, fail
from lpmdsl.escaping import csv_cell, csv_words
from lpmdsl.runtime.table import Table, texts
from lpmdsl.semantics.host.report_times import boundaries, times_of
from lpmdsl.semantics.model import Model, Observation
from lpmdsl.source import Source, Span
from lpmdsl.writing.folders import UNFINISHED, Contents, settle_if_free
from lpmdsl.writing.parquet import parquet
from lpmdsl.writing.plain import write_whole

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

COLUMNS = ("scenario", "replicate", "step", "time", "observation", "group", "value")
STATISTICS = ("total", "peak", "peak day", "mean", "median", "min", "max", "final")
OBSERVATIONS_NAME = "observations.csv"
PARQUET_NAME = "observations.parquet"
COMPARISON_NAME = "comparison.csv"
REPORT_NAME = "report.html"
RUN = Contents("run", MANIFEST_NAME, (OBSERVATIONS_NAME, PARQUET_NAME, COMPARISON_NAME, REPORT_NAME))


@dataclass(frozen=True)
class Results:
    """``table``: columns ``scenario, replicate, step, time, observation, group, value``; time in days since the start,
    step the boundary at which the report came out, value in the observation's own unit. ``compared``: the table of
    ``compare``, or empty. ``report``: warnings and broken checks. ``folder``: where they were written or read.
    ``observations``, ``comparison`` and ``summary`` are frames of pandas: they raise ``LpmError`` (E0860) without it.
    """

    table: Table
    manifest: Manifest
    compared: Table = field(default_factory=Table)
    report: Report = field(default_factory=Report)
    folder: Path | None = None

    @cached_property
    def observations(self) -> pd.DataFrame:
        """``table`` as a frame."""
        return self.table.frame()

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """``compared`` as a frame."""
        return self.compared.frame()

    def summary(self) -> pd.DataFrame:
        """Per scenario, observation and group: the medians over replicates of total (flows), peak and final value."""
        return summarised(self).frame()

    def plot(self, *observations: str) -> Figure:
        """A matplotlib figure of the observations, or of all: medians with bands of the middle 50 and 90 %.

        It shows itself in a notebook; ``savefig`` writes it. Raises ``LpmError``: E0840 for an unknown
        observation, E0860 without matplotlib (``lpmdsl[notebook]``).
        """
        return _cells().plotted(self, observations)

    def _repr_html_(self) -> str:
        return _cells().results_html(self)

    def to_csv(self, path: str | Path) -> None:
        """Write the observations as CSV."""
        write_whole(Path(path), csv_text(self.table))

    def to_parquet(self, path: str | Path) -> None:
        """Write the observations as Parquet."""
        write_whole(Path(path), parquet_bytes(self.table))


def summarised(results: Results) -> Table:
    """The table of ``Results.summary``."""
    table = statistics(results.table, results.manifest)
    groups = table.groups("scenario", "observation", "group")
    keys = Table({name: table[name] for name in ("scenario", "observation", "group")}).take(groups.first)
    return keys.having(**{name: groups.medians(table[name]) for name in ("total", "peak", "final")})


def _cells() -> Any:
    # By its name: pages and figures are made of results, and nobody needs them to have some.
    return import_module("lpmdsl.runtime.reports.cells")


def parquet_bytes(table: Table) -> bytes:
    """The table as a Parquet file."""
    columns = {name: values.tolist() if values.dtype == object else values for name, values in table.columns.items()}
    return parquet(columns, f"lpmdsl {__version__}")


def empty_observations() -> Table:
    """No rows, with the columns and their types."""
    kinds = (object, np.int64, np.int64, np.float64, object, object, np.float64)
    return Table({name: np.empty(0, kind) for name, kind in zip(COLUMNS, kinds, strict=True)})


def table_of(model: Model, scenario: str, replicate: int, result: RunResult) -> Table:
    """The tidy rows of one replicate, observation by observation as written; reports that never came are left out."""
    # One table at the end: thousands of short replicates would spend their time making small tables.
    parts = [_columns(o, result.observations[o.name], model) for o in model.reported if o.name in result.observations]
    rows = sum(len(part["step"]) for part in parts)
    if not rows:
        return empty_observations()
    joined = {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS[2:]}
    return Table({"scenario": texts(scenario, rows), "replicate": np.full(rows, replicate), **joined})


def _columns(observation: Observation, values: np.ndarray, model: Model) -> dict[str, np.ndarray]:
    """The reports of one observation by column, in the order of time and then of groups."""
    name, groups = observation.name, observation.groups
    reports = values.reshape(-1, len(groups))
    report, group = np.nonzero(~np.isnan(reports))
    step = boundaries(model, name, len(reports))[report]
    return {
        "step": step,
        "time": times_of(model, name, len(reports))[report],
        "observation": texts(name, len(step)),
        "group": np.array(groups, dtype=object)[group],
        "value": reports[report, group],
    }


def csv_text(table: Table, header: bool = True) -> str:
    """The table as CSV; a float is written so that it reads back as the same number, a whole one without a point.

    A text that a spreadsheet would take for a formula stands after an apostrophe (``escaping.csv_cell``).
    """
    written = io.StringIO(newline="")
    lines = csv.writer(written, lineterminator="\n")
    if header:
        lines.writerow(table.columns)
    lines.writerows(zip(*(_cells_of(values) for values in table.columns.values()), strict=True))
    return written.getvalue()


def _cells_of(values: np.ndarray) -> list[str] | list[int]:
    if values.dtype.kind == "f":
        return [_shortest(value) for value in values.tolist()]
    return [csv_cell(text) for text in values] if values.dtype == object else values.tolist()


def _shortest(value: float) -> str:
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(float(value))


def statistics(table: Table, manifest: Manifest) -> Table:
    """One row per scenario, replicate, observation and group with ``STATISTICS`` of its reports.

    Groups that add up to a whole are added first; a total of a level has no meaning and is NaN. The day of the peak is
    when the report of the largest value came out, the first of several, in days since the start.
    """
    added = {name for name, record in manifest.observations.items() if record.adds_up}
    flows = {name for name, record in manifest.observations.items() if record.is_flow}
    adds = np.array([name in added for name in table["observation"]], bool)
    keys = ("scenario", "replicate", "observation", "group")
    whole = Table({name: table[name] for name in (*keys, "step")})
    whole = whole.having(group=np.where(adds, texts("", len(table)), table["group"]))
    reports = whole.groups(*keys, "step")
    sums, values = whole.take(reports.first), reports.sums(table["value"])
    groups = sums.groups(*keys)
    peak, total = groups.highest(values), groups.sums(values)
    rows = Table({name: sums[name] for name in keys}).take(groups.first)
    is_flow = np.array([name in flows for name in rows["observation"]], bool)
    peaks = groups.first_where(values == peak[groups.of])
    return rows.having(**{
        "total": np.where(is_flow, total, np.nan), "peak": peak, "mean": total / groups.counts(),
        "min": groups.lowest(values), "max": peak, "final": values[groups.last()], "median": groups.medians(values),
        "peak day": sums["step"][peaks] * manifest.step_days,
    })  # fmt: skip


def read_results(folder: str | Path) -> Results:
    """The results that ``lpmc run`` left in a folder. Raises ``LpmError`` (E0824) where there are none."""
    folder = Path(folder)
    place = Span(Source(str(folder), ""), 0, 0)
    settle_if_free(folder, RUN)
    if not (folder / MANIFEST_NAME).is_file() and (folder / UNFINISHED / MANIFEST_NAME).is_file():
        folder = folder / UNFINISHED  # its first run has not come to its end
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
        table = _read_table(folder / OBSERVATIONS_NAME)
    except (OSError, ValidationError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise fail(
            "E0824",
            f"This folder holds no results of a run: {reason}.",
            place,
            help="Give the folder that `lpmc run` named.",
        ) from error
    comparison = folder / COMPARISON_NAME
    compared = _read_comparison(comparison) if comparison.is_file() else Table()
    return Results(table, manifest, compared, folder=folder)


def _read_comparison(path: Path) -> Table:
    words = ("scenario", "baseline", "report", "group", "unit")
    return Table({
        name: _as_texts(cells) if name in words else np.array([float(cell or "nan") for cell in cells], np.float64)
        for name, cells in _columns_of(path).items()
    })  # fmt: skip


def _read_table(path: Path) -> Table:
    columns = _columns_of(path)
    if tuple(columns) != COLUMNS:
        raise ValueError(f"{path.name} has other columns")
    kinds = {"replicate": (int, np.int64), "step": (int, np.int64), "time": (float, np.float64)}
    kinds["value"] = kinds["time"]
    return Table({
        name: np.array([*map(kinds[name][0], cells)], kinds[name][1]) if name in kinds else _as_texts(cells)
        for name, cells in columns.items()
    })  # fmt: skip


def _columns_of(path: Path) -> dict[str, tuple[str, ...]]:
    """The cells of a file that ``csv_text`` has written. Raises ``ValueError`` where a row is of another length."""
    with path.open(encoding="utf-8", newline="") as file:
        names, *rows = list(csv.reader(file)) or [[]]
    if any(len(row) != len(names) for row in rows):
        raise ValueError(f"{path.name} has rows of different lengths")
    return dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))


def _as_texts(cells: tuple[str, ...]) -> np.ndarray:
    """Texts without the apostrophes of ``csv_text``."""
    found = np.empty(len(cells), object)
    found[:] = [csv_words(cell) for cell in cells]
    return found
