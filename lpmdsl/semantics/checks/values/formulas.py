"""Observations computed from observations, and what all observations share: their period and their unit."""

from __future__ import annotations

from lpmdsl.quantities import ERROR, NUMBER, NUMBER_DIM, PERSON, SHARE, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.currencies import unit_of_money
from lpmdsl.semantics.checks.values.expressions import check_expression
from lpmdsl.semantics.checks.values.periods import Period, check_period
from lpmdsl.semantics.context import Context, text_of
from lpmdsl.semantics.resolve.scope import formulas
from lpmdsl.syntax import tree


def reporting_period(ctx: Context, written: tree.Observe) -> Period | None:
    """Period of an observation, the clock's step if none is written; None after a report."""
    if written.every is None:
        return Period(ctx.step)
    return check_period(ctx, written.every, "A reporting period")


def unit_of_type(kind: Type) -> str:
    """Unit in which values of a type are reported."""
    if kind.dimension == PERSON:
        return "people"
    return "" if kind.dimension == NUMBER_DIM else str(kind.dimension)


def check_formula(ctx: Context, written: tree.Observe, value: tree.Expr) -> model.Observation | None:
    """The observation that a formula of others makes; None after a report of what is wrong with it."""
    if _counts_itself(ctx, written):
        return None
    formula = check_expression(ctx, value, formulas(f"the formula of `{written.name.id}`"))
    if isinstance(formula, model.IsActive):
        one, none = (model.Literal_(x, NUMBER, formula.span) for x in (1.0, 0.0))
        formula = model.Apply("select", (formula, one, none), NUMBER, formula.span)
    if formula.type == ERROR or not _is_number(ctx, formula):
        return None
    parts = [ctx.observations[p] for p in parts_of(ctx, formula)]
    groups = _agreeing_groups(ctx, written, formula)
    if groups is None:
        return None
    slowest = max(parts, key=lambda p: p.every, default=None)
    longest = Period(ctx.step) if slowest is None else Period(slowest.every, slowest.months)
    every = longest if written.every is None else _longer(ctx, written, longest)
    if every is None:
        return None
    unit, scale = _unit_of_formula(ctx, formula, parts)
    by, labels = groups
    return model.Observation(
        written.name.id,
        "",
        model.Derived(formula),
        None,
        by,
        labels,
        None,
        None,
        every.days,
        unit,
        scale,
        SHARE if formula.type == SHARE else formula.type,
        written.doc,
        written.span,
        every.months,
    )


def _counts_itself(ctx: Context, written: tree.Observe) -> bool:
    """Return True after a report of a clause that belongs to the observations in the formula (E0703, E0704)."""
    for clause in (written.thinned, written.delayed, written.where):
        if clause is not None:
            ctx.report.add(
                "E0704",
                "This is computed from other observations; who is counted is said there.",
                clause.span,
                "Move the clause to the observation that counts.",
            )
            return True
    if written.by:
        ctx.report.add(
            "E0703",
            "A formula has the groups of the observations in it.",
            written.by[0].span,
            "Move `by` to the observations that count.",
        )
    return bool(written.by)


def _is_number(ctx: Context, formula: model.Expr) -> bool:
    """Return True if the formula is a number; else a report (E0306)."""
    if not formula.type.is_numeric:
        ctx.report.add(
            "E0306",
            f"{text_of(formula.span)} is {formula.type}, and an observation is a number.",
            formula.span,
            "Observe the share of those for whom it holds: `share of Person where …`.",
        )
    return formula.type.is_numeric


def _unit_of_formula(ctx: Context, formula: model.Expr, parts: list[model.Observation]) -> tuple[str, float]:
    """The unit of the values and its scale: that of the first flow for a number per time, a currency for money."""
    unit, scale = unit_of_type(formula.type), 1.0
    flow = next((p for p in parts if p.unit.startswith("per ")), None)
    if formula.type.dimension.time == -1 and flow is not None:
        unit, scale = flow.unit, flow.scale
    if formula.type.dimension.money != 0:
        return unit_of_money(ctx, formula, parts) or (unit, scale)
    return unit, scale


def parts_of(ctx: Context, formula: model.Expr) -> list[str]:
    """The observations that a formula reads, in written order."""
    return [e.observation for e in model.walk(formula) if isinstance(e, model.ObservationRef | model.Rolling)]


def _longer(ctx: Context, written: tree.Observe, longest: Period) -> Period | None:
    period = reporting_period(ctx, written)
    if period is not None and written.every is not None and period.days < longest.days - 1e-9:
        ctx.report.add(
            "E0705",
            f"What it is computed from is known every {longest.days:g} days, not every {period.days:g}.",
            written.every.span,
            "Leave `every` out: it is computed when the slowest of its parts is reported.",
        )
        return None
    return period


def _agreeing_groups(
    ctx: Context, written: tree.Observe, formula: model.Expr
) -> tuple[tuple[model.Expr, ...], tuple[str, ...]] | None:
    """The groups that all grouped parts share; None after reporting that they differ."""
    by: tuple[model.Expr, ...] = ()
    groups: tuple[str, ...] = ("",)
    first = ""
    for e in model.walk(formula):
        if not isinstance(e, model.ObservationRef | model.Rolling) or e.group is not None:
            continue
        part = ctx.observations[e.observation]
        if part.groups == ("",) or part.groups == groups:
            continue
        if groups != ("",):
            ctx.report.add(
                "E0703",
                f"`{first}` and `{part.name}` are grouped differently, so they cannot be combined group by group.",
                e.span,
                "Give both the same `by`.",
                labels=ctx.declared(part.name),
            )
            return None
        by, groups, first = part.by, part.groups, part.name
    return by, groups
