"""Rows of a table that stand in a file."""

from __future__ import annotations

from lpmdsl.quantities import Type
from lpmdsl.reading.problem import Problem
from lpmdsl.semantics.checks.tables.completeness import Row
from lpmdsl.semantics.checks.tables.keys import labels_of
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.data_files.named_files import (
    Column,
    DataFile,
    distinct,
    header_scale,
    need_column,
    numbers,
    read_data,
    texts,
)
from lpmdsl.source import Span
from lpmdsl.syntax import tree


def file_rows(ctx: Context, written: tree.Table, kind: Type, scale: float) -> list[Row] | None:
    """The rows of the file that a table names; None after a report."""
    span = written.file_span or written.span
    data = read_data(ctx, written.file or "", span)
    try:
        return _rows_of(ctx, written, data, kind, scale) if data is not None else None
    except Problem as problem:
        problem.tell(ctx.report, span)
        return None


def _rows_of(ctx: Context, written: tree.Table, data: DataFile, kind: Type, scale: float) -> list[Row] | None:
    """The rows of a file. Raises ``Problem`` where a label hides something."""
    span = written.file_span or written.span
    if written.column is None:
        return _wide_rows(ctx, written, data, span, scale)
    column = need_column(ctx, data, written.column.id, written.column.span)
    keys = key_columns(ctx, written, data, column)
    if column is None or any(k is None for k in keys):
        return None
    factor = header_scale(ctx, data, column, kind.dimension, written.column.span) if column.unit else scale
    values = numbers(ctx, data, column, written.column.span)
    if values is None or factor is None:
        return None
    labels = [texts(data, k) for k in keys if k is not None]
    return [(tuple(label[i] for label in labels), value * factor, span) for i, value in enumerate(values)]


def _wide_rows(ctx: Context, written: tree.Table, data: DataFile, span: Span, scale: float) -> list[Row] | None:
    """The rows of a matrix: the names of its columns are the labels of the last ``by``, a column before them holds
    those of each other one, by its name or, for the first of two, as the first column."""
    labels = labels_of(ctx, written.by[-1].id) if written.by else None
    if len(written.by) < 2 or not labels:
        told = f"Nothing says which column of `{data.name}` holds the values."
        ctx.report.add("E0407", told, span, f'Name it: `from "{data.name}" column NAME`.')
        return None
    keys = [data.column(name.id) for name in written.by[:-1]]
    if len(keys) == 1 and (keys[0] is None or keys[0].name in labels):
        keys = [data.first_column()]
    values: list[list[float]] = []
    for label in labels:
        column = need_column(ctx, data, label, written.by[-1].span)
        read = numbers(ctx, data, column, written.by[-1].span) if column is not None else None
        if read is None or column in keys:
            return None
        values.append(list(read))
    if any(key is None for key in keys):
        missing = next(n for n, key in zip(written.by, keys, strict=False) if key is None)
        need_column(ctx, data, missing.id, missing.span)
        return None
    names = [texts(data, key) for key in keys if key is not None]
    return [
        ((*(name[row] for name in names), label), column[row] * scale, span)
        for row in range(data.rows)
        for label, column in zip(labels, values, strict=True)
    ]


def key_columns(ctx: Context, written: tree.Table, data: DataFile, column: Column | None) -> list[Column | None]:
    """The columns that name the rows: called as the table is ``by``; of an attribute that is there twice, the columns
    whose cells are its labels, in the order of the file (row's group, column's group). Without ``by``:
    another column."""
    if not written.by:
        return [next((c for c in data.columns if c != column), None)]
    names = [name.id for name in written.by]
    if len(set(names)) == len(names) or len(set(names)) > 1:
        return [need_column(ctx, data, name.id, name.span) for name in written.by]
    labels = set(labels_of(ctx, names[0]) or ())
    fitting: list[Column | None] = [c for c in data.columns if c != column and set(distinct(data, c)) & labels]
    if len(fitting) == len(names):
        return fitting
    found = ", ".join(c.name for c in fitting if c is not None) or "none"
    ctx.report.add(
        "E0407",
        f"`{data.name}` needs {len(names)} columns of labels of `{names[0]}`, and has {found}.",
        written.by[0].span,
        f"The labels are {', '.join(sorted(labels))}.",
    )
    return [None]
