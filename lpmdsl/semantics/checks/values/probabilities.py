"""Probabilities and rates: that they stay within what they can be, whatever parameters and tables allow."""

from __future__ import annotations

import math

from lpmdsl.quantities import ERROR, PROBABILITY, RATE
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.value_origins import origins
from lpmdsl.semantics.analysis.vertices import extremes
from lpmdsl.semantics.checks.values.expressions import check_value
from lpmdsl.semantics.checks.values.finite_values import is_finite
from lpmdsl.semantics.context import Context, text_of
from lpmdsl.semantics.functions import FUNCTIONS
from lpmdsl.semantics.resolve.scope import Scope
from lpmdsl.source import Span
from lpmdsl.syntax import tree

SLACK = 1e-9


def check_probability(ctx: Context, written: tree.Expr, scope: Scope, role: str) -> model.Expr:
    """A probability that cannot leave [0, 1] as far as parameters, their bounds, tables and attributes show."""
    value = check_value(ctx, written, scope, PROBABILITY, role)
    if value.type == ERROR:
        return value
    if not is_finite(ctx, value, role):
        return value
    values = list(extremes(ctx, (value,)))
    outside = next(((v, story) for v, story in values if v < -SLACK or v > 1 + SLACK), None)
    if outside is not None and isinstance(value, model.Literal_):
        shown = text_of(value.span)
        help = f"Write `{value.value:g} %` if that is what it means." if value.value > 1 and "%" not in shown else ""
        ctx.report.add("E0313", f"{shown} is not a probability: it lies outside 0 to 1.", value.span, help)
    elif outside is not None:
        ctx.report.add(
            "E0504",
            f"{text_of(value.span)} can be {outside[0]:g}{outside[1]}, and {role} lies between 0 and 1.",
            value.span,
            "Narrow the bounds of a parameter, or write `min(1, max(0, …))`.",
            origins(ctx, value),
        )
    elif not values and isinstance(value, model.Apply) and not _holds_limits(value):
        ctx.report.add(
            "W0514",
            f"Nothing says that {text_of(value.span)} stays between 0 and 1.",
            value.span,
            "Write `min(1, max(0, …))` around it, or read it from attributes and parameters with bounds.",
            origins(ctx, value),
        )
    return value


def _holds_limits(value: model.Apply) -> bool:
    return value.op in FUNCTIONS and FUNCTIONS[value.op].holds_limits


def check_rate(ctx: Context, written: tree.Expr, scope: Scope, role: str = "a rate") -> model.Expr:
    """A rate per time that cannot be negative."""
    value = check_value(ctx, written, scope, RATE, role)
    if value.type != ERROR:
        not_negative(ctx, value, role)
    return value


def not_negative(ctx: Context, value: model.Expr, role: str) -> None:
    """Report a value that can be negative or is not finite, in its ``role``."""
    if not is_finite(ctx, value, role):
        return
    low = next(((v, story) for v, story in extremes(ctx, (value,)) if v < -SLACK), None)
    if low is not None:
        message = f"{text_of(value.span)} can be negative{low[1]}, and {role} cannot."
        ctx.report.add("E0316", message, value.span, labels=origins(ctx, value))


def check_branches(ctx: Context, branches: tuple[model.Branch, ...], span: Span) -> None:
    """Report branches whose probabilities can exceed 1, and a missing ``otherwise`` where they may not add up to 1."""
    terms = tuple(b.probability for b in branches if b.probability is not None)
    if not terms or any(t.type == ERROR for t in terms):
        return
    if any(value > 1 + SLACK for term in terms for value, _ in extremes(ctx, (term,))):
        return  # said of that branch already
    totals = list(extremes(ctx, terms))
    most, story = max(totals, key=lambda t: t[0], default=(math.nan, ""))
    if most > 1 + SLACK and len(terms) > 1:
        ctx.report.add(
            "E0503",
            f"The probabilities of these branches can add up to {most:.4g}{story}.",
            terms[-1].span,
            "People go one way: together the branches cannot take more than everybody.",
            origins(ctx, *terms),
        )
    elif branches[-1].probability is not None and not (totals and all(abs(v - 1) <= SLACK for v, _ in totals)):
        least = min((v for v, _ in totals), default=math.nan)
        seen = f"add up to {least:.4g}" if totals else "may not add up to 1"
        ctx.report.add(
            "E0502",
            f"These branches {seen}, and the rest of the people go nowhere.",
            span,
            "End with `to STATE otherwise`.",
        )
