"""Limits between bands: numbers in the unit of what is cut, and what to write where that unit is missing."""

from __future__ import annotations

from collections.abc import Sequence

from lpmdsl.quantities import NUMBER_DIM, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.values.expressions import check_value
from lpmdsl.semantics.context import Context, nothing, text_of, unit_text
from lpmdsl.semantics.resolve.scope import Scope
from lpmdsl.syntax import tree


def check_limits(
    ctx: Context, cuts: Sequence[tree.Expr], scope: Scope, want: Type, role: str, unit: str = ""
) -> tuple[model.Expr, ...]:
    """The limits as typed expressions. A bare number is reported with the unit of its neighbours, else ``unit``."""
    own = next((unit_text(cut) for cut in reversed(cuts) if isinstance(cut, tree.Quantity) and cut.unit), unit)
    return tuple(_limit(ctx, cut, scope, want, role, own) for cut in cuts)


def _limit(ctx: Context, cut: tree.Expr, scope: Scope, want: Type, role: str, unit: str) -> model.Expr:
    is_bare = isinstance(cut, tree.Quantity) and cut.unit is None and not cut.percent and cut.number != 0
    if not (is_bare and unit and want.is_numeric and want.dimension.without_people() != NUMBER_DIM):
        return check_value(ctx, cut, scope, want, role)
    number = text_of(cut.span)
    ctx.report.add(
        "E0301",
        f"{number} is a bare number where {role} belongs, and it could be in any unit.",
        cut.span,
        f"Write `{number[1:-1]} {unit}`.",
    )
    return nothing(cut.span)
