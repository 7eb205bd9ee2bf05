"""A limit that several blocks share: ``at most 300 Person together``, ``together with OTHER``."""

from __future__ import annotations

from lpmdsl.quantities import ERROR, PEOPLE
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.values.expressions import check_value
from lpmdsl.semantics.checks.values.periods import Period, check_period
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.resolve.scope import reporting
from lpmdsl.syntax import tree


def check_together(ctx: Context, written: tree.Intervention) -> tuple[model.Together | None, str]:
    """The limit that an intervention states, or the name of the one whose limit it shares ("" for none)."""
    line = written.together
    if line is None:
        return None, ""
    if line.intervention is not None:
        return None, _other(ctx, written, line.intervention)
    assert line.kind is not None and line.at_most is not None
    kind = ctx.agent_kind(line.kind)
    scope = reporting(f"the intervention `{written.name.id}`")
    at_most = check_value(ctx, line.at_most, scope, PEOPLE, "a number of people")
    every = Period(ctx.step) if line.every is None else check_period(ctx, line.every, "A period")
    if kind is None or every is None or at_most.type == ERROR:
        return None, ""
    if not written.repeated:
        ctx.report.add("E0726", "No block `every …` is there to be limited.", line.span,
                       "Write `every day for Person where …` and what is done below it.")  # fmt: skip
    return model.Together(kind, at_most, every.days, every.months, line.span), ""


def _other(ctx: Context, written: tree.Intervention, name: tree.Name) -> str:
    """The intervention that states the limit; "" after a report."""
    other = ctx.names.interventions().get(name.id)
    if other is None:
        ctx.unknown(name, "an intervention", ctx.names.interventions())
        return ""
    if other.together is None or other.together.at_most is None or name.id == written.name.id:
        ctx.report.add("E0726", f"`{name.id}` states no limit that could be shared.", name.span,
                       f"Write `at most 300 Person together` below `intervention {name.id}`.",
                       labels=ctx.declared(name.id))  # fmt: skip
        return ""
    return name.id


def check_limits(ctx: Context, interventions: tuple[model.Intervention, ...]) -> None:
    """Reports blocks for another kind of agents than the limit that they share is of (E0726)."""
    limits = {i.name: i.together for i in interventions if i.together is not None}
    for one in interventions:
        limit = limits.get(one.limited_by)
        for block in one.repeated if limit is not None else ():
            if limit is not None and block.of != limit.of:
                ctx.report.add("E0726", f"The limit is of {limit.of}, and this block is for {block.of}.", block.span,
                               "Put it into an intervention of its own.")  # fmt: skip
