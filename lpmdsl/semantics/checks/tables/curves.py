"""Tables over a number: their points, inline or from a file, and the cells by which a value is found.

A value is found through cells of one width, so narrow that at most one point lies in each: the cell tells the point
before it and where the next one lies, a comparison which of the two is the last at or before the number, and that
point where it lies, its value and the slope after it. Nothing is searched, and the bits are the same everywhere.
"""

from __future__ import annotations

import datetime
import math
from itertools import pairwise

from lpmdsl.diagnostics import Label
from lpmdsl.quantities import DURATION, TIME, Type
from lpmdsl.reading.people import Wanted, column_values
from lpmdsl.reading.problem import Problem
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.tables.completeness import are_chances
from lpmdsl.semantics.checks.tables.labelled import value_type
from lpmdsl.semantics.checks.tables.written_rows import row_value
from lpmdsl.semantics.checks.values.choice import key_type
from lpmdsl.semantics.checks.values.dates import needs_start
from lpmdsl.semantics.context import Context, text_of, unit_of, value_of
from lpmdsl.semantics.data_files.named_files import DataFile, header_scale, need_column, numbers, read_data
from lpmdsl.source import Span
from lpmdsl.syntax import tree

FIELDS = ("point before", "next point", "where", "value", "slope")
MOST_CELLS = 20_000
HOUR = 1 / 24
Point = tuple[float, float, Span]
"""Place, value (base units), and the text that says so."""


def check_curve(ctx: Context, written: tree.Table) -> model.Table | None:
    """The table over a number with its cells; None after a report."""
    assert written.over is not None
    key = _key(ctx, written, written.over)
    kind, scale = value_type(written.of)
    if not kind.is_numeric:
        told = f"Lines run between numbers, and {text_of(written.of.span)} is none."
        ctx.report.add("E0404", told, written.of.span, "Write `of number`, `of share` or a unit.")
        return None
    if key is None or not _only_points(ctx, written):
        return None
    found = (
        _inline(ctx, written, key, kind, scale) if written.file is None else _of_file(ctx, written, key, kind, scale)
    )
    if found is None or not are_chances(ctx, kind, [(y, where) for _, y, where in found]):
        return None
    points = sorted(found, key=lambda point: point[0])
    if not _apart(ctx, written, points):
        return None
    placed = [(x, y) for x, y, _ in points]
    if written.over.id == "hour":
        placed = _round_the_clock(placed)
    per_cell = _per_cell(placed)
    if per_cell is None:
        ctx.report.add(
            "E1055",
            f"The points of `{written.name.id}` lie too unevenly: some are {MOST_CELLS:_} times further apart.",
            written.name.span,
            "Leave out points that hardly differ from their neighbours.",
        )
        return None
    cells = _cells(placed, per_cell)
    keys = tuple(map(str, range(len(cells)))), FIELDS
    values = tuple(v for cell in cells for v in cell)
    return model.Table(
        written.name.id, (f"over {written.over.id}", ""), keys, values, kind,
        written.source or "", written.doc, written.span, model.Curve(written.over.id, tuple(placed), per_cell),
    )  # fmt: skip


def _key(ctx: Context, written: tree.Table, over: tree.Name) -> Type | None:
    """The type of what the lines run along; None after a report."""
    if written.by:
        ctx.report.add(
            "E1051",
            f"`{written.name.id}` is by {written.by[0].id} and over {over.id}; a table is one or the other.",
            over.span,
            f"Write one table over {over.id} for each label, and choose: `(A[x] where …, B[x] otherwise)`.",
        )
        return None
    if over.id == "date" and ctx.start is None:
        needs_start(ctx, written.name.id, over.span)
        return None
    found = key_type(over.id)
    if found is not None:
        return found
    ctx.report.add(
        "E1051",
        f"Nothing runs along `{over.id}`.",
        over.span,
        "Write `over duration`, `over age`, `over date`, `over hour` or `over number`; for labels, `by`.",
    )
    return None


def _only_points(ctx: Context, written: tree.Table) -> bool:
    for row in written.rows:
        example = text_of(row.value.span)[1:-1]
        ctx.report.add(
            "E1052",
            f"`{written.name.id}` is over {written.over.id if written.over else ''}, and this row names a label.",
            row.span,
            f"Write where the point lies: `at NUMBER {example}`; a table of labels is `by` something.",
        )
        return False
    return True


# ------------------------------------------------------------------ points


def _inline(ctx: Context, written: tree.Table, key: Type, kind: Type, scale: float) -> list[Point] | None:
    points: list[Point] = []
    for point in written.points:
        x = _place(ctx, written, point.at, key)
        y = row_value(ctx, point.value, kind, scale, written.of)
        if x is None or y is None:
            return None
        points.append((x, y, point.span))
    return points


def _place(ctx: Context, written: tree.Table, at: tree.Quantity | tree.Date, key: Type) -> float | None:
    """The place of a point in base units; None after a report."""
    over = written.over.id if written.over else ""
    if isinstance(at, tree.Date):
        if over == "date" and ctx.start is not None:
            return _days_of(at.iso, ctx.start)
    elif over == "hour":
        own, dimension = unit_of(at)
        is_bare = at.unit is None and not at.percent
        hours = at.number if is_bare else value_of(at) / HOUR
        if (is_bare or (own and dimension == TIME)) and 0 <= hours <= 24:
            return hours * HOUR
    elif over != "date":
        own, dimension = unit_of(at)
        if own and (dimension == key.dimension or at.number == 0):
            return value_of(at)
    example = {"date": "2024-10-01", "hour": "8", "number": "4"}.get(over, "4 days" if key == DURATION else f"4 {over}")
    ctx.report.add(
        "E1053",
        f"{text_of(at.span)} is no place on a line over {over}.",
        at.span,
        f"Write `at {example} {text_of(written.points[0].value.span)[1:-1]}`.",
    )
    return None


def _days_of(iso: str, start: str) -> float:
    return float((datetime.date.fromisoformat(iso) - datetime.date.fromisoformat(start)).days)


def _of_file(ctx: Context, written: tree.Table, key: Type, kind: Type, scale: float) -> list[Point] | None:
    span = written.file_span or written.span
    data = read_data(ctx, written.file or "", span)
    try:
        return _points_of(ctx, written, data, key, kind, scale) if data is not None else None
    except Problem as problem:
        problem.tell(ctx.report, span)
        return None


def _points_of(
    ctx: Context, written: tree.Table, data: DataFile, key: Type, kind: Type, scale: float
) -> list[Point] | None:
    """The points of a file: the column called as what the line runs along, and the column of values. Raises
    ``Problem`` at the first cell that does not fit."""
    assert written.over is not None
    span = written.file_span or written.span
    if written.column is None:
        told = f"Nothing says which column of `{data.name}` holds the values."
        ctx.report.add("E0407", told, span, f'Name it: `from "{data.name}" column NAME`.')
        return None
    column = need_column(ctx, data, written.column.id, written.column.span)
    along = need_column(ctx, data, written.over.id, written.over.span)
    if column is None or along is None:
        return None
    factor = header_scale(ctx, data, column, kind.dimension, written.column.span) if column.unit else scale
    values = numbers(ctx, data, column, written.column.span)
    if values is None or factor is None:
        return None
    if written.over.id == "hour":
        places = [hour * HOUR for hour in numbers(ctx, data, along, written.over.span) or ()]
    else:
        want = Wanted(along.name, key, span, low=-math.inf, high=math.inf, since=ctx.start)
        places = column_values(data, want).values.tolist()
    return [(x, y * factor, span) for x, y in zip(places, values, strict=True)] if places else None


def _apart(ctx: Context, written: tree.Table, points: list[Point]) -> bool:
    """Return True if there are at least two points, and no two at one place."""
    if len(points) < 2:
        message = f"`{written.name.id}` has {len(points)} point, and a line runs between two."
        ctx.report.add("E1055", message, written.name.span, "Add another `at …`, or make it a parameter.")
        return False
    for first, second in pairwise(points):
        if first[0] == second[0]:
            labels = [] if first[2] == second[2] else [Label(first[2], "first written here")]
            where = f" at {first[0]:g} {_unit_of(written)}".rstrip()
            message = f"`{written.name.id}` has two points{where}, so its value there is not known."
            ctx.report.add("E0402", message, second[2], "Delete one of them.", labels)
            return False
    return True


def _unit_of(written: tree.Table) -> str:
    over = written.over.id if written.over else ""
    return {"duration": "days", "age": "days", "date": "days after the start", "hour": "days"}.get(over, "")


def _round_the_clock(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points of a day with the last of the day before and the first of the day after: the line goes on at midnight."""
    (first, low), (last, high) = points[0], points[-1]
    before = [(last - 1.0, high)] if last - 1.0 < first else []
    after = [(first + 1.0, low)] if first + 1.0 > last else []
    return [*before, *points, *after]


# ------------------------------------------------------------------ cells


def _per_cell(points: list[tuple[float, float]]) -> float | None:
    """Cells in a unit of length, so many that at most one point lies in each; None if there would be too many."""
    gap = min(b[0] - a[0] for a, b in pairwise(points))
    for per_cell in (1 / gap, 2 / gap):
        if (points[-1][0] - points[0][0]) * per_cell > MOST_CELLS:
            return None
        if len({_cell(x, points, per_cell) for x, _ in points}) == len(points):
            return per_cell
    return None


def _cell(x: float, points: list[tuple[float, float]], per_cell: float) -> int:
    return math.floor((x - points[0][0]) * per_cell)


def _cells(points: list[tuple[float, float]], per_cell: float) -> list[tuple[float, ...]]:
    """Rows of ``FIELDS``: the first two by cell, the others by point."""
    cell = [_cell(x, points, per_cell) for x, _ in points]
    rows: list[tuple[float, ...]] = []
    last, before = len(points) - 1, 0
    for k in range(cell[-1] + 1):
        while before + 1 < last and cell[before + 1] < k:
            before += 1
        (x, y), after = points[min(k, last)], points[min(k + 1, last)]
        slope = (after[1] - y) / (after[0] - x) if k < last else 0.0
        rows.append((float(before), points[before + 1][0], x, y, slope))
    return rows
