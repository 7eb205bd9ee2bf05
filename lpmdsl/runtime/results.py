"""The observations of a run as one tidy table, its summary, and how to read it back from a folder."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from lpmdsl import __version__
from lpmdsl.backends.request import RunResult
from lpmdsl.config import MANIFEST_NAME, Manifest
from lpmdsl.diagnostics import Report, fail
from lpmdsl.escaping import csv_cell, csv_words
from lpmdsl.runtime.quantiles import median
from lpmdsl.semantics.host.report_times import boundaries, times_of
from lpmdsl.semantics.model import Model, Observation
from lpmdsl.source import Source, Span
from lpmdsl.writing.folders import UNFINISHED, Contents, settle_if_free
from lpmdsl.writing.parquet import parquet
from lpmdsl.writing.plain import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = ("scenario", "replicate", "step", "time", "observation", "group", "value")
STATISTICS = ("total", "peak", "peak day", "mean", "median", "min", "max", "final")
OBSERVATIONS_NAME = "observations.csv"
PARQUET_NAME = "observations.parquet"
COMPARISON_NAME = "comparison.csv"
REPORT_NAME = "report.html"
RUN = Contents("run", MANIFEST_NAME, (OBSERVATIONS_NAME, PARQUET_NAME, COMPARISON_NAME, REPORT_NAME))


@dataclass(frozen=True, slots=True)
class Results:
    """``observations``: columns ``scenario, replicate, step, time, observation, group, value``; time in days since the
    start, step the boundary at which the report came out, value in the observation's own unit.
    ``comparison``: the table of ``compare``, or empty. ``report``: warnings and broken checks. ``folder``: where they
    were written or read.
    """

    observations: pd.DataFrame
    manifest: Manifest
    comparison: pd.DataFrame = field(default_factory=pd.DataFrame)
    report: Report = field(default_factory=Report)
    folder: Path | None = None

    def summary(self) -> pd.DataFrame:
        """Per scenario, observation and group: the medians over replicates of total (flows), peak and final value."""
        table = statistics(self.observations, self.manifest)
        keys, shown = ["scenario", "observation", "group"], ["total", "peak", "final"]
        return pd.DataFrame({name: _medians(table, keys, name) for name in shown}).reset_index()

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
        write_whole(Path(path), csv_text(self.observations))

    def to_parquet(self, path: str | Path) -> None:
        """Write the observations as Parquet."""
        write_whole(Path(path), parquet_bytes(self.observations))


def parquet_bytes(table: pd.DataFrame) -> bytes:
    """The table as a Parquet file."""
    columns = {name: table[name].to_numpy() if table[name].dtype.kind in "iuf" else table[name].tolist()
               for name in table.columns}  # fmt: skip
    return parquet(columns, f"lpmdsl {__version__}")


def _cells() -> Any:
    # By its name: pages and figures are made of results, and nobody needs them to have some.
    return import_module("lpmdsl.runtime.reports.cells")


def empty_observations() -> pd.DataFrame:
    """No rows, with the columns and their types."""
    kinds = ("str", "int64", "int64", "float64", "str", "str", "float64")
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in zip(COLUMNS, kinds, strict=True)})


def frame_of(model: Model, scenario: str, replicate: int, result: RunResult) -> pd.DataFrame:
    """The tidy rows of one replicate, observation by observation as written; reports that never came are left out."""
    # One table at the end: thousands of short replicates would spend their time making small tables.
    parts = [
        _columns(o, result.observations[o.name], model) for o in model.observations if o.name in result.observations
    ]
    if not sum(len(part["step"]) for part in parts):
        return empty_observations()
    joined = {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS[2:]}
    table = pd.DataFrame({"scenario": scenario, "replicate": replicate, **joined})
    return table.astype({"scenario": "str", "observation": "str", "group": "str"})


def _columns(observation: Observation, values: np.ndarray, model: Model) -> dict[str, np.ndarray]:
    """The reports of one observation by column, in the order of time and then of groups."""
    name, groups = observation.name, observation.groups
    reports = values.reshape(-1, len(groups))
    report, group = np.nonzero(~np.isnan(reports))
    step = boundaries(model, name, len(reports))[report]
    return {
        "step": step,
        "time": times_of(model, name, len(reports))[report],
        "observation": np.full(len(step), name, dtype=object),
        "group": np.array(groups, dtype=object)[group],
        "value": reports[report, group],
    }


def csv_text(table: pd.DataFrame, header: bool = True) -> str:
    """The table as CSV; a float is written so that it reads back as the same number, a whole one without a point.

    A text that a spreadsheet would take for a formula stands after an apostrophe (``escaping.csv_cell``).
    """
    shown = table.copy()
    for column in shown.columns:
        if shown[column].dtype.kind == "f":
            shown[column] = pd.Series([_shortest(v) for v in shown[column]], index=shown.index, dtype=object)
        elif shown[column].dtype.kind not in "biu":
            shown[column] = shown[column].map(csv_cell, na_action="ignore")
    return shown.to_csv(index=False, header=header, lineterminator="\n")


def _shortest(value: float) -> str:
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(float(value))


def statistics(observations: pd.DataFrame, manifest: Manifest) -> pd.DataFrame:
    """One row per scenario, replicate, observation and group with ``STATISTICS`` of its reports.

    Groups that add up to a whole are added first; a total of a level has no meaning and is NaN. The day of the peak is
    when the report of the largest value came out, the first of several, in days since the start.
    """
    added = [name for name, record in manifest.observations.items() if record.adds_up]
    flows = [name for name, record in manifest.observations.items() if record.is_flow]
    whole = observations.assign(group=observations["group"].where(~observations["observation"].isin(added), ""))
    keys = ["scenario", "replicate", "observation", "group"]
    sums = pd.DataFrame(whole.groupby([*keys, "step"], sort=False, as_index=False)["value"].sum())
    sums["day"] = sums["step"] * manifest.step_days
    grouped = sums.groupby(keys, sort=False)["value"]
    named = {
        "total": "sum",
        "peak": "max",
        "mean": "mean",
        "min": "min",
        "max": "max",
        "final": "last",
    }
    table = pd.DataFrame({name: grouped.agg(how) for name, how in named.items()})
    table["median"] = _medians(sums, keys, "value")
    peaks = sums.loc[grouped.idxmax().dropna().astype("int64")]
    table["peak day"] = peaks.set_index(keys)["day"]
    table = table.reset_index()
    return table.assign(total=table["total"].where(table["observation"].isin(flows)))


def _medians(table: pd.DataFrame, keys: list[str], column: str) -> pd.Series:
    """The median of each group of a column; ours only where some are infinite, because it goes group by group."""
    grouped = table.groupby(keys, sort=False)[column]
    return pd.Series(grouped.agg(median) if np.isinf(table[column].to_numpy()).any() else grouped.median())


def rows_where(table: pd.DataFrame, column: str, value: str) -> pd.DataFrame:
    """The rows whose ``column`` says ``value``."""
    return pd.DataFrame(table.loc[(table[column] == value).to_numpy()])


def read_results(folder: str | Path) -> Results:
    """The results that ``lpmc run`` left in a folder. Raises ``LpmError`` (E0824) where there are none."""
    folder = Path(folder)
    place = Span(Source(str(folder), ""), 0, 0)
    settle_if_free(folder, RUN)
    if not (folder / MANIFEST_NAME).is_file() and (folder / UNFINISHED / MANIFEST_NAME).is_file():
        folder = folder / UNFINISHED  # its first run has not come to its end
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
        observations = _read_table(folder / OBSERVATIONS_NAME)
    except (OSError, ValidationError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise fail(
            "E0824",
            f"This folder holds no results of a run: {reason}.",
            place,
            help="Give the folder that `lpmc run` named.",
        ) from error
    comparison = folder / COMPARISON_NAME
    compared = _read_comparison(comparison) if comparison.is_file() else pd.DataFrame()
    return Results(observations, manifest, compared, folder=folder)


def _read_comparison(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path, dtype="str", keep_default_na=False)  # a group may be called NA
    for column in table.columns:
        if column not in ("scenario", "baseline", "report", "group", "unit"):
            table[column] = pd.to_numeric(table[column])
    return _with_words(table)


def _read_table(path: Path) -> pd.DataFrame:
    table = pd.read_csv(
        path,
        dtype={"scenario": "str", "observation": "str", "group": "str", "value": "float64", "time": "float64"},
        keep_default_na=False,
    )
    if tuple(table.columns) != COLUMNS:
        raise ValueError(f"{path.name} has other columns")
    return _with_words(table)


def _with_words(table: pd.DataFrame) -> pd.DataFrame:
    """A table that was read, its texts without the apostrophes of ``csv_text``."""
    for column in table.columns:
        if table[column].dtype.kind not in "biuf":
            table[column] = table[column].map(csv_words, na_action="ignore")
    return table
