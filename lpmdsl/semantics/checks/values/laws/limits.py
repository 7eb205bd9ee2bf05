"""Limits of what the arguments of a distribution may be: positive, whole, in rising order, finite."""

from __future__ import annotations

from lpmdsl.distributions.family import Family, Role
from lpmdsl.quantities import NUMBER
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.value_origins import origins
from lpmdsl.semantics.analysis.vertices import extremes
from lpmdsl.semantics.context import Context, text_of

LARGEST = 1e300
"""Beyond this a number is as good as infinite."""


def in_range(ctx: Context, family: Family, name: str, role: Role, value: model.Expr, help: str) -> bool:
    """Return True if no value that parameters and tables allow lies outside what the argument can be."""
    for number, story in extremes(ctx, (value,)):
        problem = ""
        if role in ("positive value", "per value", "positive number") and number <= 0:
            problem = "must be above 0"
        elif role == "above one" and number <= 1:
            problem = "must be above 1 (it is a factor)"
        elif role == "probability" and not 0 <= number <= 1:
            problem = "must lie between 0 and 1"
        elif role == "whole number" and (number < 1 or number != int(number)):
            problem = "must be a whole number of at least 1"
        if problem:
            message = f"`{name.split()[0]}` of `{family.name}` {problem}; here it can be {number:g}{story}."
            ctx.report.add("E0316", message, value.span, help, labels=origins(ctx, value))
            return False
    return True


def are_finite(ctx: Context, family: Family, arguments: tuple[tuple[str, model.Expr], ...]) -> bool:
    """Return True if every argument is a finite number, as far as it is known."""
    for name, value in arguments:
        for number, story in extremes(ctx, (value,)):
            if abs(number) > LARGEST:
                message = f"`{name.split()[0]}` of `{family.name}` has no number here{story}: it is too large for one."
                ctx.report.add("E0316", message, value.span, labels=origins(ctx, value))
                return False
    return True


def is_ordered(ctx: Context, family: Family, arguments: dict[str, model.Expr]) -> bool:
    """Return True if ends are in rising order, as in ``uniform(min, max)``, and a beta's sd leaves room."""
    if family.name == "triangular":
        return _rising(ctx, arguments["low"], arguments["mode"], arguments["high"])
    low, high = arguments.get("min"), arguments.get("max")
    if low is not None and high is not None:
        gap = model.Apply("sub", (high, low), NUMBER, high.span)
        return _all_above(ctx, gap, 0, "the largest value must be above the smallest")
    if family.name == "beta" and "sd" in arguments:
        for (mean, story), (sd, _) in zip(
            extremes(ctx, (arguments["mean"],)), extremes(ctx, (arguments["sd"],)), strict=False
        ):
            if sd * sd >= mean * (1 - mean):
                ctx.report.add(
                    "E0316",
                    f"A beta distribution with mean {mean:g} has an sd below {max(mean * (1 - mean), 0) ** 0.5:.3g}"
                    f"{story}.",
                    arguments["sd"].span,
                    labels=origins(ctx, *arguments.values()),
                )
                return False
    return True


def _rising(ctx: Context, low: model.Expr, mode: model.Expr, high: model.Expr) -> bool:
    """Return True if the mode of a triangle lies between its ends, and these apart."""
    apart = model.Apply("sub", (high, low), NUMBER, high.span)
    if not _all_above(ctx, apart, 0, "the largest value must be above the smallest"):
        return False
    for lower, upper in ((low, mode), (mode, high)):
        for gap, story in extremes(ctx, (model.Apply("sub", (upper, lower), NUMBER, upper.span),)):
            if gap < 0:
                message = f"{text_of(mode.span)}: the mode must lie between the smallest and the largest value{story}."
                help = "Write `triangular(LOW, MODE, HIGH)`."
                ctx.report.add("E0316", message, mode.span, help, origins(ctx, low, mode, high))
                return False
    return True


def _all_above(ctx: Context, value: model.Expr, bound: float, sentence: str) -> bool:
    for number, story in extremes(ctx, (value,)):
        if number <= bound:
            message = f"{text_of(value.span)}: {sentence}{story}."
            ctx.report.add("E0316", message, value.span, labels=origins(ctx, value))
            return False
    return True
