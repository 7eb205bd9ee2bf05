"""Report of a run that each row of the data is about: by its date, its day, its time, or in order."""

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
from lpmdsl.semantics.data_files.fit_columns import Says, column_of_time
from lpmdsl.semantics.data_files.named_files import Column, DataFile, parse_unit, texts
from lpmdsl.semantics.host.report_times import boundaries, is_flow_like, report_count
from lpmdsl.semantics.model import Fit, Model, Observation
from lpmdsl.source import Span

DATES = ("date", "first", "last")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NEAR = 1e-6


@dataclass(slots=True)
class Reader:
    """One file being matched; every mistake of a kind is reported once, with the first row that makes it."""

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
        """Report an error of the data."""
        self.report.add(code, message, span, help)


def reports_of(reader: Reader, of_row: NDArray) -> NDArray[np.int64] | None:
    """The report that every row is about; None after a report (E0910, E0921, E0922)."""
    when = column_of_time(reader.data, reader.fit, reader.model, reader.report)
    if when is None:
        return None
    column = when.column
    if column is None:
        found = _in_order(of_row).astype(np.float64)
    else:
        days = _days(reader, column, when.says)
        if days is None or (when.says in DATES and not _weeks_agree(reader, days, when.says)):
            return None
        found = _at(reader, days, by_time=when.says == "time")
    count = report_count(reader.model, reader.fit.observation, reader.steps)
    for index, number in enumerate(found):
        said = reader.data.shown(texts(reader.data, column)[index]) if column is not None else f"row {index + 1}"
        if not 0 <= number < count:
            told = f"{reader.row(index)} is about {said.strip('`')}, and {_covered(reader, count, when.says)}."
            reader.wrong("E0910", told, reader.fit.file_span, "Leave the row out, or let the clock run over it.")
            return None
        if number != round(number):
            reader.wrong(
                "E0910",
                f"{reader.row(index)} is about {said.strip('`')}, which falls between two reports of "
                f"`{reader.observation.name}`, every {reader.observation.every:g} days.",
                reader.fit.file_span,
                "Observe more often, or leave the row out.",
            )
            return None
    return found.astype(np.int64)


def _weeks_agree(reader: Reader, days: NDArray, says: Says) -> bool:
    """Return True if the periods of the data begin where the run's do, as far as their dates show; else report (E0922).

    Dates that all stand at one place within the run's periods are the first or the last days of periods. The last days
    of the run's could be the first days of others: a name says which, or a weekday on which weeks usually end.
    """
    every = reader.observation.every
    periods = is_flow_like(reader.model, reader.fit.observation) and every >= 2 and every == round(every)
    if not periods or reader.observation.months or len(days) == 0:
        return True
    places = np.unique(np.mod(np.floor(days + NEAR), every))
    one, place, weekday = len(places) == 1, float(places[0]), _weekday(reader, float(days[0]))
    agrees = {
        "first": one and place == 0,
        "last": one and place == every - 1,
        "date": not one or place == 0 or len(set(days.tolist())) < 2 or (place == every - 1 and weekday != "Monday"),
    }
    if agrees[says]:
        return True
    start = _weekday(reader, 0.0)
    stand = "begin or end" if says == "date" else "begin" if says == "first" else "end"
    reader.wrong(
        "E0922",
        f"The periods of `{reader.data.name}` {stand} on {weekday if one else 'several weekdays'}, and "
        f"those of `{reader.observation.name}` begin on {start}, every {every:g} days.",
        reader.fit.file_span,
        "Let the clock start on the day on which a period of the data begins; call the column `week_start` or "
        "`week_end` if its dates are that.",
    )
    return False


def _weekday(reader: Reader, day: float) -> str:
    start = datetime.date.fromisoformat(reader.model.clock.start or "2024-01-01")
    return WEEKDAYS[(start + datetime.timedelta(days=math.floor(day + NEAR))).weekday()]


def _in_order(of_row: NDArray) -> NDArray[np.int64]:
    """The k-th row of a group is about the k-th report."""
    found = np.zeros(len(of_row), np.int64)
    for group in np.unique(of_row):
        found[of_row == group] = np.arange((of_row == group).sum())
    return found


def _covered(reader: Reader, count: int, says: Says) -> str:
    """Time that the reports of the run are about, to its last complete one."""
    start, name, days = reader.model.clock.start, reader.observation.name, count * reader.observation.every
    if says not in DATES or start is None or reader.observation.months:
        return f"the run makes {count} reports of `{name}` in {reader.steps * reader.model.clock.step:g} days"
    first = datetime.date.fromisoformat(start)
    if not is_flow_like(reader.model, reader.fit.observation):
        last = first + datetime.timedelta(days=math.floor((count - 1) * reader.observation.every + NEAR))
        return f"the reports of `{name}` are from {first} to {last}"
    last = first + datetime.timedelta(days=math.ceil(days - NEAR) - 1)
    return f"the reports of `{name}` are about the days from {first} to {last}"


def _days(reader: Reader, column: Column, says: Says) -> NDArray[np.float64] | None:
    """Days since the start of every row; None after a report (E0910, E0913)."""
    cells = texts(reader.data, column)
    if says in DATES:
        return _from_dates(reader, cells)
    scale, dimension = parse_unit(column.unit) if column.unit else (1.0, NUMBER_DIM)
    if scale is None or (column.unit and str(dimension) != "days"):
        reader.wrong("E0913", f"`{column.header}` of `{reader.data.name}` is no unit of time.",
                     reader.fit.file_span, "Write `day`, `time [days]` or `time [weeks]`.")  # fmt: skip
        return None
    found = np.zeros(len(cells))
    for index, cell in enumerate(cells):
        if not re.fullmatch(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?", cell):
            told = f"{reader.row(index)}: {reader.data.shown(cell)} is no number of days."
            reader.wrong("E0910", told, reader.fit.file_span)
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
            reader.wrong("E0910", f"{reader.row(index)}: {reader.data.shown(cell)} is no date.", reader.fit.file_span,
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
