"""Tables: every combination of labels once, every value in the table's unit."""

from __future__ import annotations

import itertools
import math

from lpmdsl.diagnostics import Label, did_you_mean, instead
from lpmdsl.quantities import (
    DURATION,
    ERROR,
    MONEY,
    NUMBER,
    NUMBER_DIM,
    PROBABILITY,
    SHARE,
    Kind,
    Type,
)
from lpmdsl.reading.problem import Problem
from lpmdsl.semantics import model
from lpmdsl.semantics.context import Context, text_of, unit, unit_of, value_of
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

Row = tuple[tuple[str, ...], float, Span]
"""Key labels, value in base units, where it is written."""

_NAMED = {
    "number": NUMBER,
    "share": SHARE,
    "probability": PROBABILITY,
    "duration": DURATION,
    "money": Type(Kind.NUMBER, MONEY),
}
SUM_TOLERANCE = 1e-3
_PLURAL = {Kind.SHARE: "shares", Kind.PROBABILITY: "probabilities"}


def value_type(written: tree.TypeName) -> tuple[Type, float]:
    """The type of a named type or unit (``money per week``, ``contacts per day``), and the scale of that unit."""
    scale, dimension = unit(written.unit)
    if not written.name:
        return Type(Kind.NUMBER, dimension), scale
    base = _NAMED.get(written.name, ERROR)
    return (base, 1.0) if written.unit is None else (Type(Kind.NUMBER, base.dimension * dimension), scale)


def check_table(ctx: Context, written: tree.Table) -> model.Table | None:
    """The table with its values row by row; None after a report."""
    for point in written.points:
        ctx.report.add(
            "E1052",
            f"This row is a point of a line, and `{written.name.id}` does not say what the line runs along.",
            point.span,
            f"Write `table {written.name.id} over duration of …`, or `over date`, `over hour`, `over number`.",
        )
        return None
    kind, scale = value_type(written.of)
    if not kind.is_numeric:
        ctx.report.add(
            "E0404",
            f"A table holds numbers, and {text_of(written.of.span)} is none.",
            written.of.span,
            "Write `of share`, `of probability`, `of duration`, `of number` or a unit such as `of contacts per day`.",
        )
        return None
    labels = key_labels(ctx, written.by, written.rows, "a table")
    rows = (
        _file_rows(ctx, written, kind, scale) if written.file is not None else _inline_rows(ctx, written, kind, scale)
    )
    if labels is None or rows is None:
        return None
    keys = labels or (tuple(row[0][0] for row in rows),)
    values = complete(ctx, written, keys, rows)
    if values is None or not _within(ctx, written, kind, rows):
        return None
    by = tuple(name.id for name in written.by) or ("",)
    return model.Table(
        written.name.id,
        by,
        keys,
        values,
        kind,
        written.source or "",
        written.doc,
        written.span,
    )


def key_labels(
    ctx: Context, by: tuple[tree.Name, ...], rows: tuple[tree.TableRow, ...], what: str
) -> tuple[tuple[str, ...], ...] | None:
    """The labels of every dimension; () for a list keyed by its own rows; None after a report. ``what``: is by them."""
    found: list[tuple[str, ...]] = []
    for name in by:
        labels = labels_of(ctx, name.id)
        if labels is None:
            known = [a for members in ctx.members.values() for a in members]
            if ctx.names.is_library and name.id not in known:
                labels = tuple(dict.fromkeys(row.keys[len(found)].id for row in rows if len(row.keys) > len(found)))
            else:
                ctx.report.add(
                    "E0201",
                    f"There is no category attribute `{name.id}` for {what} to be by.{did_you_mean(name.id, known)}",
                    name.span,
                    f"{what.capitalize()} is by category or yes/no attributes of an agent, or by a condition.",
                    fixes=instead(name.span, name.id, known),
                )
                return None
        found.append(labels)
    return tuple(found) if () not in found else None


def labels_of(ctx: Context, name: str) -> tuple[str, ...] | None:
    """The labels of a category or yes/no attribute, or the states of a condition; () when it is wrong itself."""
    if name in ctx.states:
        return ctx.states[name]
    for members in ctx.members.values():
        if name in members:
            kind = members[name].type
            if kind == ERROR:
                return ()
            return ("no", "yes") if kind.kind is Kind.BOOLEAN else kind.labels or None
    return None


def _inline_rows(ctx: Context, written: tree.Table, kind: Type, scale: float) -> list[Row] | None:
    rows: list[Row] = []
    width = max(len(written.by), 1)
    for row in written.rows:
        if len(row.keys) != width:
            other_width(ctx, row, width)
            return None
        value = _number(ctx, row, kind, scale, written.of)
        if value is None:
            return None
        rows.append((tuple(k.id for k in row.keys), value, row.span))
    return rows


def _number(ctx: Context, row: tree.TableRow, kind: Type, scale: float, of: tree.TypeName) -> float | None:
    """The value of a row in base units; None after a report."""
    if not isinstance(row.value, tree.Name):
        return row_value(ctx, row.value, kind, scale, of)
    ctx.report.add(
        "E0404",
        f"`{row.value.id}` is a label, and the table is {text_of(of.span)[1:-1]}: it holds numbers.",
        row.value.span,
        "Write the value after the labels of the row; a table of labels is `of category`.",
    )
    return None


def other_width(ctx: Context, row: tree.TableRow, width: int) -> None:
    """Report a row with more or fewer labels than the table is by (E0403)."""
    ctx.report.add(
        "E0403",
        f"This row names {len(row.keys)} labels, and the table is by {width}.",
        row.span,
        "Write one label for each `by`, then the value.",
    )


def row_value(ctx: Context, value: tree.Quantity, kind: Type, scale: float, of: tree.TypeName) -> float | None:
    """A written value in base units; without a unit it takes the table's. None after a report."""
    is_chance = kind.kind in (Kind.SHARE, Kind.PROBABILITY)
    own, dimension = unit_of(value)
    bare = value.unit is None and not value.percent and value.per_number is None
    if bare and of.name not in ("duration", "money"):
        return value.number * scale
    percent_of_number = value.percent and value.unit is None and not is_chance and kind.dimension == NUMBER_DIM
    if dimension == kind.dimension and own and not percent_of_number and not bare:
        return value_of(value)
    if bare:
        why = f"has no unit, and the table is of {of.name}"
    else:
        why = (
            f"does not fit a table of {_PLURAL[kind.kind]}"
            if is_chance
            else f"does not fit a table in {kind.dimension}".replace("in per", "per")
        )
    ctx.report.add(
        "E0404",
        f"{text_of(value.span)} {why}.",
        value.span,
        "Write the value in the table's unit; `%` belongs in tables of shares and probabilities.",
    )
    return None


def _file_rows(ctx: Context, written: tree.Table, kind: Type, scale: float) -> list[Row] | None:
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


def complete(
    ctx: Context, written: tree.Table, keys: tuple[tuple[str, ...], ...], rows: list[Row]
) -> tuple[float, ...] | None:
    """The values in row-major order of ``keys``; None after reporting a row too many, strange or missing."""
    seen: dict[tuple[str, ...], Row] = {}
    for row in rows:
        for d, (key, labels) in enumerate(zip(row[0], keys, strict=True)):
            if key not in labels:
                by = written.by[d].id if written.by else "this list"
                code = "E0411" if written.file else "E0403"
                ctx.report.add(
                    code,
                    f"`{key}` is not a label of `{by}`.{did_you_mean(key, labels)}",
                    _key_span(written, row, d),
                    f"The labels are {', '.join(labels)}.",
                    fixes=() if written.file else instead(_key_span(written, row, d), key, labels),
                )
                return None
        if row[0] in seen:
            ctx.report.add(
                "E0402",
                f"The row `{' '.join(row[0])}` is a duplicate, so its value is not known.",
                row[2],
                "Delete one of them.",
                [Label(seen[row[0]][2], "first written here")],
            )
            return None
        seen[row[0]] = row
    missing = [c for c in itertools.product(*keys) if c not in seen]
    if missing or not rows:
        what = f"`{' '.join(missing[0])}`" if missing else "any row"
        more = f" ({len(missing)} rows are missing)" if len(missing) > 1 else ""
        ctx.report.add(
            "E0401",
            f"Table `{written.name.id}` has no row for {what}{more}: those agents would have no value.",
            written.name.span,
            f"Add the row `{' '.join(missing[0])} VALUE`." if missing else "Add a row for every label.",
        )
        return None
    return tuple(seen[c][1] for c in itertools.product(*keys))


def _key_span(written: tree.Table, row: Row, dimension: int) -> Span:
    return next((r.keys[dimension].span for r in written.rows if r.span == row[2]), row[2])


def _within(ctx: Context, written: tree.Table, kind: Type, rows: list[Row]) -> bool:
    """Return True if shares and probabilities lie in [0, 1], and the shares of a list add up to a whole."""
    if not are_chances(ctx, kind, [(value, span) for _, value, span in rows]):
        return False
    total = math.fsum(value for _, value, _ in rows)
    if kind.kind is Kind.SHARE and not written.by:
        return _whole(ctx, written, rows, total)
    return True


def are_chances(ctx: Context, kind: Type, values: list[tuple[float, Span]]) -> bool:
    """Return True if all of the values lie in [0, 1], where they are shares or probabilities; else E0313."""
    if kind.kind not in (Kind.SHARE, Kind.PROBABILITY):
        return True
    for value, span in values:
        if not 0 <= value <= 1:
            ctx.report.add(
                "E0313",
                f"{value:g} is not a {kind.kind.value}: it would be {100 * value:g} % of the people.",
                span,
                f"Write `{value:g} %` if that is what it means.",
            )
            return False
    return True


def _whole(ctx: Context, written: tree.Table, rows: list[Row], total: float) -> bool:
    empty = next((row for row in rows if row[1] <= 0), None)
    if empty is not None:
        ctx.report.add(
            "E0405", f"The share of `{empty[0][0]}` is 0, so the row says nothing.", empty[2], "Delete the row."
        )
        return False
    if abs(total - 1) > SUM_TOLERANCE:
        ctx.report.add(
            "E0405",
            f"The shares of `{written.name.id}` add up to {100 * total:g} %, and everybody is in one row.",
            written.name.span,
            "Correct a row so that they add up to 100 %.",
        )
        return False
    return True
