"""Data files named in a model: CSV and Parquet columns as texts, with every cell that does not fit reported."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy
import pyarrow
import pyarrow.csv
import pyarrow.parquet

from lpmdsl.diagnostics import Report
from lpmdsl.escaping import column_fault
from lpmdsl.quantities import UNITS, Dimension
from lpmdsl.reading.door import File, Place, names_shown, near, place_of, read_file
from lpmdsl.reading.problem import Problem
from lpmdsl.semantics.context import Context
from lpmdsl.source import Span

_HEADER = re.compile(r"^\s*(?P<name>.*?)\s*(?:\[(?P<unit>[^\]]*)\])?\s*$")


@dataclass(frozen=True, slots=True)
class Column:
    """``name [unit]`` of a header and where it stands."""

    name: str
    unit: str | None
    header: str


@dataclass(frozen=True, slots=True)
class DataFile:
    """A table on disk; ``first_row`` is the line of the first data row in a text file (for messages)."""

    path: Path
    columns: tuple[Column, ...]
    data: pyarrow.Table
    first_row: int

    @property
    def rows(self) -> int:
        return self.data.num_rows

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)

    def cells(self, column: Column) -> pyarrow.ChunkedArray:
        return self.data.column([c.header for c in self.columns].index(column.header))


def read_data(ctx: Context, name: str, span: Span) -> DataFile | None:
    """The file ``name`` relative to the text that names it; None after a report."""
    return read_data_from(ctx.report, name, place_of(span.source), span)


def read_data_from(report: Report, name: str, place: Place, span: Span) -> DataFile | None:
    """The file ``name`` from a place; None after a report (E0406, E0413)."""
    try:
        file = read_file(name, place)
        return _parquet(file) if file.path.suffix == ".parquet" else _csv(file)
    except Problem as problem:
        problem.tell(report, span)
        return None
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        report.add(
            "E0406",
            f"`{name}` cannot be read as a table: {reason}",
            span,
            "A CSV file has one header line and the same number of cells in every row.",
        )
        return None


def _csv(file: File) -> DataFile:
    with io.TextIOWrapper(io.BytesIO(file.data), encoding="utf-8-sig", newline="") as stream:
        header = next(csv.reader(stream), [])
    if not any(cell.strip() for cell in header):
        raise ValueError("it is empty")
    if len(set(header)) < len(header):
        raise ValueError("two columns have the same header")
    text = {name: pyarrow.string() for name in header}
    table = pyarrow.csv.read_csv(
        pyarrow.BufferReader(file.data),
        pyarrow.csv.ReadOptions(column_names=header, skip_rows=1),
        convert_options=pyarrow.csv.ConvertOptions(column_types=text, strings_can_be_null=False),
    )
    return DataFile(file.path, tuple(split_header(name) for name in header), table, 2)


def _parquet(file: File) -> DataFile:
    table = pyarrow.parquet.read_table(pyarrow.BufferReader(file.data))
    return DataFile(file.path, tuple(split_header(name) for name in table.column_names), table, 1)


def split_header(header: str) -> Column:
    """``age [years]`` -> name ``age``, unit ``years``."""
    match = _HEADER.match(header)
    return Column(match["name"] if match else header, match["unit"] if match else None, header)


def need_column(ctx: Context, data: DataFile, name: str, span: Span) -> Column | None:
    """The column called ``name``; None after reporting which columns there are, or a cell that hides something."""
    return find_column(ctx.report, data, name, span)


def find_column(report: Report, data: DataFile, name: str, span: Span) -> Column | None:
    """The same without a context."""
    column = data.column(name)
    if column is None:
        names = [c.name for c in data.columns]
        report.add(
            "E0407",
            f"`{data.path.name}` has no column `{name}`.{near(name, names)}",
            span,
            f"Its columns are {names_shown(names)}.",
        )
    return column if column is not None and _is_seen(report, data, column, span) else None


def _is_seen(report: Report, data: DataFile, column: Column, span: Span) -> bool:
    """Whether nothing is hidden in a column that is read; its first fault is reported."""
    fault = column_fault(data.cells(column).to_pylist())
    if fault is not None:
        where = f"Row {fault[0] + data.first_row} of `{data.path.name}`, column `{column.name}`,"
        report.add("E0117", f"{where} {fault[1]}.", span, "Correct the cell where the file was made, and export again.")
    return fault is None


def header_scale(ctx: Context, data: DataFile, column: Column, want: Dimension, span: Span) -> float | None:
    """How much one of the header's unit is in base units (1 without a unit); None after reporting a wrong unit."""
    if column.unit is None:
        return 1.0
    scale, dimension = parse_unit(column.unit)
    if scale is not None and dimension == want:
        return scale
    what = "is no unit" if scale is None else f"is in {dimension}".replace("in per", "per")
    ctx.report.add(
        "E0409",
        f"The header `{column.header}` of `{data.path.name}` {what}, and the model needs {want}.",
        span,
        "Write the unit of the column in brackets in the header, such as `age [years]` or `rate [per day]`.",
    )
    return None


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


def numbers(ctx: Context, data: DataFile, column: Column, span: Span) -> Sequence[float] | None:
    """The column as finite numbers; None after reporting the first cell that is not one, with its row."""
    cells = data.cells(column)
    try:
        values = cells.cast(pyarrow.float64())
        whole = bool(numpy.isfinite(values.to_numpy()).all())
        if data.rows == 0 or (values.null_count == 0 and whole):
            return values.to_pylist()
    except pyarrow.ArrowInvalid:
        pass  # found again below, with its row
    for index, cell in enumerate(cells.to_pylist()):
        if not _is_number(cell):
            shown = "empty" if cell in (None, "") else f"`{cell}`, which is not a number"
            ctx.report.add(
                "E0408",
                f"Row {index + data.first_row} of `{data.path.name}`, column `{column.name}`, is {shown}.",
                span,
                "Correct the cell; a number is written like 12.5, without a unit or thousands comma.",
            )
            return None
    return [float(c) for c in cells.to_pylist()]


def _is_number(cell: object) -> bool:
    try:
        return math.isfinite(float(cell))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def texts(data: DataFile, column: Column) -> list[str]:
    """The column as texts without surrounding blanks."""
    return ["" if cell is None else str(cell).strip() for cell in data.cells(column).to_pylist()]


def distinct(data: DataFile, column: Column) -> list[str]:
    """The different texts of a column, sorted."""
    found = data.cells(column).unique().to_pylist()
    return sorted({"" if cell is None else str(cell).strip() for cell in found})
