"""The data of a fit, matched to the reports of a run: what was observed, when, and of whom.

A row is about a date, a day or a time, or, in a file without such a column, about the next report. Empty cells and
missing rows are gaps: nothing is known of these reports, which is not the same as nobody.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lpmdsl.diagnostics import Report
from lpmdsl.distributions.table import DISTRIBUTIONS
from lpmdsl.quantities import Kind
from lpmdsl.reading.cells import numbers
from lpmdsl.reading.door import is_there, place_of
from lpmdsl.reading.problem import Problem
from lpmdsl.semantics import model
from lpmdsl.semantics.data_files.fit_times import NEAR, Reader, reports_of
from lpmdsl.semantics.data_files.named_files import (
    Column,
    DataFile,
    find_column,
    parse_unit,
    read_data_from,
    tell_commas,
    texts,
)
from lpmdsl.semantics.host.report_times import adds_up, report_count, times_of
from lpmdsl.semantics.model import AttributeRef, Fit, Model, StateOf
from lpmdsl.source import Span

SCATTER = 2.0
"""Data scatter: how far above the most that can happen they may lie before their unit is doubted."""


@dataclass(frozen=True, slots=True)
class FitData:
    """``values``: (reports, groups) in the observation's own unit, NaN where nothing was observed.

    ``times``: days since the start of every report (the end of its period). One group: the whole.
    """

    fit: Fit
    values: NDArray[np.float64]
    groups: tuple[str, ...]
    times: NDArray[np.float64]


def read_fit_data(
    checked: Model,
    fit: Fit,
    folder: Path | None,
    report: Report,
    counts: Mapping[str, int] | None = None,
    steps: int | None = None,
) -> FitData | None:
    """The data of one fit in ``folder``; None after a report (E0406 to E0409, E0413, E0910 to E0915).

    ``folder`` None: where the text's names start from. ``counts``: agents of a kind other than the model says.
    """
    data = read_data_from(report, fit.file, place_of(fit.file_span.source).moved(folder), fit.file_span)
    column = find_column(report, data, fit.column, fit.column_span) if data is not None else None
    if data is None or column is None:
        return None
    observation = checked.observation(fit.observation)
    people = {a.name: a.count or 0 for a in checked.agents} | dict(counts or {})
    reader = Reader(checked, fit, observation, data, report, people, steps or checked.clock.steps)
    scale = _scale(reader, column)
    values = _numbers(reader, column) if scale is not None else None
    places = _groups(reader) if values is not None else None
    if scale is None or values is None or places is None:
        return None
    groups, of_row = places
    try:
        reports = reports_of(reader, of_row)
    except Problem as problem:
        problem.tell(report, fit.file_span)
        return None
    if reports is None or not _possible(reader, values * scale, reports):
        return None
    return _matched(reader, values * scale, reports, of_row, groups)


def _matched(
    reader: Reader, values: NDArray, reports: NDArray, of_row: NDArray, groups: tuple[str, ...]
) -> FitData | None:
    count, fit = report_count(reader.model, reader.fit.observation, reader.steps), reader.fit
    table = np.full((count, len(groups)), np.nan)
    taken: dict[tuple[int, int], int] = {}
    for index, cell in enumerate(zip(reports.tolist(), of_row.tolist(), strict=True)):
        if cell in taken:
            reader.wrong("E0914", f"{reader.row(index)} is about the same report as row "
                         f"{reader.data.line(taken[cell])}.", fit.file_span,
                         "Keep one of them, or name the column that tells them apart: "
                         "`column … by GROUP`.")  # fmt: skip
            return None
        taken[cell] = index
        table[cell] = values[index]
    if np.isnan(table).all():
        reader.wrong("E0915", f"Column `{fit.column}` of `{reader.data.name}` holds no number.", fit.column_span)
        return None
    return FitData(fit, table, groups, times_of(reader.model, fit.observation, count))


# ------------------------------------------------------------------ values


def _scale(reader: Reader, column: Column) -> float | None:
    """Size of the column's unit in the observation's; None after a report (E0913)."""
    if column.unit is None:
        return 1.0
    scale, dimension = parse_unit(column.unit)
    want = reader.observation.type.dimension
    if scale is not None and dimension.without_people() == want.without_people():
        return scale / reader.observation.scale
    unit = reader.observation.unit or "a pure number"
    what = "is no unit" if scale is None else f"is {dimension}".replace("is per", "is per")
    reader.wrong("E0913", f"`{column.header}` of `{reader.data.name}`: `{column.unit}` {what}, and "
                 f"`{reader.observation.name}` is in {unit}.", reader.fit.column_span,
                 f"Fit another observation, or give the column in {unit}.")  # fmt: skip
    return None


def _numbers(reader: Reader, column: Column) -> NDArray[np.float64] | None:
    """The column with NaN for empty cells; None after a report (E0408)."""
    try:
        found = numbers(reader.data, column)
    except Problem as problem:
        help = "Correct the cell, or leave it empty: an empty cell is a gap."
        Problem(problem.sort, problem.message, help).tell(reader.report, reader.fit.column_span)
        return None
    if found.comma:
        tell_commas(reader.report, reader.data, column, reader.fit.column_span)
    return np.where(found.missing, np.nan, found.values)


def _possible(reader: Reader, values: NDArray, reports: NDArray) -> bool:
    """Return True if the observation could have these values; else a report (E0912, E0913)."""
    fit, observation = reader.fit, reader.observation
    family = DISTRIBUTIONS[fit.likelihood.family]
    negative = np.flatnonzero(values < 0)
    if len(negative) and family.support != "real":
        index = int(negative[0])
        reader.wrong("E0912", f"{reader.row(index)}, column `{fit.column}`, is {values[index]:g}: there are no "
                     "negative counts.", fit.column_span,
                     "Correct the cell; if it takes back earlier reports, subtract it there.")  # fmt: skip
        return False
    nothing = np.flatnonzero(values == 0)
    if len(nothing) and family.support == "positive":
        reader.wrong("E0912", f"{reader.row(int(nothing[0]))}, column `{fit.column}`, is 0, which a "
                     f"{family.name} never gives.", fit.column_span,
                     "For counts that can be 0 there is `negative_binomial(dispersion …)`.")  # fmt: skip
        return False
    most, whose = _most(reader)
    seen = np.flatnonzero(values > most * (1 if fit.likelihood.family == "binomial" else SCATTER) + NEAR)
    if len(seen):
        index = int(seen[0])
        reader.wrong("E0913", f"{reader.row(index)}, column `{fit.column}`, is {values[index]:,.15g}, and "
                     f"`{observation.name}` cannot exceed {most:,.15g}{whose}.", fit.column_span,
                     "Is the column in another unit, or of another population? Its unit can stand in its header, "
                     "such as `cases [per week]`.")  # fmt: skip
        return False
    return family.support != "whole" or _whole(reader, values)


def _whole(reader: Reader, values: NDArray) -> bool:
    """Return True if counts are whole numbers: shares of people, rates and thousands are not (E0913)."""
    parts = np.flatnonzero(~np.isnan(values) & (np.abs(values - np.round(values)) > NEAR))
    if not len(parts):
        return True
    index, family = int(parts[0]), reader.fit.likelihood.family
    reader.wrong("E0913", f"{reader.row(index)}, column `{reader.fit.column}`, is {values[index]:g} in the unit of "
                 f"`{reader.observation.name}`, and `{family}` is for whole counts.", reader.fit.column_span,
                 "Is the column in another unit, such as per 1 000? For what is no count there is "
                 "`normal(sd …)`.")  # fmt: skip
    return False


def _most(reader: Reader) -> tuple[float, str]:
    """Bound that no report can exceed, in the observation's own unit, and why."""
    observation = reader.observation
    if observation.type.kind in (Kind.SHARE, Kind.PROBABILITY):
        if reader.fit.likelihood.family == "binomial":
            return math.inf, ""
        return 1 / observation.scale, f" {observation.unit}: it is a share"
    people = reader.counts.get(observation.of, 0)
    match observation.value:
        case model.Level(aggregate) if aggregate.function == "count" and people:
            return people / observation.scale, f": there are {people:,} {observation.of}"
        case model.Flow(condition, _, _) if people and not reader.model.condition(condition).is_cyclic:
            most = people / round(observation.every * observation.scale, 12)
            return most, f": each of the {people:,} {observation.of} enters once"
        case _:
            return math.inf, ""


# ------------------------------------------------------------------ groups


def _groups(reader: Reader) -> tuple[tuple[str, ...], NDArray[np.int64]] | None:
    """The groups of the data and the group of every row; None after a report (E0407, E0911)."""
    fit, observation = reader.fit, reader.observation
    if not fit.by:
        if len(observation.groups) > 1 and not adds_up(observation):
            reader.wrong("E0911", f"The groups of `{observation.name}` do not add up to one number.", fit.span,
                         f"Name the column that says the group: `column {fit.column} by …`.")  # fmt: skip
            return None
        return ("",), np.zeros(reader.data.rows, np.int64)
    names = [e.name if isinstance(e, AttributeRef) else e.condition if isinstance(e, StateOf) else ""
             for e in observation.by]  # fmt: skip
    if sorted(names) != sorted(fit.by):
        told = f"by {', '.join(names)}" if names else "of everybody together"
        reader.wrong("E0911", f"The data are by {', '.join(fit.by)}, and `{observation.name}` is {told}.", fit.span,
                     f"Observe `{observation.name} … by {', '.join(fit.by)}`, or leave `by` out.")  # fmt: skip
        return None
    columns = [find_column(reader.report, reader.data, name, fit.span) for name in names]
    if any(c is None for c in columns):
        return None
    rows = ["|".join(cells) for cells in zip(*(texts(reader.data, c) for c in columns if c), strict=True)]
    known = {label: k for k, label in enumerate(observation.groups)}
    for index, label in enumerate(rows):
        if label not in known:
            shown = ", ".join(g.replace("|", " ") for g in observation.groups[:8])
            reader.wrong("E0911", f"{reader.row(index)} is about `{label.replace('|', ' ')}`, and the groups of "
                         f"`{observation.name}` are {shown}.", fit.span)  # fmt: skip
            return None
    return observation.groups, np.array([known[label] for label in rows], np.int64)


def unfitted(checked: Model, fits: tuple[Fit, ...], data: DataFile, file_span: Span, report: Report) -> None:
    """Tells of columns with the name of an observation that no fit reads (N0918)."""
    fitted = {f.observation for f in fits} | {f.column for f in fits}
    for column in data.columns:
        if column.name in {o.name for o in checked.reported} - fitted:
            report.add("N0918", f"`{column.name}` is observed and stands in `{data.name}`, and nothing fits it.",
                       file_span, f'Write `fit {column.name} to "{data.name}" column {column.name} with …`, if it '
                       "should have a say.")  # fmt: skip


def check_fits(checked: Model, report: Report) -> None:
    """Reports what is wrong with the data that stand beside the model."""
    for calibration in checked.calibrations:
        for fit in calibration.fits:
            place = place_of(fit.file_span.source)
            if not is_there(fit.file, place):
                continue
            read_fit_data(checked, fit, None, report)
            data = read_data_from(Report(), fit.file, place, fit.file_span)
            if data is not None:
                unfitted(checked, calibration.fits, data, fit.file_span, report)
