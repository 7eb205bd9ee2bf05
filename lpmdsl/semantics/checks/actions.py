"""Actions: setting an attribute, moving to a state, staying away from networks."""

from __future__ import annotations

from lpmdsl.quantities import ERROR, Kind
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.networks.sources import nobody_meets_there
from lpmdsl.semantics.checks.values.expressions import check_value
from lpmdsl.semantics.checks.values.probabilities import check_probability
from lpmdsl.semantics.context import Context, Member
from lpmdsl.semantics.resolve.scope import Scope
from lpmdsl.syntax import tree


def set_attribute(ctx: Context, action: tree.SetTo, kind: str, scope: Scope) -> model.SetAttribute | None:
    """``set vaccinated to yes with probability 80 %``; None after a report."""
    target = action.target
    if isinstance(target, tree.Theirs):
        if scope.theirs is None:
            nobody_in_view(ctx, target)
            return None
        kind = scope.theirs
    member = settable(ctx, target, kind)
    if member is None:
        return None
    if action.adds and member.type.kind not in (Kind.NUMBER, Kind.ERROR):
        message = f"`{target.id}` is {member.type}, and only to numbers something can be added."
        ctx.report.add("E0709", message, target.span, f"Write `set {target.id} to …`.", labels=ctx.declared(target.id))
        return None
    value = check_value(ctx, action.value, scope, member.type, f"`{target.id}`")
    chance = chance_of(ctx, action, scope)
    if ERROR in (value.type, member.type) or (chance is not None and chance.type == ERROR):
        return None
    theirs = isinstance(target, tree.Theirs)
    return model.SetAttribute(target.id, value, chance, action.span, action.adds, theirs)


def chance_of(ctx: Context, action: tree.SetTo | tree.DrawTo | tree.MoveTo, scope: Scope) -> model.Expr | None:
    """The chance of an action; None where it is certain."""
    if action.probability is None:
        return None
    return check_probability(ctx, action.probability, scope, "the chance of an action")


def settable(ctx: Context, target: tree.Name | tree.Theirs, kind: str) -> Member | None:
    """The attribute of a kind that an action can change; None after a report."""
    members = ctx.members[kind]
    if target.id not in members:
        name = tree.Name(target.id, target.span)
        ctx.unknown(name, "an attribute", members, f"A {kind} has {', '.join(members) or 'no attributes'}.")
        return None
    member = members[target.id]
    if member.is_place or member.is_computed:
        why = (
            "is a place, and people do not move house here" if member.is_place else "is computed from another attribute"
        )
        ctx.report.add(
            "E0709",
            f"`{target.id}` cannot be set: it {why}.",
            target.span,
            "Set an attribute of your own and read that.",
            labels=ctx.declared(target.id),
        )
        return None
    return member


def nobody_in_view(ctx: Context, target: tree.Theirs) -> None:
    """Reports a change to another agent where there is none (E1101)."""
    ctx.report.add(
        "E1101",
        f"`their.{target.id}` is of another agent, and nobody else is in view here.",
        target.span,
        "In a rule write `pick one of NETWORK` or `each of NETWORK` above it.",
    )


def lasting_attribute(
    ctx: Context, action: tree.SetTo, kind: str, scope: Scope, lasts: str, instead: str
) -> model.SetAttribute | None:
    """Value of an attribute while something lasts (``while H``); None after a report, also of a probability."""
    if action.probability is not None or action.adds:
        without = "nothing is added up" if action.adds else "without a probability"
        message = f"What holds while {lasts} holds for everybody there all the time: {without}."
        ctx.report.add("E0709", message, action.span, instead)
        return None
    return set_attribute(ctx, action, kind, scope)


def force_move(ctx: Context, action: tree.MoveTo, kind: str, scope: Scope) -> model.ForceMove | None:
    """``move Flu to R``, ``move their.Flu to R``; None after a report."""
    theirs = isinstance(action.condition, tree.Theirs)
    if isinstance(action.condition, tree.Theirs) and scope.theirs is None:
        nobody_in_view(ctx, action.condition)
        return None
    condition = moved_condition(ctx, action, kind)
    if condition is None:
        return None
    if isinstance(action.state, tree.Theirs):
        nobody_in_view(ctx, action.state)
        return None
    state = ctx.state(condition, action.state)
    chance = chance_of(ctx, action, scope)
    return None if state is None else model.ForceMove(condition, state, chance, action.span, theirs)


def moved_condition(ctx: Context, action: tree.MoveTo, kind: str) -> str | None:
    """The condition that a move is in, one of a kind of agents; None after a report."""
    condition = action.condition
    if condition.id not in ctx.states:
        if condition.id not in ctx.broken:
            ctx.unknown(tree.Name(condition.id, condition.span), "a condition", ctx.states)
        return None
    if ctx.kind_of[condition.id] != kind:
        ctx.report.add(
            "E0314",
            f"`{condition.id}` is a condition of {ctx.kind_of[condition.id]}, and a {kind} is acted on.",
            condition.span,
            labels=ctx.declared(condition.id),
        )
        return None
    return condition.id


def left_networks(ctx: Context, names: tuple[tree.Name, ...], kind: str, what: str) -> tuple[str, ...]:
    """The networks of ``leave offices, classes``, those that exist and join ``kind`` (any of them for "")."""
    found = []
    for name in names:
        if name.id not in ctx.networks:
            if name.id not in ctx.broken:
                ctx.unknown(name, "a network", ctx.names.networks())
        elif ctx.networks[name.id].remembers:
            nobody_meets_there(ctx, name, ctx.networks[name.id])
        elif kind not in ("", ctx.networks[name.id].of, ctx.networks[name.id].to):
            ctx.report.add(
                "E0607",
                f"`{name.id}` joins {ctx.networks[name.id].of}, so a {kind} cannot {what}.",
                name.span,
                labels=ctx.declared(name.id),
            )
        else:
            found.append(name.id)
    return tuple(found)
