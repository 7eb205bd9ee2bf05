"""Completeness of tables: a value for every combination of labels, in its range, with the sums that it must have."""

from __future__ import annotations

import itertools
import math

from lpmdsl.diagnostics import Label, did_you_mean, instead
from lpmdsl.quantities import Kind, Type
from lpmdsl.semantics.context import Context
from lpmdsl.source import Span
from lpmdsl.syntax import tree

SUM_TOLERANCE = 1e-3
Row = tuple[tuple[str, ...], float, Span]
"""Key labels, value in base units, where it is written."""


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


def within(ctx: Context, written: tree.Table, kind: Type, rows: list[Row]) -> bool:
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
