"""Aggregates over all agents of a kind, and what may be read where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lpmdsl.quantities import DURATION, ERROR, NUMBER, NUMBER_DIM, PERSON, SHARE, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.values.units import expect
from lpmdsl.semantics.context import Context, fresh_name, nothing, text_of, unit_of, value_of
from lpmdsl.semantics.resolve.scope import Readable, Scope, counting
from lpmdsl.syntax import tree

Checker = Callable[[Context, tree.Expr, Scope], model.Expr]
Tester = Callable[[Context, tree.Expr, Scope, str], model.Expr]

_WHY: dict[Readable, tuple[str, str]] = {
    "members": ("E0314", "differs between agents"),
    "states": ("E0314", "differs between agents"),
    "since": ("E0314", "is not the same for all, and changes all the time"),
    "observations": ("E0314", "is known only while the model runs"),
    "time": ("E0314", "is known only while the model runs"),
    "activity": ("E0314", "is known only while the model runs"),
    "aggregates": ("E0706", "is the hidden state of the whole population"),
}


def may_read(ctx: Context, what: Readable, name: tree.Name, scope: Scope) -> bool:
    """Return True if ``scope`` may read this; if not, the reason is reported."""
    if scope.can(what):
        return _is_known(ctx, name, scope)
    code, why = _WHY[what]
    if what in ("members", "states", "since") and scope.can("observations"):
        why = "differs between agents, and nobody in particular is looked at"
    elif what == "states":
        why = "is not yet known: conditions begin once the population is made"
    if what == "activity" and scope.can("observations"):
        why = "is not a report"
    help = "Use a parameter or a number here." if not scope.reads else ""
    ctx.report.add(
        code,
        f"{scope.place[:1].upper() + scope.place[1:]} cannot read `{name.id}`, which {why}.",
        name.span,
        help,
        labels=ctx.declared(name.id),
    )
    return False


def _is_known(ctx: Context, name: tree.Name, scope: Scope) -> bool:
    """Return True if those who decide by a rule know what it reads."""
    if scope.slots is None or name.id in scope.slots:
        return True
    ctx.report.add(
        "E0733",
        f"{scope.place[:1].upper() + scope.place[1:]} cannot read `{name.id}`, which is not known to those who decide.",
        name.span,
        f"Write `knows {name.id}` too.",
    )
    return False


def aggregate(
    ctx: Context, expr: tree.Aggregate, over: tree.Name, scope: Scope, check: Checker, test: Tester
) -> model.Expr:
    """``count of Person where …``, ``mean of age over Person``: one number for the whole population."""
    if not over.id:
        kind = next(iter(ctx.members), "KIND")
        message = f"This does not say of whom the {expr.function} is."
        ctx.report.add("E0750", message, over.span, f"Write `{expr.function} of {kind} where …`.")
        return nothing(expr.span)
    if over.id not in ctx.members:
        if over.id in ctx.states or any(over.id in s for s in ctx.states.values()):
            _counted_state(ctx, expr, over)
        elif scope.domain is not None and ctx.names.word_of(over.id) is None:
            help = f"Of the members of a {scope.domain[1]} it is `{expr.function} of {scope.domain[1]} where …`."
            ctx.report.add("E0601", f"There is no agent `{over.id}`.", over.span, help)
        else:
            ctx.agent_kind(over)
        return nothing(expr.span)
    if not (scope.can("aggregates") or scope.can("counts")):
        _hidden(ctx, expr, over, scope)
        return nothing(expr.span)
    group = None if expr.group is None else _group_of(ctx, expr.group, over, scope)
    if expr.group is not None and group is None:
        return nothing(expr.span)
    inside = counting(over.id, "an aggregate")
    where = test(ctx, expr.where, inside, "what follows `where`") if expr.where is not None else None
    what = check(ctx, expr.what, inside) if expr.what is not None else None
    what = None if what is None else numeric(ctx, what, expr.function)
    otherwise = check(ctx, expr.otherwise, scope) if expr.otherwise is not None else None
    if any(part is not None and part.type == ERROR for part in (where, what, otherwise)):
        return nothing(expr.span)
    measure = measure_of(ctx, expr)
    if measure is None:
        return nothing(expr.span)
    function, level = measure
    type_ = aggregate_type(function, what)
    made = model.Aggregate(function, over.id, what, where, otherwise, type_, expr.span, level)
    return made if scope.can("aggregates") else counted(ctx, made, group)


def counted(ctx: Context, made: model.Aggregate, group: model.AttributeRef | None) -> model.Expr:
    """The value that is counted at the beginning of every step, of all or of those who have the agent's label."""
    name = fresh_name("counted", ctx.observed())
    by = () if group is None else (replace(group, of=made.of),)
    level, labels = model.Level(made), model.group_labels(by)
    found = model.Observation(
        name, made.of, level, None, by, labels, None, None, ctx.step, "", 1.0, made.type, "", made.span, is_hidden=True
    )
    ctx.counts.append(found)
    if group is None:
        return model.ObservationRef(name, None, made.type, made.span)
    return model.GroupReport(name, (group,), made.type, made.span)


def _group_of(ctx: Context, name: tree.Name, over: tree.Name, scope: Scope) -> model.AttributeRef | None:
    """The attribute whose label the agent shares with those counted; None after a report."""
    if not scope.can("counts") or scope.kind is None:
        ctx.report.add("E1109", f"`in their {name.id}` is of somebody, and nobody in particular is looked at here.",
                       name.span, f"Write `by {name.id}` behind the observation.")  # fmt: skip
        return None
    members = ctx.members[scope.kind]
    own, other = members.get(name.id), ctx.members[over.id].get(name.id)
    if own is None or other is None:
        whose = scope.kind if own is None else over.id
        ctx.unknown(name, "an attribute", members, f"Both must have it, and {whose} has none of that name.")
        return None
    if own.type.kind not in (Kind.CATEGORY, Kind.BOOLEAN) or own.type.labels != other.type.labels:
        ctx.report.add(
            "E1110",
            f"`{name.id}` is {own.type}, and those in the same are found by a label.",
            name.span,
            f"Over a place write `count of NETWORK where …`, of a network that joins those who share `{name.id}`."
            if own.is_place
            else "Use a category, such as a band of the number.",
            labels=ctx.declared(name.id),
        )
        return None
    return model.AttributeRef(scope.kind, name.id, own.type, name.span)


def numeric(ctx: Context, what: model.Expr, function: str) -> model.Expr:
    """Return what an aggregate is taken of: a number, a time for a date; an error expression after a report."""
    role = f"what `{function}` is taken of"
    if not what.type.is_numeric:
        return expect(ctx, what, NUMBER, role)
    return expect(ctx, what, DURATION, role) if what.type.kind is Kind.DATE else what


def measure_of(ctx: Context, expr: tree.Aggregate) -> tuple[Any, float] | None:
    """The function of an aggregate, one of those that the grammar lists, and the share of a quantile; None after a
    report. A median is a quantile."""
    level = 0.5 if expr.level is None else _quantile_level(ctx, expr.level)
    return None if level is None else ("quantile" if expr.function == "median" else expr.function, level)


def _quantile_level(ctx: Context, written: tree.Quantity) -> float | None:
    """The share of a quantile; None after a report."""
    value, dimension = value_of(written), unit_of(written)[1]
    if dimension == NUMBER_DIM and 0 <= value <= 1:
        return value
    ctx.report.add(
        "E0751",
        f"{text_of(written.span)} is no share, and a quantile is the value below which a share of the values lies.",
        written.span,
        "Write `quantile 90 % of …`.",
    )
    return None


def aggregate_type(function: str, what: model.Expr | None) -> Type:
    """The type of an aggregate over agents; ``what`` None: they are counted."""
    if what is not None:
        return what.type if function in ("min", "max", "mean", "quantile") else Type(Kind.NUMBER, what.type.dimension)
    return Type(Kind.NUMBER, PERSON) if function == "count" else SHARE


def _counted_state(ctx: Context, expr: tree.Aggregate, over: tree.Name) -> None:
    holders = [c for c, states in ctx.states.items() if over.id in states]
    if holders:
        kind = ctx.kind_of[holders[0]]
        help = f"Write `{expr.function} of {kind} where {holders[0]} is {over.id}`."
        ctx.report.add("E0206", f"`{over.id}` is a state, and agents are counted.", over.span, help)
        return
    help = f"Write `{expr.function} of {ctx.kind_of[over.id]} where {over.id} is {ctx.states[over.id][0]}`."
    ctx.report.add(
        "E0206", f"`{over.id}` is a condition, and agents are counted.", over.span, help, labels=ctx.declared(over.id)
    )


def _hidden(ctx: Context, expr: tree.Aggregate, over: tree.Name, scope: Scope) -> None:
    code = "E0701" if "trigger" in scope.place else "E0706"
    ctx.report.add(
        code,
        f"{text_of(expr.span)} is the hidden state of everybody at this moment; {scope.place} "
        "reads what has been reported.",
        expr.span,
        f"Observe it first: `observe seen = {text_of(expr.span)[1:-1]} every week`, then use `seen`.",
    )
