"""The columns of a population: one way to read them, for the check and for the run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpmdsl.diagnostics import did_you_mean
from lpmdsl.quantities import TIME, UNITS, Kind, Type
from lpmdsl.reading import cells
from lpmdsl.reading.problem import Problem
from lpmdsl.reading.tabular import Column, DataFile
from lpmdsl.source import Span


@dataclass(frozen=True, slots=True)
class Wanted:
    """A column that the text asks for; ``type`` is the attribute's (``Kind.PLACE``: any names or numbers).

    ``missing``: what a missing value means, in base units or as the number of a label (−1 for a place: none); None: it
    is a mistake. ``low``, ``high``: declared limits in base units. ``since``: the day from which dates count.
    """

    name: str
    type: Type
    span: Span
    missing: float | None = None
    low: float | None = None
    high: float | None = None
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """``values`` in base units; labels, yes/no and places as numbers. ``comma``: read with decimal commas."""

    values: NDArray
    comma: bool = False
    places: int = 0


def column_values(data: DataFile, want: Wanted) -> Read:
    """The column that is wanted, every cell of it. Raises ``Problem`` at the first that does not fit."""
    column = data.need(want.name)
    match want.type.kind:
        case Kind.PLACE:
            numbers, places, missing = cells.places(data, column)
            _declared(data, column, want, missing, f"{want.name} place missing as none")
            return Read(numbers, places=places)
        case Kind.CATEGORY:
            codes, missing = cells.codes(data, column, want.type.labels)
            _declared(data, column, want, missing, f'{want.name} category missing as "unknown"')
            return Read(np.where(missing, want.missing or 0, codes).astype(np.int64))
        case Kind.BOOLEAN:
            truths, missing = cells.truths(data, column)
            _declared(data, column, want, missing, f"{want.name} yes/no missing as no")
            return Read(np.where(missing, want.missing or 0, truths).astype(np.int64))
        case Kind.DATE:
            return _days(data, column, want)
        case _:
            return _quantities(data, column, want)


def scale_of(data: DataFile, column: Column, want: Wanted) -> float:
    """Size of the header's unit in base units. Raises ``Problem`` where it does not fit the attribute."""
    unit = (column.unit or "").strip()
    scale, dimension = cells.parse_unit(unit)
    if scale is None:
        word = next(w for w in unit.split() if w not in (*UNITS, "per", "%"))
        raise Problem(
            "no unit",
            f"Column `{column.name}` of `{data.name}`: there is no unit {data.shown(word)}.{did_you_mean(word, UNITS)}",
            "Units are written as in the model: `[years]`, `[USD per week]`, `[%]`.",
        )
    if dimension.without_people() != want.type.dimension.without_people():
        example = "years" if want.type.dimension == TIME else str(want.type.dimension)
        told = f"is in {unit}" if unit else "has no unit"
        raise Problem(
            "unit",
            f"Column `{column.name}` of `{data.name}` {told}, and `{want.name}` is {want.type}.",
            f"Write the unit into the header: `{column.name} [{example}]`.",
        )
    return scale


def _quantities(data: DataFile, column: Column, want: Wanted) -> Read:
    scale = scale_of(data, column, want)
    found = cells.numbers(data, column)
    example = f"{want.name} … missing as {'30 years' if want.type.dimension == TIME else 'VALUE'}"
    _declared(data, column, want, found.missing, example)
    values = np.where(found.missing, want.missing if want.missing is not None else 0.0, found.values * scale)
    if want.type.kind in (Kind.SHARE, Kind.PROBABILITY):
        help = f"If the column is in per cent, write `{column.name} [%]` into the header."
        told = f"a {want.type.kind.value} lies between 0 and 1"
        _inside(data, column, want, found, values, (0.0, 1.0), told, help)
    elif want.low is not None or want.high is not None:
        limits = (-np.inf if want.low is None else want.low, np.inf if want.high is None else want.high)
        told = f"`{want.name}` is declared `between` other limits"
        _inside(data, column, want, found, values, limits, told, "Correct the cell, or the limits.")
    elif want.type.dimension == TIME:
        told = "no time is below 0"
        _inside(data, column, want, found, values, (0.0, np.inf), told, "Correct the cell, or declare `between`.")
    return Read(values, found.comma)


def _days(data: DataFile, column: Column, want: Wanted) -> Read:
    """Dates as days since ``want.since``."""
    days, missing = cells.days(data, column, want.since or "1970-01-01")
    _declared(data, column, want, missing, f"{want.name} date missing as {want.since}")
    values = np.where(missing, want.missing if want.missing is not None else 0.0, days)
    low, high = (-np.inf if want.low is None else want.low), (np.inf if want.high is None else want.high)
    outside = np.flatnonzero(((values < low) | (values > high)) & ~missing)
    if outside.size:
        row = int(outside[0])
        told = f"{data.where(row, column)}, is {data.shown(cells.texts(data, column)[row])}"
        raise Problem("range", f"{told}: `{want.name}` is declared `between` other days.", "Correct the cell.")
    return Read(values)


def _inside(
    data: DataFile, column: Column, want: Wanted, found: cells.Numbers, values: NDArray, limits: tuple[float, float],
    told: str, help: str,
) -> None:  # fmt: skip
    outside = np.flatnonzero(((values < limits[0]) | (values > limits[1])) & ~found.missing)
    if outside.size:
        row = int(outside[0])
        cell = data.shown(f"{found.values[row]:g}")
        raise Problem("range", f"{data.where(row, column)}, is {cell}: {told}.", help)


def _declared(data: DataFile, column: Column, want: Wanted, missing: NDArray[np.bool_], example: str) -> None:
    rows = np.flatnonzero(missing)
    if rows.size and want.missing is None:
        raise cells.blank(data, column, int(rows[0]), example)
