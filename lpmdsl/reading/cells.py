"""Columns as values: numbers, labels, yes and no, names of places. What does not fit is reported with its row."""

# pyarrow makes the functions of `compute` when it is imported, so their names are not in its text.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow
import pyarrow.compute as compute
from numpy.typing import NDArray

from lpmdsl.escaping import column_fault
from lpmdsl.quantities import UNITS, Dimension
from lpmdsl.reading.dates import days_meant
from lpmdsl.reading.door import near
from lpmdsl.reading.problem import Problem
from lpmdsl.reading.tabular import Column, DataFile

MISSING = ("", "NA", "N/A", "n/a", "na", "NaN", "nan", "NULL", "null", "#N/A", "None")
"""Words for a value that is not known, in any column."""
YES_NO = {"yes": 1, "no": 0, "true": 1, "false": 0, "1": 1, "0": 0, "1.0": 1, "0.0": 0, "y": 1, "n": 0}
_COMMA = r"^[-+]?\d+,\d+([eE][-+]?\d+)?$"
_WHOLE = r"^[-+]?\d+$"
_THOUSANDS = r"^[-+]?[1-9]\d{0,2}(,\d{3})+$"
NUMBER_HELP = "Correct the cell; a number is written like 12.5, without a unit or thousands comma."


@dataclass(frozen=True, slots=True)
class Numbers:
    """``values`` with NaN where ``missing``; ``comma``: the decimal mark of the column is a comma."""

    values: NDArray[np.float64]
    missing: NDArray[np.bool_]
    comma: bool


def as_texts(data: DataFile, column: Column) -> pyarrow.Array:
    """The cells as trimmed texts, "" for nothing. Raises ``Problem`` where one holds what cannot be seen."""
    cells = data.cells(column).combine_chunks()
    if isinstance(cells, pyarrow.ChunkedArray):
        cells = cells.chunk(0) if cells.num_chunks else pyarrow.array([], pyarrow.string())
    if pyarrow.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if pyarrow.types.is_boolean(cells.type):
        cells = compute.if_else(cells, "yes", "no")
    if pyarrow.types.is_duration(cells.type):
        help = "Export it as a number of days."
        raise Problem(
            "number", f"Column `{column.name}` of `{data.name}` holds lengths of time in {cells.type.unit}.", help
        )
    if pyarrow.types.is_timestamp(cells.type):
        # A day is that of the clock on the wall where it was written, not of Greenwich.
        cells = cells if cells.type.tz is None else compute.local_timestamp(cells)
        cells = compute.strftime(cells.cast(pyarrow.timestamp("s"), safe=False), "%Y-%m-%dT%H:%M:%S")
    if pyarrow.types.is_floating(cells.type):
        whole = compute.equal(compute.round(cells), cells)
        cells = compute.if_else(
            compute.fill_null(whole, False), cells.cast(pyarrow.int64(), safe=False).cast(pyarrow.string()),
            cells.cast(pyarrow.string()),
        )  # fmt: skip
    try:
        trimmed = compute.utf8_trim_whitespace(compute.fill_null(cells.cast(pyarrow.string()), ""))
    except (ValueError, pyarrow.ArrowException) as error:
        raise Problem("number", f"Column `{column.name}` of `{data.name}` holds neither texts nor numbers.") from error
    fault = column_fault(compute.unique(trimmed).to_pylist())
    if fault is not None:
        row, why = column_fault(trimmed.to_pylist()) or fault
        help = "Correct the cell where the file was made, and export again."
        raise Problem("hidden", f"{data.where(row, column)}, {why}.", help)
    return trimmed


def texts(data: DataFile, column: Column) -> list[str]:
    """The column as texts without surrounding blanks."""
    return as_texts(data, column).to_pylist()


def distinct(data: DataFile, column: Column) -> list[str]:
    """The different texts of a column, sorted."""
    return sorted(compute.unique(as_texts(data, column)).to_pylist())


def is_missing(cells: pyarrow.Array, known: Sequence[str] = ()) -> NDArray[np.bool_]:
    """Mask of the values that are not known; a text that is a known label is one."""
    words = pyarrow.array([word for word in MISSING if word not in known], pyarrow.string())
    return np.asarray(compute.is_in(cells, value_set=words).to_numpy(zero_copy_only=False), bool)


def numbers(data: DataFile, column: Column) -> Numbers:
    """The column as finite numbers. Raises ``Problem`` at the first cell that is none."""
    cells = data.cells(column)
    if pyarrow.types.is_integer(cells.type) or pyarrow.types.is_floating(cells.type):
        values = np.asarray(cells.cast(pyarrow.float64()).to_numpy(), np.float64)
        endless = np.flatnonzero(np.isinf(values))
        if endless.size:
            raise _no_number(data, column, int(endless[0]), str(values[endless[0]]))
        return Numbers(values, np.isnan(values), False)
    trimmed = as_texts(data, column)
    missing = is_missing(trimmed)
    known = compute.if_else(pyarrow.array(missing), pyarrow.scalar(None, pyarrow.string()), trimmed)
    comma = _has_decimal_commas(data, column, known)
    plain = compute.replace_substring(known, ",", ".") if comma else known
    try:
        values = np.asarray(plain.cast(pyarrow.float64()).to_numpy(zero_copy_only=False), np.float64)
    except pyarrow.ArrowException as error:
        raise _first_that_is_none(data, column, plain.to_pylist()) from error
    endless = np.flatnonzero(~missing & ~np.isfinite(values))
    if endless.size:
        raise _no_number(data, column, int(endless[0]), trimmed[int(endless[0])].as_py())
    return Numbers(values, missing, comma)


def _has_decimal_commas(data: DataFile, column: Column, known: pyarrow.Array) -> bool:
    """Return True if every number has a decimal comma or is whole. Raises where a comma could part thousands."""
    with_comma = compute.match_substring(known, ",")
    if not compute.any(with_comma).as_py():
        return False
    fits = compute.or_(compute.match_substring_regex(known, _COMMA), compute.match_substring_regex(known, _WHOLE))
    if data.separator != ";":
        thousands = compute.match_substring_regex(known, _THOUSANDS)
        if compute.all(compute.or_(thousands, compute.invert(with_comma))).as_py():
            row = int(np.flatnonzero(with_comma.to_numpy(zero_copy_only=False) == True)[0])  # noqa: E712 - None is neither
            raise Problem(
                "number",
                f"{data.where(row, column)}, is {data.shown(known[row].as_py())}: a decimal comma, or one that parts "
                "thousands?",
                "Write 1234 or 1.234; in a file with semicolons a comma is always a decimal comma.",
            )
    return bool(compute.all(fits).as_py())


def _first_that_is_none(data: DataFile, column: Column, cells: list[str | None]) -> Problem:
    for row, cell in enumerate(cells):
        if cell is None:
            continue
        try:
            pyarrow.array([cell]).cast(pyarrow.float64())
        except pyarrow.ArrowException:
            return _no_number(data, column, row, cell)
    return _no_number(data, column, 0, cells[0] or "")


def _no_number(data: DataFile, column: Column, row: int, cell: str) -> Problem:
    told = f"{data.where(row, column)}, is {data.shown(cell)}, which is not a number."
    return Problem("number", told, NUMBER_HELP)


def blank(data: DataFile, column: Column, row: int, example: str) -> Problem:
    """A cell whose value is not known, and nothing says what that means."""
    cell = data.shown(as_texts(data, column)[row].as_py())
    return Problem(
        "blank",
        f"{data.where(row, column)}, is {cell}: its value is not known.",
        f"Fill in the cell, or say what a missing value means: `{example}`.",
    )


def codes(data: DataFile, column: Column, labels: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Every cell's number among the labels, and where it is missing (number 0). Raises ``Problem`` at a strange one."""
    cells = as_texts(data, column)
    missing = is_missing(cells, labels)
    found = compute.fill_null(compute.index_in(cells, value_set=pyarrow.array(labels, pyarrow.string())), -1)
    numbers = np.asarray(found.to_numpy(), np.int64)
    _all_known(data, column, cells, (numbers < 0) & ~missing, labels)
    return np.where(missing, 0, numbers), missing


def truths(data: DataFile, column: Column) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """1 for yes, 0 for no, and where it is missing (0). Raises ``Problem`` at a strange cell."""
    cells = compute.utf8_lower(as_texts(data, column))
    missing = is_missing(compute.utf8_trim_whitespace(as_texts(data, column)))
    found = compute.index_in(cells, value_set=pyarrow.array(list(YES_NO), pyarrow.string()))
    places = np.asarray(compute.fill_null(found, -1).to_numpy(), np.int64)
    _all_known(data, column, as_texts(data, column), (places < 0) & ~missing, ("yes", "no"))
    return np.where(places < 0, 0, np.array([*YES_NO.values(), 0])[places]), missing


_DATE = re.compile(r"(\d{4}-\d\d-\d\d)([T ]00:00(:00(\.0+)?)?)?")


def days(data: DataFile, column: Column, since: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Dates as days since a date, and where one is missing (0). Raises ``Problem`` at the first cell that is none."""
    trimmed = as_texts(data, column)
    missing = is_missing(trimmed)
    start = datetime.date.fromisoformat(since)
    known: dict[str, float] = {}
    for row, cell in enumerate(trimmed.to_pylist()):
        if missing[row] or cell in known:
            continue
        written = _DATE.fullmatch(cell)
        try:
            known[cell] = float((datetime.date.fromisoformat(written[1] if written else "") - start).days)
        except ValueError:
            raise _no_day(data, column, row, cell) from None
    values = [0.0 if gap else known[cell] for cell, gap in zip(trimmed.to_pylist(), missing, strict=True)]
    return np.asarray(values, np.float64), missing


def _no_day(data: DataFile, column: Column, row: int, cell: str) -> Problem:
    _, meant = days_meant(cell)
    help = "Correct the cell; a day is written like 2024-10-01."
    if meant and data.file.quotable:
        help = f"Write `{meant[0]}`" + (f", or `{meant[1]}` if the month stands first." if len(meant) > 1 else ".")
    return Problem("number", f"{data.where(row, column)}, is {data.shown(cell)}, which is not a day.", help)


def _all_known(
    data: DataFile, column: Column, cells: pyarrow.Array, strange: NDArray[np.bool_], labels: Sequence[str]
) -> None:
    rows = np.flatnonzero(strange)
    if rows.size:
        cell = cells[int(rows[0])].as_py()
        known = ", ".join(labels[:12])
        told = f"{data.where(int(rows[0]), column)}, is {data.shown(cell)}, which is none of {known}."
        hint = near(cell, labels) if data.file.quotable else ""
        raise Problem("label", told + hint, "Correct the cell, or add the label to `one of`.")


def places(data: DataFile, column: Column) -> tuple[NDArray[np.int32], int, NDArray[np.bool_]]:
    """Places numbered in order of first appearance (−1 where missing), how many, and where missing."""
    cells = as_texts(data, column)
    missing = is_missing(cells)
    named = compute.if_else(pyarrow.array(missing), pyarrow.scalar(None, pyarrow.string()), cells).dictionary_encode()
    numbers = np.asarray(compute.fill_null(named.indices, -1).to_numpy(zero_copy_only=False), np.int32)
    return numbers, len(named.dictionary), missing


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
