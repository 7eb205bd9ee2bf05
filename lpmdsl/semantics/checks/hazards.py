"""Hazards of a step that parameters alone decide: above the largest that is counted, each is an error."""

from __future__ import annotations

from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.exposure.largest_hazards import MOST, hazards, said
from lpmdsl.semantics.analysis.value_origins import origins
from lpmdsl.semantics.analysis.vertices import constant
from lpmdsl.semantics.context import Context


def check_hazards(ctx: Context, made: model.Model) -> None:
    """Report every weight of a source and every rate of an exit that comes to too much in a step (E0776)."""
    for hazard in hazards(made):
        expr = hazard.expr
        value = constant(expr, ctx.values, ctx.tables) if model.is_constant(expr) else 0.0
        if MOST < value < float("inf"):
            message, help = said(made, hazard, value)
            ctx.report.add("E0776", message, expr.span, help, origins(ctx, expr))
