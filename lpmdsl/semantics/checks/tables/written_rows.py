"""Rows of a table that are written in the model: their keys and values."""

from __future__ import annotations

from lpmdsl.quantities import NUMBER_DIM, Kind, Type
from lpmdsl.semantics.checks.tables.completeness import Row
from lpmdsl.semantics.context import Context, text_of, unit_of, value_of
from lpmdsl.syntax import tree

_PLURAL = {Kind.SHARE: "shares", Kind.PROBABILITY: "probabilities"}


def inline_rows(ctx: Context, written: tree.Table, kind: Type, scale: float) -> list[Row] | None:
    """The rows of a table that are written below it; None after a report."""
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
