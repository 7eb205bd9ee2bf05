"""Limits on how many a block or a rule is for."""

from __future__ import annotations

from lpmdsl.quantities import ERROR, PEOPLE
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.value_origins import origins
from lpmdsl.semantics.analysis.vertices import extremes
from lpmdsl.semantics.checks.values.expressions import check_value
from lpmdsl.semantics.context import Context, text_of
from lpmdsl.semantics.resolve.scope import reporting
from lpmdsl.syntax import tree


def check_limit(ctx: Context, written: tree.Expr | None, place: str) -> model.Expr | None:
    """The number of agents that ``at most`` names, which nothing can make negative; None without one."""
    if written is None:
        return None
    at_most = check_value(ctx, written, reporting(place), PEOPLE, "a number of people")
    if at_most.type != ERROR and any(value < 0 for value, _ in extremes(ctx, (at_most,))):
        message = f"{text_of(at_most.span)} can be negative, and a number of people cannot."
        ctx.report.add("E0316", message, at_most.span, labels=origins(ctx, at_most))
    return at_most
