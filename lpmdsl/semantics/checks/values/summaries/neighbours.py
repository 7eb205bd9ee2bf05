"""Sight of neighbours: ``count of friends where their.Flu is I``, ``mean of their.age over friends``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lpmdsl.quantities import ERROR, NUMBER, SHARE, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.values.summaries.aggregates import measure_of, numeric
from lpmdsl.semantics.checks.values.units import expect
from lpmdsl.semantics.context import Context, fresh_name, nothing, text_of
from lpmdsl.semantics.resolve.scope import Scope
from lpmdsl.syntax import tree

Checker = Callable[[Context, tree.Expr, Scope], model.Expr]
Tester = Callable[[Context, tree.Expr, Scope, str], model.Expr]


def theirs(ctx: Context, written: tree.Theirs, scope: Scope) -> model.Expr:
    """``their.opinion``, ``their.Flu``: an attribute or a state of the other agent; an error after a report."""
    if scope.theirs is None:
        ctx.report.add(
            "E1101",
            f"`their.{written.id}` is of another agent, and nobody else is in view here.",
            written.span,
            f"Write what is seen of whom: `mean of their.{written.id} over NETWORK`.",
        )
        return nothing(written.span)
    members = ctx.members[scope.theirs]
    if written.id in members:
        kind = members[written.id].type
        inner: Any = model.AttributeRef(scope.theirs, written.id, kind, written.span)
    elif written.id in ctx.states and ctx.kind_of[written.id] == scope.theirs:
        kind = Type(Kind.CATEGORY, labels=ctx.states[written.id])
        inner = model.StateOf(written.id, kind, written.span)
    else:
        _unknown(ctx, written, scope.theirs)
        return nothing(written.span)
    return nothing(written.span) if kind == ERROR else model.Theirs(inner, kind, written.span)


def _unknown(ctx: Context, written: tree.Theirs, kind: str) -> None:
    own = [*ctx.members[kind], *(c for c in ctx.states if ctx.kind_of[c] == kind)]
    if written.id not in ctx.broken:
        name = tree.Name(written.id, written.span)
        ctx.unknown(name, "an attribute", own, f"A {kind} has {', '.join(own) or 'nothing that could be read'}.")


def neighbours(
    ctx: Context, written: tree.Aggregate, over: tree.Name, scope: Scope, check: Checker, test: Tester
) -> model.Expr:
    """An aggregate over those to whom the agent has ties; an error expression after a report."""
    network = ctx.networks.get(over.id)  # absent: not made yet, or wrong itself, and reported there
    if not _may_look(ctx, written, scope) or network is None or not _are_seen(ctx, written, network, over, scope):
        return nothing(written.span)
    if written.group is not None:
        ctx.report.add("E1109", "Neighbours are those to whom one has a tie, wherever they are.", written.group.span,
                       f"Write `where their.{written.group.id} is {written.group.id}`.")  # fmt: skip
        return nothing(written.span)
    inside = replace(scope, theirs=network.of, tie=network.name)
    where = test(ctx, written.where, inside, "what follows `where`") if written.where is not None else None
    what = check(ctx, written.what, inside) if written.what is not None else None
    if what is not None and written.function == "commonest":
        what = _label(ctx, what)
    elif what is not None and what.type != ERROR:
        what = numeric(ctx, what, written.function)
    otherwise = None if written.otherwise is None else _instead(ctx, written.otherwise, what, scope, check)
    if any(part is not None and part.type == ERROR for part in (where, what, otherwise)):
        return nothing(written.span)
    measure = measure_of(ctx, written)
    if measure is None:
        return nothing(written.span)
    function, level = measure
    type_ = _type_of(function, what)
    if otherwise is not None:
        otherwise = expect(ctx, otherwise, type_, "what stands behind `else`")
        if otherwise.type == ERROR:
            return nothing(written.span)
    made = model.Neighbours(function, network.name, what, where, otherwise, type_, written.span, level)
    if not scope.names_nobody:
        _may_be_alone(ctx, made, network)
    return made if scope.pulls else kept(ctx, network.of, made)


def _instead(ctx: Context, written: tree.Expr, what: model.Expr | None, scope: Scope, check: Checker) -> model.Expr:
    """The value behind ``else``; a bare name may be one of the labels that are seen."""
    labels = what.type.labels if what is not None else ()
    named = written.id if isinstance(written, tree.Name) else ""
    if what is not None and named in labels and named not in ctx.members.get(scope.kind or "", {}):
        return model.Literal_(float(labels.index(named)), what.type, written.span)
    return check(ctx, written, scope)


def linked(
    ctx: Context, written: tree.Aggregate, over: tree.Name, scope: Scope, check: Checker, test: Tester
) -> model.Expr:
    """``infector.age``: what the one has to whom one has a tie; an error expression after a report (E1143)."""
    network, what = ctx.networks.get(over.id), written.what
    assert isinstance(what, tree.Theirs)
    if network is None or not network.remembers:
        if over.id not in ctx.broken:
            whose = f"`{over.id}` is no network" if network is None else f"On `{over.id}` one may have several"
            ctx.report.add(
                "E1143",
                f"{whose}, so `{over.id}.{what.id}` does not say whose `{what.id}` it is.",
                written.span,
                f"Write what is seen of all: `mean of their.{what.id} over NETWORK`; of one alone there is a network "
                "where a contagion `remembers the source as NAME`.",
            )
        return nothing(written.span)
    members, states = ctx.members[network.of], ctx.states
    is_label = what.id in states or (what.id in members and not members[what.id].type.is_numeric)
    function = "commonest" if is_label else "mean"
    return neighbours(ctx, replace(written, function=function), over, scope, check, test)


def kept(ctx: Context, kind: str, made: model.Neighbours) -> model.AttributeRef:
    """An attribute of its own, of which what is seen is the value whenever something reads it."""
    stem = f"{made.network}_{made.function}"
    name = fresh_name(stem, {a.name for _, a in ctx.views} | set(ctx.members[kind]))
    start = model.Literal_(0.0, made.type, made.span)
    seen = model.Attribute(name, made.type, start, None, None, None, "", 1.0, True, "", made.span, view=made)
    ctx.views.append((kind, seen))
    return model.AttributeRef(kind, name, made.type, made.span)


def _may_look(ctx: Context, written: tree.Aggregate, scope: Scope) -> bool:
    if scope.can("neighbours"):
        return True
    help = "Read it in an exit, a rule, an intervention's `where` or an observation."
    if scope.domain is not None:
        help = f"What a {scope.domain[1]} sees of its own members is `{written.function} of {scope.domain[1]} where …`."
    ctx.report.add(
        "E1107",
        f"{scope.place[:1].upper() + scope.place[1:]} cannot read {text_of(written.span)}: whom one sees is known "
        "while the model runs, to those who are in view.",
        written.span,
        help,
    )
    return False


def _are_seen(ctx: Context, written: tree.Aggregate, network: model.Network, over: tree.Name, scope: Scope) -> bool:
    if scope.kind != network.of or network.to:
        whom = f"{network.of} with {network.to}" if network.to else f"agents of kind {network.of}"
        ctx.report.add(
            "E0607",
            f"`{network.name}` joins {whom}, and in {scope.place} agents of kind {scope.kind} are looked at.",
            over.span,
            labels=ctx.declared(network.name),
        )
        return False
    if network.layout == "random":
        help = (
            f"Ask for all: `{written.function} of {network.of} where …`; or tie them: `network NAME joins "
            f"{network.of} as GENERATOR`."
        )
        nobody_in_particular(ctx, over, help)
        return False
    return True


def nobody_in_particular(ctx: Context, network: tree.Name, help: str) -> None:
    """Reports that a network on which everybody may meet everybody has no neighbours (E1108)."""
    message = f"On `{network.id}` everybody may meet everybody, so nobody in particular is a neighbour."
    ctx.report.add("E1108", message, network.span, help, labels=ctx.declared(network.id))


def _label(ctx: Context, what: model.Expr) -> model.Expr:
    if what.type.kind in (Kind.CATEGORY, Kind.BOOLEAN, Kind.ERROR):
        return what
    message = f"{text_of(what.span)} is {what.type}, and only labels are common or rare."
    ctx.report.add("E0306", message, what.span, "Write `median of … over NETWORK` of numbers.")
    return nothing(what.span)


def _type_of(function: str, what: model.Expr | None) -> Type:
    if what is None:
        return NUMBER if function == "count" else SHARE  # ties are counted: a rate times their number is a rate
    if function in ("min", "max", "mean", "quantile", "commonest"):
        return what.type
    return Type(Kind.NUMBER, what.type.dimension)


def _may_be_alone(ctx: Context, made: model.Neighbours, network: model.Network) -> None:
    """Warns (W1104) where a value of nobody may be asked for."""
    if made.otherwise is not None or made.function in ("count", "sum"):
        return
    if made.where is None and network.layout == "ties" and not network.remembers:
        return  # most have ties, and who has none is told by what reads no number
    ctx.report.add(
        "W1104",
        f"Some may have nobody there, and then {text_of(made.span)} is no number.",
        made.span,
        f"Say what holds then: `{text_of(made.span)[1:-1]} else 0`.",
    )
