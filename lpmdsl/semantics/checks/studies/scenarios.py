"""Scenarios: what is changed in them, one beginning from another."""

from __future__ import annotations

from lpmdsl.semantics import model
from lpmdsl.semantics.checks.families.declaration import changed_parts
from lpmdsl.semantics.checks.interventions.while_active import parameter_change
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.resolve.scope import constant
from lpmdsl.semantics.resolve.tree_walk import in_order
from lpmdsl.syntax import tree

BASELINE = "baseline"


def check_scenarios(ctx: Context) -> tuple[model.Scenario, ...]:
    """All scenarios, what they include merged in, in written order."""
    declared = ctx.names.scenarios()
    ordered, circles = in_order(declared, lambda s: s.include)  # behaviours among them stand in no order
    for circle in circles:
        ctx.broken.update(circle)
        ctx.report.add(
            "E0205",
            f"These scenarios include each other: {' with '.join(circle)}.",
            declared[circle[0]].name.span,
            "Let only one of them include the other.",
        )
    done: dict[str, model.Scenario] = {}
    for written in ordered:
        if written.name.id not in ctx.broken:
            done[written.name.id] = _scenario(ctx, written, done)
    return tuple(done[name] for name in declared if name in done)


def _scenario(ctx: Context, written: tree.Scenario, done: dict[str, model.Scenario]) -> model.Scenario:
    without: dict[str, None] = {}
    changes: dict[str, model.Expr] = {}
    behaviours: dict[str, None] = {}
    for name in written.include:
        if name.id in done:
            without |= dict.fromkeys(done[name.id].without)
            changes |= dict(done[name.id].changes)
            behaviours |= dict.fromkeys(done[name.id].behaviours)
        elif name.id in ctx.behaviours and not ctx.behaviours[name.id].asked_with:
            behaviours[name.id] = None
        elif name.id not in ctx.broken:
            known = [*ctx.names.scenarios(), *ctx.names.behaviours()]
            ctx.unknown(name, "a scenario", known, "`with` includes a scenario, or lets a behaviour decide.")
    for name in written.without:
        known = [*ctx.names.interventions(), *ctx.names.behaviours(), *ctx.names.rules()]
        if name.id in known:
            without[name.id] = None
        else:
            help = "`without` leaves an intervention, a behaviour or a rule out."
            ctx.unknown(name, "an intervention", known, help)
    for clause in written.changes:
        for change in changed_parts(ctx, clause):
            value = _change(ctx, change)
            if value is not None:
                changes[change.target.id] = value
    return model.Scenario(
        written.name.id, tuple(without), tuple(changes.items()), written.doc, written.span, tuple(behaviours)
    )


def _change(ctx: Context, change: tree.Change) -> model.Expr | None:
    return parameter_change(ctx, change, constant("a scenario"), "A scenario")
