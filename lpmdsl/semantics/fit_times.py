"""Which report of a run each row of the data is about: by its date, its day, its time, or in order."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpmdsl.diagnostics import Report
from lpmdsl.quantities import NUMBER_DIM
from lpmdsl.semantics.check_data import Column, DataFile, parse_unit, texts
from lpmdsl.semantics.model import Fit, Model, Observation
from lpmdsl.semantics.reports import boundaries, is_flow_like, period_text, report_count
from lpmdsl.source import Span

TIMES = ("date", "day", "time")
"""The columns that say what a row is about; the first that is there is taken."""
NEAR = 1e-6


@dataclass(slots=True)
class Reader:
    """One file being matched; every mistake of a kind is told once, with the first row that makes it."""

    model: Model
    fit: Fit
    observation: Observation
    data: DataFile
    report: Report
    counts: Mapping[str, int]
    steps: int

    def row(self, index: int) -> str:
        """``Row 5 of `cases.csv```: as an editor numbers the lines."""
        return self.data.where(index)

    def wrong(self, code: str, message: str, span: Span, help: str = "") -> None:
        self.report.add(code, message, span, help)


def reports_of(reader: Reader, of_row: NDArray) -> NDArray[np.int64] | None:
    """The report that every row is about; None after a report (E0910)."""
    column = next((c for name in TIMES if (c := reader.data.column(name)) is not None), None)
    if column is None:
        found = _in_order(of_row).astype(np.float64)
    else:
        days = _days(reader, column)
        if days is None:
            return None
        found = _at(reader, days, by_time=column.name == "time")
    count = report_count(reader.model, reader.fit.observation, reader.steps)
    for index, number in enumerate(found):
        said = texts(reader.data, column)[index] if column is not None else f"row {index + 1}"
        if not 0 <= number < count:
            reader.wrong("E0910", f"{reader.row(index)} is about {said}, and {_covered(reader, count)}.",
                         reader.fit.file_span, "Leave the row out, or let the clock run over it.")  # fmt: skip
            return None
        if number != round(number):
            reader.wrong("E0910", f"{reader.row(index)} is about {said}, which falls between two reports of "
                         f"`{reader.observation.name}`, {period_text(reader.observation)}.",
                         reader.fit.file_span, "Observe more often, or leave the row out.")  # fmt: skip
            return None
    return found.astype(np.int64)


def _in_order(of_row: NDArray) -> NDArray[np.int64]:
    """The k-th row of a group is about the k-th report."""
    found = np.zeros(len(of_row), np.int64)
    for group in np.unique(of_row):
        found[of_row == group] = np.arange((of_row == group).sum())
    return found


def _covered(reader: Reader, count: int) -> str:
    start, days = reader.model.clock.start, reader.steps * reader.model.clock.step
    if reader.data.column("date") is None or start is None:
        return f"the run makes {count} reports of `{reader.observation.name}` in {days:g} days"
    first = datetime.date.fromisoformat(start)
    return f"the run is from {first} to {first + datetime.timedelta(days=math.ceil(days))}"


def _days(reader: Reader, column: Column) -> NDArray[np.float64] | None:
    """Days since the start of every row; None after a report (E0910, E0913)."""
    cells = texts(reader.data, column)
    if column.name == "date":
        return _from_dates(reader, cells)
    scale, dimension = parse_unit(column.unit) if column.unit else (1.0, NUMBER_DIM)
    if scale is None or (column.unit and str(dimension) != "days"):
        reader.wrong("E0913", f"`{column.header}` of `{reader.data.name}` is no unit of time.",
                     reader.fit.file_span, "Write `day`, `time [days]` or `time [weeks]`.")  # fmt: skip
        return None
    found = np.zeros(len(cells))
    for index, cell in enumerate(cells):
        if not re.fullmatch(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?", cell):
            reader.wrong("E0910", f"{reader.row(index)}: `{cell}` is no number of days.", reader.fit.file_span)
            return None
        found[index] = float(cell) * scale
    return found


def _from_dates(reader: Reader, cells: list[str]) -> NDArray[np.float64] | None:
    start = reader.model.clock.start
    if start is None:
        reader.wrong("E0910", f"`{reader.data.name}` has dates, and the model's clock has none.",
                     reader.fit.file_span, "Write `from DATE for DURATION` under `clock`.")  # fmt: skip
        return None
    first = datetime.datetime.fromisoformat(start)
    found = np.zeros(len(cells))
    for index, cell in enumerate(cells):
        day = f"{cell}-01" if reader.observation.months and re.fullmatch(r"\d{4}-\d\d", cell) else cell
        try:
            found[index] = (datetime.datetime.fromisoformat(day) - first) / datetime.timedelta(days=1)
        except (ValueError, TypeError):
            reader.wrong("E0910", f"{reader.row(index)}: `{cell}` is no date.", reader.fit.file_span,
                         "Dates are written year-month-day, such as 2024-10-01.")  # fmt: skip
            return None
    return found


def _at(reader: Reader, days: NDArray, by_time: bool) -> NDArray[np.float64]:
    """The number of the report: of a period the one that the day lies in, or that ends at a time; else the moment."""
    if reader.observation.months:
        return _by_calendar(reader, days, by_time)
    every = reader.observation.every
    if not is_flow_like(reader.model, reader.fit.observation):
        found = days / every
    elif by_time:
        found = days / every - 1
    else:
        return np.floor(days / every + NEAR)
    near = np.round(found)
    return np.where(np.abs(found - near) < NEAR, near, found)


def _by_calendar(reader: Reader, days: NDArray, by_time: bool) -> NDArray[np.float64]:
    """The same for periods of months, which are unequal."""
    name, covers = reader.fit.observation, is_flow_like(reader.model, reader.fit.observation)
    count = report_count(reader.model, name, reader.steps)
    ends = boundaries(reader.model, name, count) * reader.model.clock.step
    if covers and not by_time:
        return np.searchsorted(ends, days + NEAR, side="right").astype(np.float64) - np.where(days < -NEAR, 1.0, 0.0)
    after = np.searchsorted(ends, days - NEAR)
    found = np.array([int(k) < count and abs(ends[k] - day) < NEAR for k, day in zip(after, days, strict=True)])
    past = (days > ends[-1] + NEAR if count else np.ones(days.shape, bool)) | (days < -NEAR)
    return np.where(found, after, np.where(past, -1.0, after - 0.5))
