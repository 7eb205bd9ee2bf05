"""Parameters: a value with its unit, what is believed about it, and between what it may lie."""

from __future__ import annotations

import math
from dataclasses import replace

from lpmdsl.diagnostics import Label
from lpmdsl.quantities import ERROR, NUMBER, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.vertices import constant
from lpmdsl.semantics.checks.families.declaration import expanded
from lpmdsl.semantics.checks.families.walks import followed
from lpmdsl.semantics.checks.values.expressions import check_expression, check_value
from lpmdsl.semantics.checks.values.finite_values import is_finite
from lpmdsl.semantics.checks.values.laws.distributions import check_distribution
from lpmdsl.semantics.checks.values.laws.limits import LARGEST
from lpmdsl.semantics.checks.values.units import expect
from lpmdsl.semantics.context import Context, Family, text_of, unit_of, unit_text
from lpmdsl.semantics.resolve.scope import constant as constant_scope, timed
from lpmdsl.semantics.resolve.tree_walk import in_order, names_in
from lpmdsl.syntax import tree

DEEPEST = 60
"""Parameters computed from parameters computed from …: deeper chains would exhaust the passes that follow them."""


def check_parameters(ctx: Context, clock: model.Clock) -> None:
    """All parameters, each after those it is made of, into ``ctx.parameters``."""
    declared = expanded(ctx, clock)
    family_of = {part: family for family in ctx.families.values() for part in family.parts}

    def value_of(p: tree.Parameter) -> object:
        family = family_of.get(p.name.id)
        return p.value if family is None else (p.value, family.written.value)

    ordered, circles = in_order(declared, value_of)
    for circle in circles:
        ctx.broken.update(circle)
        ctx.report.add(
            "E0205",
            f"These parameters are made of each other: {' needs '.join(circle)}.",
            declared[circle[0]].name.span,
            "Give one of them a value of its own.",
            [Label(declared[other].value.span, f"`{other}` is made of this") for other in circle[:-1]],
        )
    depth: dict[str, int] = {}
    for written in ordered:
        needs = [depth[other] for other in names_in(value_of(written)) if other in depth]
        depth[written.name.id] = 1 + max(needs, default=0)
        if depth[written.name.id] > DEEPEST:
            ctx.broken.add(written.name.id)
        if depth[written.name.id] == DEEPEST + 1:
            message = f"`{written.name.id}` is at the end of a chain of more than {DEEPEST} parameters."
            ctx.report.add("E0107", message, written.name.span, "Compute it from fewer steps.")
        family = family_of.get(written.name.id)
        made = None if written.name.id in ctx.broken else _parameter(ctx, written, family)
        if made is None:
            ctx.broken.add(written.name.id)
        else:
            if made.name in ctx.given:
                given = model.Literal_(ctx.given[made.name], made.type, made.default.span)
                made = replace(made, default=given)
            made = made if family is None else followed(ctx, family, made)
            ctx.parameters[made.name] = made
            ctx.values[made.name] = constant(made.default, ctx.values, ctx.tables)
            _finite(ctx, made)


def _finite(ctx: Context, made: model.Parameter) -> None:
    """Reports a parameter whose value is no number, or too large for one."""
    value = ctx.values[made.name]
    if abs(value) <= LARGEST or not model.is_constant(made.default):
        return
    if not all(abs(ctx.values.get(n, 0.0)) <= LARGEST for n in _read_by(made.default)):
        return  # reported where it began
    why = "it is undefined" if math.isnan(value) else "it is too large"
    ctx.report.add(
        "E0316",
        f"`{made.name}` has no number: {why}.",
        made.default.span,
        "Check the powers, divisions and logarithms in it.",
    )


def _read_by(expr: model.Expr) -> set[str]:
    return {e.name for e in model.walk(expr) if isinstance(e, model.ParameterRef)}


def _parameter(ctx: Context, written: tree.Parameter, family: Family | None) -> model.Parameter | None:
    name, scope = written.name.id, constant_scope(f"the parameter `{written.name.id}`")
    default = check_expression(ctx, written.value, timed(scope.place))
    if family is not None and written.value is not family.written.value:
        common = check_expression(ctx, family.written.value, timed(scope.place))
        default = expect(ctx, default, common.type, f"a value of `{family.name}`")
        if isinstance(default, model.Literal_) and default.type != ERROR:
            default = replace(default, type=common.type)
    if default.type != ERROR and not default.type.is_numeric:
        ctx.report.add(
            "E0306",
            f"A parameter is a number, and {text_of(default.span)} is {default.type}.",
            default.span,
            "Make it an attribute of the agents, or a number.",
        )
    if default.type == ERROR or not default.type.is_numeric:
        return None
    if default.type.kind is Kind.SHARE and isinstance(default, model.Literal_) and not 0 <= default.value <= 1:
        default = model.Literal_(default.value, NUMBER, default.span)  # 150 % is a factor, not a share
    if not is_finite(ctx, default, "a parameter"):
        return None
    of_family = ctx.families.get(model.family_in(name))
    unit, scale = _printed(of_family.written.value if of_family is not None else written.value, default.type)
    prior = check_distribution(ctx, written.prior, default.type, "prior", scope) if written.prior else None
    low, high = (_bound(ctx, e, default.type, name) for e in (written.low, written.high))
    made = model.Parameter(
        name, default, default.type, unit, scale, prior, low, high, written.source or "", written.doc, written.span,
        family.name if family is not None else "",
    )  # fmt: skip
    _within(ctx, written, made)
    return made


def _printed(value: tree.Expr, kind: Type) -> tuple[str, float]:
    """The unit in which to print the value, and its scale: as written, else base units."""
    if isinstance(value, tree.Quantity):
        return unit_text(value), unit_of(value)[0]
    return ("" if kind.dimension == NUMBER.dimension else str(kind.dimension)), 1.0


def _bound(ctx: Context, written: tree.Expr | None, kind: Type, name: str) -> float | None:
    if written is None:
        return None
    bound = check_value(ctx, written, constant_scope(f"a bound of `{name}`"), kind, f"a bound of `{name}`")
    value = constant(bound, ctx.values, ctx.tables)
    return None if math.isnan(value) else value


def limits(parameter: model.Parameter) -> tuple[float | None, float | None]:
    """The least and the greatest value in base units: ``between``, and 0 to 1 for a share or a probability."""
    low, high = parameter.low, parameter.high
    if parameter.type.kind in (Kind.SHARE, Kind.PROBABILITY):
        low, high = max(0.0, low or 0.0), min(1.0, 1.0 if high is None else high)
    return low, high


def _within(ctx: Context, written: tree.Parameter, made: model.Parameter) -> None:
    """Report bounds in the wrong order and a value outside them."""
    low, high = made.low, made.high
    if low is None or high is None or written.low is None or written.high is None:
        return
    if low >= high:
        ctx.report.add(
            "E0317",
            f"The lower bound {text_of(written.low.span)} is not below the upper bound {text_of(written.high.span)}.",
            written.low.span,
            "Write the smaller one first.",
        )
        return
    value = constant(made.default, ctx.values, ctx.tables)
    slack = 1e-12 * max(abs(low), abs(high))
    if value < low - slack or value > high + slack:
        ctx.report.add(
            "E0317",
            f"`{made.name}` is {text_of(written.value.span)[1:-1]}, outside its own bounds.",
            written.value.span,
            f"It may lie between {text_of(written.low.span)} and {text_of(written.high.span)}.",
            [Label(written.low.span.to(written.high.span), f"the bounds of `{made.name}`")],
        )
