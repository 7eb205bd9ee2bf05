"""Reports in expressions: observations read by name, means and totals over a time."""

from __future__ import annotations

import math

from lpmdsl.diagnostics import did_you_mean
from lpmdsl.quantities import TIME, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.values.summaries.aggregates import may_read
from lpmdsl.semantics.context import Context, days, nothing, text_of
from lpmdsl.semantics.resolve.scope import Scope
from lpmdsl.source import Span
from lpmdsl.syntax import tree

SUMMED = ("count", "sum")


def observation(
    ctx: Context, name: tree.Name, keys: tuple[tree.Expr, ...] | None, scope: Scope, span: Span | None = None
) -> model.Expr:
    """The last report of an observation, whole or of one group."""
    found = _observed(ctx, name, scope)
    where = span or name.span
    if found is None:
        return nothing(where)
    group = _group(ctx, found, name, keys, scope, where)
    return nothing(where) if group == -1 else model.ObservationRef(name.id, group, found.type, where)


def rolling(ctx: Context, expr: tree.Aggregate, over: tree.Quantity | None, scope: Scope) -> model.Expr:
    """``mean of cases over 4 weeks``, ``total of cases``: of the last completed reports of one observation."""
    what = expr.what
    name = what.table if isinstance(what, tree.Lookup) else what
    if expr.function not in ("mean", "total") or not isinstance(name, tree.Name) or not _is_observation(ctx, name):
        ctx.report.add(
            "E0716",
            f"{text_of(expr.span)}: only the mean or the total of an observation is taken over a time.",
            expr.span,
            "Observe the value first, then write `mean of OBSERVATION over 4 weeks` or `total of OBSERVATION`.",
        )
        return nothing(expr.span)
    found = _observed(ctx, name, scope)
    window = math.inf if over is None else _window(ctx, found, name, over) if found is not None else None
    if found is None or window is None:
        return nothing(expr.span)
    if expr.function == "total" and found.type.dimension.time != -1:
        ctx.report.add(
            "E0716",
            f"`{name.id}` looks at a moment and counts nothing over a time: its total would count the same again and "
            "again.",
            expr.span,
            "Take the total of a flow: `observe NAME = number entering STATE per day`, then `total of NAME`.",
            labels=ctx.declared(name.id),
        )
        return nothing(expr.span)
    group = _group(ctx, found, name, what.keys if isinstance(what, tree.Lookup) else None, scope, expr.span)
    if group == -1:
        return nothing(expr.span)
    if expr.function == "mean":
        return model.Rolling(name.id, window, group, found.type, expr.span)
    type_ = Type(Kind.NUMBER, found.type.dimension * TIME)
    return model.Rolling(name.id, window, group, type_, expr.span, "total")


def _is_observation(ctx: Context, name: tree.Name) -> bool:
    return name.id in ctx.names.observations()


def _window(ctx: Context, found: model.Observation, name: tree.Name, over: tree.Quantity) -> float | None:
    """The days of a window, a whole number of reports; None after a report."""
    window = days(ctx, over)
    if window is None:
        return None
    reports = window / found.every
    if reports < 0.5 or abs(reports - round(reports)) > 1e-9 * max(1.0, reports):
        ctx.report.add(
            "E0716",
            f"`{name.id}` is reported every {found.every:g} days, and {window:g} days is not a whole number of "
            "reports.",
            over.span,
            f"Write a multiple of {found.every:g} days.",
            labels=ctx.declared(name.id),
        )
        return None
    return window


def _observed(ctx: Context, name: tree.Name, scope: Scope) -> model.Observation | None:
    if not may_read(ctx, "observations", name, scope):
        return None
    return ctx.observations.get(name.id)  # absent: wrong itself, and reported there


def is_summable(observed: model.Observation) -> bool:
    """Return True if the groups of an observation add up to a whole that means something: flows, counts and sums."""
    match observed.value:
        case model.Flow() | model.Spending():
            return True
        case model.Level():
            return observed.value.aggregate.function in SUMMED
        case _:
            return observed.groups == ("",)


def _group(
    ctx: Context,
    found: model.Observation,
    name: tree.Name,
    keys: tuple[tree.Expr, ...] | None,
    scope: Scope,
    span: Span,
) -> int | None:
    """The group's index; None for the whole; -1 after a report."""
    grouped = found.groups != ("",)
    if keys is None:
        if not grouped or scope.grouped or is_summable(found):
            return None
        ctx.report.add(
            "E0702",
            f"`{name.id}` has one value for each of {', '.join(found.groups[:4])}; shares and means do not add "
            "up to one.",
            span,
            f"Name the group: `{name.id}[{found.groups[0].replace('|', ', ')}]`.",
            labels=ctx.declared(name.id),
        )
        return -1
    wanted = "|".join(
        k.id
        if isinstance(k, tree.Name)
        else k.text
        if isinstance(k, tree.Quantity)
        else ("yes" if k.value else "no")
        if isinstance(k, tree.YesNo)
        else ""
        for k in keys
    )
    if wanted in found.groups and grouped:
        return found.groups.index(wanted)
    has = (
        f"Its groups are {', '.join(g.replace('|', ', ') for g in found.groups[:8])}."
        if grouped
        else "It has no groups."
    )
    ctx.report.add(
        "E0307",
        f"`{name.id}` has no group `{wanted.replace('|', ', ')}`.{did_you_mean(wanted, found.groups)}",
        keys[0].span if keys else span,
        has,
        labels=ctx.declared(name.id),
    )
    return -1
