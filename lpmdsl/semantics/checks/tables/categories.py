"""Tables of labels: each combination of labels names another, ``table other by home of category``."""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.diagnostics import Report
from lpmdsl.quantities import Kind, Type
from lpmdsl.reading.problem import Problem
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.tables.completeness import Row, complete
from lpmdsl.semantics.checks.tables.file_rows import key_columns
from lpmdsl.semantics.checks.tables.keys import key_labels, labels_of
from lpmdsl.semantics.checks.tables.written_rows import other_width
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.data_files.named_files import need_column, read_data, texts
from lpmdsl.source import Span
from lpmdsl.syntax import tree

Named = tuple[tuple[str, ...], tree.Name, Span]
"""Key labels, the label that is the value, where it is written."""


def check_labels(ctx: Context, written: tree.Table) -> model.Table | None:
    """The table whose values are labels, kept as their numbers; None after a report."""
    keys = key_labels(ctx, written.by, written.rows, "a table")
    rows = _named_rows(ctx, written)
    if keys is None or rows is None:
        return None
    labels = _of_values(ctx, written, [value.id for _, value, _ in rows])
    numbered: list[Row] = [(own, float(labels.index(value.id)), span) for own, value, span in rows]
    keys = keys or (tuple(own[0] for own, _, _ in numbered),)
    values = complete(ctx, written, keys, numbered)
    if values is None:
        return None
    by = tuple(name.id for name in written.by) or ("",)
    kind = Type(Kind.CATEGORY, labels=labels)
    return model.Table(written.name.id, by, keys, values, kind, written.source or "", written.doc, written.span)


def _named_rows(ctx: Context, written: tree.Table) -> list[Named] | None:
    """The labels of every row, and the label that is its value; None after a report."""
    if written.file is not None:
        return _named_in_file(ctx, written)
    rows: list[Named] = []
    width = max(len(written.by), 1)
    for row in written.rows:
        if not isinstance(row.value, tree.Name):
            raise AssertionError("rows of such a table end in a label")
        if len(row.keys) != width:
            other_width(ctx, row, width)
            return None
        rows.append((tuple(k.id for k in row.keys), row.value, row.span))
    return rows


def _named_in_file(ctx: Context, written: tree.Table) -> list[Named] | None:
    span = written.file_span or written.span
    data = read_data(ctx, written.file or "", span)
    if data is None:
        return None
    if written.column is None:
        told = f"Nothing says which column of `{data.name}` holds the labels."
        ctx.report.add("E0407", told, span, f'Name it: `from "{data.name}" column NAME`.')
        return None
    column = need_column(ctx, data, written.column.id, written.column.span)
    keys = key_columns(ctx, written, data, column)
    if column is None or any(key is None for key in keys):
        return None
    try:
        named = [texts(data, key) for key in keys if key is not None]
        found = texts(data, column)
    except Problem as problem:
        problem.tell(ctx.report, span)
        return None
    return [(tuple(n[i] for n in named), tree.Name(value, span), span) for i, value in enumerate(found)]


def labels_named(ctx: Context, written: tree.Table) -> tuple[str, ...] | None:
    """The labels of a table of labels, before the tables are checked; None where it is wrong, which is told then."""
    if written.of.name != "category" or written.over is not None:
        return None
    if written.file is not None:
        read_data(ctx, written.file, written.file_span or written.span)  # it is read once, and what is wrong is told
    quiet = replace(ctx, report=Report())
    rows = _named_rows(quiet, written)
    return None if rows is None else _of_values(quiet, written, [value.id for _, value, _ in rows])


def _of_values(ctx: Context, written: tree.Table, values: list[str]) -> tuple[str, ...]:
    """The labels of the first category that has all values among them, of those that the table is by before others;
    else the values, each once, in the order of the rows."""
    by = [labels_of(ctx, name.id) or () for name in written.by]
    others = [m.type.labels for kind in ctx.members.values() for m in kind.values() if m.type.kind is Kind.CATEGORY]
    fitting = (labels for labels in [*by, *others] if set(values) <= set(labels))
    return next(fitting, tuple(dict.fromkeys(values)))
