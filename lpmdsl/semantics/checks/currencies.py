"""Money of different currencies, which is never added or compared, and units that name the currency."""

from __future__ import annotations

from lpmdsl.quantities import CURRENCIES, MONEY, NUMBER_DIM, TIME, Dimension
from lpmdsl.semantics import model
from lpmdsl.semantics.context import Context, text_of


def currency_of(unit: str) -> str:
    """``USD`` of ``USD per week``; "" of what is no money."""
    return next((word for word in unit.split() if word in CURRENCIES), "")


def currencies(ctx: Context, expr: model.Expr) -> set[str]:
    """The currencies in which an amount is worked out; empty where it is exchanged, or none is named."""
    found: set[str] = set()
    for leaf in model.walk(expr):
        unit = _unit(ctx, leaf)
        named = [word for word in unit.split() if word in CURRENCIES]
        if len(named) > 1:
            return set()  # such as 1.1 USD per EUR
        if leaf.type.dimension.money != 0:
            found |= set(named)
    return found


def _unit(ctx: Context, leaf: model.Expr) -> str:
    match leaf:
        case model.Literal_():
            return text_of(leaf.span).strip("`")
        case model.ParameterRef() if leaf.name in ctx.parameters:
            return ctx.parameters[leaf.name].unit
        case model.ObservationRef() | model.Rolling() if leaf.observation in ctx.observations:
            return ctx.observations[leaf.observation].unit
        case _:
            return ""


def same_currency(ctx: Context, left: model.Expr, right: model.Expr, verb: str) -> bool:
    """Return True unless both sides are money of different currencies, which is reported (E0672)."""
    one, other = currencies(ctx, left), currencies(ctx, right)
    if left.type.dimension.money == 0 or not one or not other or one | other == one & other:
        return True
    ctx.report.add("E0672", f"{text_of(left.span)} is in {', '.join(sorted(one))} and {text_of(right.span)} in "
                   f"{', '.join(sorted(other))}: they cannot be {verb}.", left.span.to(right.span),
                   "Exchange one of them first: multiply it by a parameter such as `1.1 USD per EUR`.")  # fmt: skip
    return False


def unit_of_money(ctx: Context, formula: model.Expr, parts: list[model.Observation]) -> tuple[str, float] | None:
    """The unit of a formula of money and its scale: ``USD per week``, ``USD per person``; None if it is no such.

    Per week if a part of it is.
    """
    rest: Dimension = formula.type.dimension / MONEY
    found = currencies(ctx, formula)
    if len(found) != 1 or any(power > 0 for power in rest.exponents()):
        return None
    (currency,) = found
    scale = 1.0
    words = [currency]
    by_period = next((p for p in parts if " per " in f" {p.unit}" and p.type.dimension.time == -1), None)
    if rest.time == -1 and by_period is not None:
        words.append("per " + f" {by_period.unit}".split(" per ", 1)[1].split(" per ")[0])
        rest, scale = rest * TIME, by_period.scale
    if rest != NUMBER_DIM:
        words.append(str(rest))
    return " ".join(words), scale
