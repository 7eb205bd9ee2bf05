"""Limits on how many a block or a rule is for, and who comes first."""

from __future__ import annotations

from typing import Literal

from lpmdsl.quantities import ERROR, NUMBER, PEOPLE
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.value_origins import origins
from lpmdsl.semantics.analysis.vertices import extremes
from lpmdsl.semantics.checks.values.expressions import check_expression, check_value
from lpmdsl.semantics.checks.values.units import expect
from lpmdsl.semantics.context import Context, text_of
from lpmdsl.semantics.resolve.scope import Scope, reporting
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


_Order = Literal["lot", "highest", "lowest"]


def check_rank(
    ctx: Context, written: tree.Rank | None, at_most: tree.Expr | None, scope: Scope
) -> tuple[_Order, model.Expr | None] | None:
    """The order in which those who qualify are taken, and by what; None after a report."""
    if written is None:
        return "lot", None
    by = check_expression(ctx, written.by, scope)
    if by.type != ERROR and not by.type.is_numeric:
        by = expect(ctx, by, NUMBER, f"what stands behind `{written.order}`")
    if at_most is None:
        message = f"`{written.order}` says who comes first, and without a number all of them are taken."
        ctx.report.add("E1016", message, written.span, "Write `for at most NUMBER KIND …`, or leave it out.")
        return None
    return None if by.type == ERROR else (written.order, by)
