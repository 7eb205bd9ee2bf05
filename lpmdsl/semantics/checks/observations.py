"""Observations: what is counted or computed, for whom, how often, in which unit; and the count that ends a run."""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.diagnostics import Label, Report
from lpmdsl.quantities import BOOLEAN, DURATION, ERROR, PERSON, TIME, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.counted import told
from lpmdsl.semantics.checks.spending import check_spending, reached_kinds
from lpmdsl.semantics.checks.values.expressions import check_expression, check_test
from lpmdsl.semantics.checks.values.formulas import check_formula, reporting_period, unit_of_type
from lpmdsl.semantics.checks.values.laws.distributions import check_distribution
from lpmdsl.semantics.checks.values.periods import check_period
from lpmdsl.semantics.checks.values.probabilities import check_probability
from lpmdsl.semantics.checks.values.summaries.aggregates import counted
from lpmdsl.semantics.checks.values.summaries.places import is_place
from lpmdsl.semantics.context import Context, days
from lpmdsl.semantics.resolve.scope import counting, watching
from lpmdsl.semantics.resolve.tree_walk import in_order, names_in
from lpmdsl.syntax import tree

DEEPEST = 100
"""Observations made of observations made of …: deeper chains would exhaust the passes that follow them."""


def check_observations(ctx: Context) -> None:
    """All observations, each after those it is made of, into ``ctx.observations`` (in written order)."""
    declared = ctx.names.observations()
    ordered, circles = in_order(declared, lambda o: o.value)
    for circle in circles:
        ctx.broken.update(circle)
        ctx.report.add(
            "E0205",
            f"These observations are made of each other: {' needs '.join(circle)}.",
            declared[circle[0]].name.span,
            "Observe one of them directly.",
        )
    depth: dict[str, int] = {}
    for written in ordered:
        needs = [depth[name] for name in names_in(written.value) if name in depth]
        depth[written.name.id] = 1 + max(needs, default=0)
        if depth[written.name.id] == DEEPEST + 1:
            message = f"`{written.name.id}` is at the end of a chain of more than {DEEPEST} observations."
            ctx.report.add("E0107", message, written.name.span, "Compute it from fewer steps.")
        if depth[written.name.id] > DEEPEST:
            ctx.broken.add(written.name.id)
        made = None if written.name.id in ctx.broken else _observation(ctx, written)
        if made is None:
            ctx.broken.add(written.name.id)
        else:
            ctx.observations[made.name] = made
    ctx.observations = {name: ctx.observations[name] for name in declared if name in ctx.observations}


def _observation(ctx: Context, written: tree.Observe) -> model.Observation | None:
    value = written.value
    if isinstance(value, tree.Flow):
        flow = _flow(ctx, written, value)
        return told(ctx, value, flow, set() if flow is None else {flow.of})
    if isinstance(value, tree.Spending):
        return told(ctx, value, check_spending(ctx, written, value), reached_kinds(ctx, value))
    if isinstance(value, tree.Aggregate) and isinstance(value.over, tree.Name):
        return _level(ctx, written, value)
    return check_formula(ctx, written, value)


# ------------------------------------------------------------------ flows


def _flow(ctx: Context, written: tree.Observe, flow: tree.Flow) -> model.Observation | None:
    condition = condition_of(ctx, flow.of, (*flow.states, *flow.origins))
    period = check_period(ctx, flow.per, "A reporting period")
    if condition is None or period is None:
        return None
    per = period.days
    states = tuple(ctx.states[condition].index(name.id) for name in flow.states)
    origins = tuple(ctx.states[condition].index(name.id) for name in flow.origins)
    if written.every is not None and days(ctx, written.every) != per:
        ctx.report.add(
            "E0704",
            "A flow is reported once in its own period, which `per` names.",
            written.every.span,
            f"Leave `every` out, or write `per {written.every.text}`.",
        )
        return None
    kind = ctx.kind_of[condition]
    unit = f"per {flow.per.text}"
    shell = _shell(ctx, written, kind, model.Flow(condition, states, per, origins), Type(Kind.NUMBER, PERSON / TIME))
    return None if shell is None else replace(shell, every=per, months=period.months, unit=unit, scale=1 / per)


def condition_of(ctx: Context, of: tree.Name | None, states: tuple[tree.Name, ...]) -> str | None:
    """The condition that has all the states, ``of`` if it is named; None after a report."""
    first = _named_condition(ctx, of) if of is not None else ctx.condition_with(states[0])
    if first is None:
        return None
    found = [ctx.state(first, name) for name in states]
    return None if any(s is None for s in found) else first


def _named_condition(ctx: Context, name: tree.Name) -> str | None:
    if name.id in ctx.states:
        return name.id
    if name.id not in ctx.broken:
        ctx.unknown(name, "a condition", ctx.states)
    return None


def _shell(
    ctx: Context, written: tree.Observe, kind: str, value: model.Flow | model.Level, type_: Type
) -> model.Observation | None:
    """Observation from the parts that flows and levels share: for whom, by what, thinned and delayed how."""
    scope = counting(kind, f"the observation `{written.name.id}`")
    where = check_test(ctx, written.where, scope, "what follows `where`") if written.where is not None else None
    by = groups_by(ctx, written.by, kind)
    thinned = None
    if written.thinned is not None:
        thinned = check_probability(ctx, written.thinned, scope, "the share that is reported")
    delayed = None
    if written.delayed is not None:
        if isinstance(value, model.Level):
            ctx.report.add(
                "E0704",
                "A level is looked at when it is reported, so nothing about it can be delayed.",
                written.delayed.span,
                "Observe the flow instead: `number entering STATE per week delayed by …`.",
            )
            return None
        delayed = check_distribution(ctx, _delay(ctx, written.delayed), DURATION, "dwell", scope)
        if delayed is None:
            return None
    if by is None or any(e is not None and e.type == ERROR for e in (where, thinned)):
        return None
    return model.Observation(
        written.name.id,
        kind,
        value,
        where,
        by,
        model.group_labels(by),
        thinned,
        delayed,
        ctx.step,
        "",
        1.0,
        type_,
        written.doc,
        written.span,
    )


def _delay(ctx: Context, written: tree.Distribution) -> tree.Distribution:
    """``delayed by reporting_time`` is a fixed delay if that is a parameter."""
    if written.arguments or written.name.id not in ctx.parameters:
        return written
    return tree.Distribution(
        tree.Name("fixed", written.span), (tree.Argument(None, written.name, written.span),), written.span
    )


def group_name(leaf: model.Expr) -> str:
    """The attribute or condition that groups are by."""
    match leaf:
        case model.StateOf() | model.InState():
            return leaf.condition
        case model.AttributeRef():
            return leaf.name
        case _:
            raise AssertionError("groups are by attributes and conditions")


def groups_by(ctx: Context, written: tuple[tree.Name, ...], kind: str) -> tuple[model.Expr, ...] | None:
    """Attributes that groups of a kind are by; None after a report."""
    found: list[model.Expr] = []
    for name in written:
        if name.id in ctx.states and ctx.kind_of[name.id] == kind:
            found.append(model.StateOf(name.id, Type(Kind.CATEGORY, labels=ctx.states[name.id]), name.span))
            continue
        member = ctx.members[kind].get(name.id)
        if member is None:
            if name.id not in ctx.broken:
                ctx.unknown(
                    name,
                    "an attribute",
                    [*ctx.members[kind], *ctx.states],
                    f"Groups are by attributes or conditions of a {kind}.",
                )
            return None
        if member.type == ERROR:
            return None
        if member.type.kind is Kind.PLACE:
            ctx.report.add(
                "E0715",
                f"`{name.id}` is a place, and there are as many as there are places: places are no groups.",
                name.span,
                f"Group by what all of a place have in common: `district category one of north, south`, then "
                f"`{name.id} place of size … within district` and `by district`.",
                labels=ctx.declared(name.id),
            )
            return None
        if member.type.kind not in (Kind.CATEGORY, Kind.BOOLEAN):
            ctx.report.add(
                "E0715",
                f"`{name.id}` is {member.type}, so nearly everybody would be a group of one.",
                name.span,
                f"Band it first: `{name.id}_group category = band of {name.id} at … named …`.",
                labels=ctx.declared(name.id),
            )
            return None
        found.append(model.AttributeRef(kind, name.id, member.type, name.span))
    return tuple(found)


# ------------------------------------------------------------------ levels


def _level(ctx: Context, written: tree.Observe, value: tree.Aggregate) -> model.Observation | None:
    aggregate = check_expression(ctx, value, watching(f"the observation `{written.name.id}`"))
    if not isinstance(aggregate, model.Aggregate):
        return None
    assert isinstance(value.over, tree.Name)
    if is_place(ctx, value.over) and (written.by or written.thinned is not None):
        part = written.by[0].span if written.by else written.span
        ctx.report.add("E1079", f"Each `{value.over.id}` is counted as one, and only people have groups or are missed.",
                       part, f"Count people: `count of {aggregate.of} where …`, or write the count alone.")  # fmt: skip
        return None
    made = _shell(ctx, written, aggregate.of, model.Level(aggregate), aggregate.type)
    every = reporting_period(ctx, written)
    if made is None or every is None:
        return None
    if made.thinned is not None and aggregate.function != "count":
        ctx.report.add(
            "E0704",
            f"Only people can be missed in a count; a {aggregate.function} cannot be thinned.",
            made.thinned.span,
            "Thin a count, or leave `thinned by` out.",
        )
        return None
    return replace(made, every=every.days, months=every.months, unit=unit_of_type(aggregate.type))


# ------------------------------------------------------------------ the early end


def check_ending(ctx: Context) -> model.Expr | None:
    """The test that ends the run, of a count that is kept for it; None without one or after a report."""
    written = ctx.names.clock.ending if ctx.names.clock is not None else None
    if written is None:
        return None
    condition = condition_of(ctx, written.of, written.states)
    if condition is None:
        return None
    states = tuple(ctx.states[condition].index(name.id) for name in written.states)
    there = model.InState(condition, states, BOOLEAN, written.span)
    people = Type(Kind.NUMBER, PERSON)
    count = model.Aggregate("count", ctx.kind_of[condition], None, there, None, people, written.span)
    one = model.Literal_(1.0, people, written.span)
    return model.Apply("lt", (counted(ctx, count, None), one), BOOLEAN, written.span)


def check_ended(made: model.Model, written: tree.Ending | None, report: Report) -> None:
    """Report what an early end makes impossible (E1017), and a run that would end with its first step (W1018)."""
    if written is None or made.clock.until is None:
        return
    for fit in made.calibrations:
        report.add("E1017", "A fit needs reports for as long as there are data, and this run may end before.", fit.span,
                   "Leave `until nobody is in …` out of the clock of a model that is fitted.",
                   [Label(written.span, "the run may end early here")])  # fmt: skip
    (there,) = (e for o in made.observations if o.span == written.span for e in model.every_expression(o.value)
                if isinstance(e, model.InState))  # fmt: skip
    start = made.condition(there.condition).start
    if not {start.state, *(e.state for e in start.exceptions)} & set(there.states):
        names = ", ".join(f"`{name.id}`" for name in written.states)
        report.add("W1018", f"Nobody starts in {names}, so the run may end with its first step.", written.span,
                   "Let somebody start there: `start STATE except 10 KIND in STATE`.")  # fmt: skip
