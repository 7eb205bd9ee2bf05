"""Columns as values: numbers, labels, yes and no, names of places. What does not fit is reported with its row."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpmdsl.escaping import column_fault
from lpmdsl.quantities import UNITS, Dimension
from lpmdsl.reading.columns import Cells
from lpmdsl.reading.dates import days_meant
from lpmdsl.reading.door import near
from lpmdsl.reading.problem import Problem
from lpmdsl.reading.tabular import Column, DataFile

MISSING = ("", "NA", "N/A", "n/a", "na", "NaN", "nan", "NULL", "null", "#N/A", "None")
"""Words for a value that is not known, in any column."""
YES_NO = {"yes": 1, "no": 0, "true": 1, "false": 0, "1": 1, "0": 0, "1.0": 1, "0.0": 0, "y": 1, "n": 0}
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_COMMA = re.compile(r"[-+]?[0-9]+(,[0-9]+([eE][-+]?[0-9]+)?)?")
_THOUSANDS = re.compile(r"[-+]?[1-9][0-9]{0,2}(,[0-9]{3})+")
NUMBER_HELP = "Correct the cell; a number is written like 12.5, without a unit or thousands comma."


@dataclass(frozen=True, slots=True)
class Numbers:
    """``values`` with NaN where ``missing``; ``comma``: the decimal mark of the column is a comma."""

    values: NDArray[np.float64]
    missing: NDArray[np.bool_]
    comma: bool


def as_texts(data: DataFile, column: Column) -> Cells:
    """The cells as trimmed texts, "" for nothing. Raises ``Problem`` where one holds what cannot be seen."""
    cells = data.cells(column)
    fault = column_fault(list(cells.words))
    if fault is not None:
        code, why = fault
        help = "Correct the cell where the file was made, and export again."
        raise Problem("hidden", f"{data.where(cells.first(code), column)}, {why}.", help)
    return cells


def texts(data: DataFile, column: Column) -> list[str]:
    """The column as texts without surrounding blanks."""
    return as_texts(data, column).texts()


def distinct(data: DataFile, column: Column) -> list[str]:
    """The different texts of a column, sorted."""
    return sorted(as_texts(data, column).words)


def is_missing(cells: Cells, known: Sequence[str] = ()) -> NDArray[np.bool_]:
    """Mask of the values that are not known; a text that is a known label is one."""
    return cells.among([word for word in MISSING if word not in known]) >= 0


def numbers(data: DataFile, column: Column) -> Numbers:
    """The column as finite numbers. Raises ``Problem`` at the first cell that is none."""
    cells = as_texts(data, column)
    missing = is_missing(cells)
    comma = _has_decimal_commas(data, column, cells)
    values = cells.mapped(lambda word: _number(word.replace(",", ".") if comma else word))
    none = np.flatnonzero(~missing & ~np.isfinite(values))
    if none.size:
        row = int(none[0])
        told = f"{data.where(row, column)}, is {data.shown(cells.text(row))}, which is not a number."
        raise Problem("number", told, NUMBER_HELP)
    return Numbers(np.where(missing, np.nan, values), missing, comma)


def _number(word: str) -> float:
    """NaN for a text that is no number; infinite beyond what a number holds."""
    return float(word) if _NUMBER.fullmatch(word) else float("nan")


def _has_decimal_commas(data: DataFile, column: Column, cells: Cells) -> bool:
    """Return True if every number has a decimal comma or is whole. Raises where a comma could part thousands."""
    with_comma = [word for word in cells.words if "," in word]
    if not with_comma:
        return False
    if data.separator != ";" and all(_THOUSANDS.fullmatch(word) for word in with_comma):
        row = cells.first(cells.words.index(with_comma[0]))
        raise Problem(
            "number",
            f"{data.where(row, column)}, is {data.shown(with_comma[0])}: a decimal comma, or one that parts thousands?",
            "Write 1234 or 1.234; in a file with semicolons a comma is always a decimal comma.",
        )
    return all(_COMMA.fullmatch(word) for word in cells.words if word not in MISSING)


def blank(data: DataFile, column: Column, row: int, example: str) -> Problem:
    """A cell whose value is not known, and nothing says what that means."""
    cell = data.shown(as_texts(data, column).text(row))
    return Problem(
        "blank",
        f"{data.where(row, column)}, is {cell}: its value is not known.",
        f"Fill in the cell, or say what a missing value means: `{example}`.",
    )


def codes(data: DataFile, column: Column, labels: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Every cell's number among the labels, and where it is missing (number 0). Raises ``Problem`` at a strange one."""
    cells = as_texts(data, column)
    missing = is_missing(cells, labels)
    numbers = cells.among(labels)
    _all_known(data, column, cells, (numbers < 0) & ~missing, labels)
    return np.where(missing, 0, numbers), missing


def truths(data: DataFile, column: Column) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """1 for yes, 0 for no, and where it is missing (0). Raises ``Problem`` at a strange cell."""
    cells = as_texts(data, column)
    missing = is_missing(cells)
    found = cells.mapped(lambda word: YES_NO.get(word.lower(), -1)).astype(np.int64)
    _all_known(data, column, cells, (found < 0) & ~missing, ("yes", "no"))
    return np.maximum(found, 0), missing


_DATE = re.compile(r"(\d{4}-\d\d-\d\d)([T ]00:00(:00(\.0+)?)?)?")


def days(data: DataFile, column: Column, since: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Dates as days since a date, and where one is missing (0). Raises ``Problem`` at the first cell that is none."""
    cells = as_texts(data, column)
    missing = is_missing(cells)
    start = datetime.date.fromisoformat(since)
    values = cells.mapped(lambda word: _day(word, start))
    none = np.flatnonzero(~missing & np.isnan(values))
    if none.size:
        raise _no_day(data, column, int(none[0]), cells.text(int(none[0])))
    return np.where(missing, 0.0, values), missing


def _day(word: str, start: datetime.date) -> float:
    """Days since ``start``; NaN for a text that is no day."""
    written = _DATE.fullmatch(word)
    try:
        return float((datetime.date.fromisoformat(written[1] if written else "") - start).days)
    except ValueError:
        return float("nan")


def _no_day(data: DataFile, column: Column, row: int, cell: str) -> Problem:
    _, meant = days_meant(cell)
    help = "Correct the cell; a day is written like 2024-10-01."
    if meant and data.file.quotable:
        help = f"Write `{meant[0]}`" + (f", or `{meant[1]}` if the month stands first." if len(meant) > 1 else ".")
    return Problem("number", f"{data.where(row, column)}, is {data.shown(cell)}, which is not a day.", help)


def _all_known(data: DataFile, column: Column, cells: Cells, strange: NDArray[np.bool_], labels: Sequence[str]) -> None:
    rows = np.flatnonzero(strange)
    if rows.size:
        cell = cells.text(int(rows[0]))
        known = ", ".join(labels[:12])
        told = f"{data.where(int(rows[0]), column)}, is {data.shown(cell)}, which is none of {known}."
        hint = near(cell, labels) if data.file.quotable else ""
        raise Problem("label", told + hint, "Correct the cell, or add the label to `one of`.")


def places(data: DataFile, column: Column) -> tuple[NDArray[np.int32], int, NDArray[np.bool_]]:
    """Places numbered in order of first appearance (−1 where missing), how many, and where missing."""
    cells = as_texts(data, column)
    missing = is_missing(cells)
    named = [word for word in cells.words if word not in MISSING]
    return cells.among(named).astype(np.int32), len(named), missing


def parse_unit(text: str) -> tuple[float | None, Dimension]:
    """Scale and dimension of ``contacts per day``, ``years``, ``%``; (None, …) if it is no unit."""
    scale, dimension, sign = 1.0, Dimension(), 1
    for word in text.split():
        if word == "per":
            sign = -1
            continue
        if word == "%":
            scale *= 0.01
        elif word in UNITS:
            scale *= UNITS[word].scale ** sign
            dimension = dimension * UNITS[word].dimension ** sign
        else:
            return None, dimension
    return scale, dimension
