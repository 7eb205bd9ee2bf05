"""Tables: every combination of labels once, every value in the table's unit."""

from __future__ import annotations

from lpmdsl.quantities import DURATION, ERROR, MONEY, NUMBER, PROBABILITY, SHARE, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.tables.completeness import complete, within
from lpmdsl.semantics.checks.tables.file_rows import file_rows
from lpmdsl.semantics.checks.tables.keys import key_labels
from lpmdsl.semantics.checks.tables.written_rows import inline_rows
from lpmdsl.semantics.context import Context, text_of, unit
from lpmdsl.syntax import tree

_NAMED = {
    "number": NUMBER,
    "share": SHARE,
    "probability": PROBABILITY,
    "duration": DURATION,
    "money": Type(Kind.NUMBER, MONEY),
}


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
    rows = file_rows(ctx, written, kind, scale) if written.file is not None else inline_rows(ctx, written, kind, scale)
    if labels is None or rows is None:
        return None
    keys = labels or (tuple(row[0][0] for row in rows),)
    values = complete(ctx, written, keys, rows)
    if values is None or not within(ctx, written, kind, rows):
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
