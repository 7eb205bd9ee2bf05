"""Interventions of each place: for whom they can be, and what cannot be said place by place."""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.quantities import BOOLEAN
from lpmdsl.semantics import model
from lpmdsl.semantics.context import Context
from lpmdsl.source import Span
from lpmdsl.syntax import tree


def refuse_others(ctx: Context, written: tree.Intervention, domain: tuple[str, str]) -> None:
    """Report what is not for the members of each place, or limits or changes what all share (E1072, E1073, E1075)."""
    limits = [clause.at_most for clause in written.repeated if clause.at_most is not None]
    limits += [written.together] if written.together is not None else []
    for clause in (*written.repeated, *written.while_active):
        _for_others(ctx, clause.kind, domain)
    for limit in limits:
        _limited(ctx, written, domain, limit.span)
    for action in (action for clause in written.while_active for action in clause.actions):
        if isinstance(action, tree.Change):
            _changes(ctx, written, domain, action)


def _for_others(ctx: Context, kind: tree.Name | None, domain: tuple[str, str]) -> None:
    if kind is None or kind.id == domain[0] or ctx.agent_kind(kind) is None:
        return
    ctx.report.add(
        "E1072",
        f"A {kind.id} has no `{domain[1]}`: each is of agents of kind {domain[0]}.",
        kind.span,
        f"Write `for {domain[0]}`, or an intervention of its own for everybody.",
        ctx.declared(domain[1]),
    )


def _limited(ctx: Context, written: tree.Intervention, domain: tuple[str, str], span: Span) -> None:
    kind, place = domain
    ctx.report.add(
        "E1073",
        f"A limit is for all together, and each `{place}` has an intervention of its own.",
        span,
        f"Leave it out, or let a share be reached: `for share 10 % of {kind}`; or write an intervention for everybody: "
        f"`intervention {written.name.id}`.",
    )


def _changes(ctx: Context, written: tree.Intervention, domain: tuple[str, str], action: tree.Change) -> None:
    ctx.report.add(
        "E1075",
        f"`{action.target.id}` is one number for everybody, and each `{domain[1]}` has an intervention of its own.",
        action.span,
        f"Use a choice where it is read: `(A where {written.name.id} is active, {action.target.id} otherwise)`; or "
        "`scale NETWORKS by FACTOR`.",
        ctx.declared(action.target.id),
    )


def in_each(made: model.Intervention, of: str, place: str) -> model.Intervention:
    """The intervention as that of each place: its blocks are for those in whose place they are due."""
    there = replace(made, of=of, place=place)
    blocks = tuple(_where_due(there, k, block) for k, block in enumerate(made.repeated))
    return replace(there, repeated=blocks)


def _where_due(one: model.Intervention, k: int, block: model.Repeated) -> model.Repeated:
    due: model.Expr = one.active(block.span, k)
    if block.where is not None:
        due = model.Apply("and", (due, block.where), BOOLEAN, block.where.span)
    return replace(block, where=due, place=one.place)
