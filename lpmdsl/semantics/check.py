"""From names to meaning: the Model IR, with every mistake of the pass reported at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from lpmdsl.diagnostics import Label, Report
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.events import first_writes, forced_states
from lpmdsl.semantics.analysis.state_graph import is_cyclic
from lpmdsl.semantics.analysis.views import looked_over
from lpmdsl.semantics.checks.agents import check_agent
from lpmdsl.semantics.checks.behaviours.declaration import check_behaviours
from lpmdsl.semantics.checks.conditions import check_condition
from lpmdsl.semantics.checks.contagion import check_contagion
from lpmdsl.semantics.checks.exclusions import keep_apart
from lpmdsl.semantics.checks.hazards import check_hazards
from lpmdsl.semantics.checks.interventions.declaration import check_intervention
from lpmdsl.semantics.checks.interventions.together import check_limits
from lpmdsl.semantics.checks.networks import check_network
from lpmdsl.semantics.checks.observations import check_ended, check_ending, check_observations
from lpmdsl.semantics.checks.parameters import check_parameters
from lpmdsl.semantics.checks.rules.declaration import check_rule
from lpmdsl.semantics.checks.signatures import sign_agents, sign_conditions
from lpmdsl.semantics.checks.studies.comparisons import check_compare
from lpmdsl.semantics.checks.studies.fits import check_calibration
from lpmdsl.semantics.checks.studies.promises import check_promise
from lpmdsl.semantics.checks.studies.scenarios import check_scenarios
from lpmdsl.semantics.checks.tables.categories import check_labels
from lpmdsl.semantics.checks.tables.curves import check_curve
from lpmdsl.semantics.checks.tables.labelled import check_table
from lpmdsl.semantics.checks.values.periods import check_clock
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.desugar import hold
from lpmdsl.semantics.follow import follow
from lpmdsl.semantics.resolve.names import Names
from lpmdsl.source import Span
from lpmdsl.syntax import tree


def check(module: tree.Module, names: Names, report: Report, values: Mapping[str, float] | None = None) -> model.Model:
    """The model that the names make up; what is wrong is reported and left out.

    ``values``: parameters' values (base units) in place of what is written.
    """
    ctx = Context(names, report, given=values or {})
    clock = check_clock(ctx, module)
    sign_agents(ctx)
    sign_conditions(ctx)
    for name, written in names.tables().items():
        _keep(ctx, ctx.tables, name, _table(ctx, written))
    check_parameters(ctx, clock)
    for name, written in names.agents().items():
        ctx.agents[name] = check_agent(ctx, written)
    _bystanders(ctx)
    for name, written in names.networks().items():
        _keep(ctx, ctx.networks, name, check_network(ctx, written))
    check_observations(ctx)
    conditions = [check_condition(ctx, c) for name, c in names.conditions().items() if name in ctx.states]
    contagions = [check_contagion(ctx, c) for c in names.contagions.values()]
    interventions = [check_intervention(ctx, i) for i in names.interventions().values()]
    check_limits(ctx, tuple(interventions))
    clock = replace(clock, until=check_ending(ctx))
    rules = tuple(r for r in map(partial(check_rule, ctx), names.rules().values()) if r is not None)
    check_behaviours(ctx)
    scenarios = check_scenarios(ctx)
    comparisons = tuple(check_compare(ctx, c, conditions, interventions) for c in names.comparisons)
    checks = tuple(c for c in (check_promise(ctx, c) for c in names.checks) if c is not None)
    calibrations = tuple(check_calibration(ctx, c) for c in names.calibrations)
    for another in names.calibrations[1:]:
        ctx.report.add("E0111", "A model has one `calibrate`, and this is another one.", another.span,
                       "Put both into one: it may have several lines `fit`.",
                       [Label(names.calibrations[0].span, "the first one is here")])  # fmt: skip
    header = module.header
    return _settled(
        ctx,
        model.Model(
            header.name.id if header else "",
            (header.version if header else None) or "",
            header.doc if header else "",
            str(module.source.directory),
            clock,
            tuple(ctx.parameters.values()),
            tuple(ctx.tables.values()),
            tuple(ctx.agents.values()),
            tuple(ctx.networks.values()),
            tuple(conditions),
            tuple(c for c in contagions if c is not None),
            (*ctx.observations.values(), *ctx.counts),
            tuple(interventions),
            scenarios,
            comparisons,
            checks,
            calibrations,
            names.is_library,
            tuple(ctx.behaviours.values()),
            rules,
            tuple(ctx.nets.values()),
        ),
    )


def _table(ctx: Context, written: tree.Table) -> model.Table | None:
    if written.over is not None:
        return check_curve(ctx, written)
    return check_labels(ctx, written) if written.of.name == "category" else check_table(ctx, written)


def _keep(ctx: Context, place: dict, name: str, made: object | None) -> None:
    """Keep what could be made; remember a name whose declaration is wrong, so that its uses stay silent."""
    if made is None:
        ctx.broken.add(name)
    else:
        place[name] = made


def _bystanders(ctx: Context) -> None:
    """A library's kinds of agents that its user will declare: they exist, with nothing known of them."""
    for kind in ctx.members:
        if kind not in ctx.agents:
            ctx.agents[kind] = model.Agent(kind, 1000, None, None, (), "", Span(ctx.names.module.source, 0, 0))


def _settled(ctx: Context, made: model.Model) -> model.Model:
    """The model with what only the whole of it shows: which attributes change, which conditions go round."""
    made = follow(made, ctx.report)
    made_up = [*ctx.shares, *ctx.views]
    set_on = set(first_writes(made, "attribute", "reading"))
    since = {e.condition for e in model.every_expression(made) if isinstance(e, model.Since)}
    conditions = tuple(
        replace(c, is_cyclic=_counts_moves(made, c), tells_since=c.name in since) for c in made.conditions
    )
    agents = tuple(_changed(_with(a, made_up), set_on) for a in made.agents)
    whole = hold(keep_apart(ctx, replace(made, conditions=conditions, agents=agents)), ctx.report)
    check_hazards(ctx, whole)
    check_ended(whole, ctx.names.clock.ending if ctx.names.clock is not None else None, ctx.report)
    return _forgotten(whole)


def _forgotten(made: model.Model) -> model.Model:
    """The model without the memory of sources that nothing reads."""
    read = {n.name for n in looked_over(made)}
    kept = (replace(c, remembers=c.remembers if c.remembers in read else "") for c in made.contagions)
    return replace(made, contagions=tuple(kept))


def _counts_moves(made: model.Model, condition: model.Condition) -> bool:
    """Return True if one can come back to a state, or if what one draws on entering is for several states."""
    draws = (c for c in condition.entering if any(isinstance(e, model.Luck) for e in model.every_expression(c.actions)))
    return is_cyclic(condition, set(forced_states(made, condition.name))) or any(len(c.states) > 1 for c in draws)


def _with(agent: model.Agent, made_up: list[tuple[str, model.Attribute]]) -> model.Agent:
    """The kind with the attributes that stand in no text: who is in a share, what is seen of neighbours."""
    return replace(agent, members=(*agent.members, *(a for kind, a in made_up if kind == agent.name)))


def _changed(agent: model.Agent, set_on: set[tuple[str, str]]) -> model.Agent:
    members = tuple(
        replace(m, is_changed=True) if isinstance(m, model.Attribute) and (agent.name, m.name) in set_on else m
        for m in agent.members
    )
    return replace(agent, members=members)
