"""Data files named in a model, as a check sees them: whatever does not fit is reported where the model names it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lpmdsl.diagnostics import Report
from lpmdsl.quantities import Dimension
from lpmdsl.reading import cells
from lpmdsl.reading.cells import distinct as distinct, parse_unit as parse_unit, texts as texts
from lpmdsl.reading.door import Place, place_of
from lpmdsl.reading.problem import Problem
from lpmdsl.reading.tabular import Column as Column, DataFile as DataFile, read_tabular
from lpmdsl.semantics.context import Context
from lpmdsl.source import Span


def read_data(ctx: Context, name: str, span: Span) -> DataFile | None:
    """The file ``name`` relative to the text that names it; None after a report."""
    key = (str(place_of(span.source).folder), name)
    if key not in ctx.files:
        ctx.files[key] = read_data_from(ctx.report, name, place_of(span.source), span)
    return ctx.files[key]


def read_data_from(report: Report, name: str, place: Place, span: Span) -> DataFile | None:
    """The file ``name`` from a place; None after a report (E0406, E0413). How it is read is noted (N0920)."""
    try:
        data = read_tabular(name, place)
    except Problem as problem:
        problem.tell(report, span)
        return None
    if data.notes:
        told = "; ".join(data.notes)
        report.add("N0920", f"Of `{data.name}`: {told}.", span, "Nothing is to be done if that is what it is.")
    return data


def need_column(ctx: Context, data: DataFile, name: str, span: Span) -> Column | None:
    """The column called ``name``; None after reporting which columns there are."""
    return find_column(ctx.report, data, name, span)


def find_column(report: Report, data: DataFile, name: str, span: Span) -> Column | None:
    """The same without a context; a column in which something is hidden is reported (E0117)."""
    try:
        column = data.need(name)
        cells.as_texts(data, column)
    except Problem as problem:
        problem.tell(report, span)
        return None
    return column


def header_scale(ctx: Context, data: DataFile, column: Column, want: Dimension, span: Span) -> float | None:
    """Size of the header's unit in base units (1 without a unit); None after reporting a wrong unit."""
    if column.unit is None:
        return 1.0
    scale, dimension = parse_unit(column.unit)
    if scale is not None and dimension.without_people() == want.without_people():
        return scale
    what = "is no unit" if scale is None else f"is in {dimension}".replace("in per", "per")
    ctx.report.add(
        "E0409",
        f"The header `{column.header}` of `{data.name}` {what}, and the model needs {want}.",
        span,
        "Write the unit of the column in brackets in the header, such as `age [years]` or `rate [per day]`.",
    )
    return None


def numbers(ctx: Context, data: DataFile, column: Column, span: Span) -> Sequence[float] | None:
    """The column as finite numbers; None after reporting the first cell that is not one, with its row."""
    try:
        found = cells.numbers(data, column)
    except Problem as problem:
        problem.tell(ctx.report, span)
        return None
    missing = np.flatnonzero(found.missing)
    if missing.size:
        told = f"{data.where(int(missing[0]), column)}, is empty."
        ctx.report.add("E0408", told, span, cells.NUMBER_HELP)
        return None
    if found.comma:
        tell_commas(ctx.report, data, column, span)
    return found.values.tolist()


def tell_commas(report: Report, data: DataFile, column: Column, span: Span) -> None:
    """Notes that a column is read with decimal commas (N0920)."""
    told = f"Column `{column.name}` of `{data.name}` is read with decimal commas."
    report.add("N0920", told, span, "Nothing is to be done if that is what they are.")
