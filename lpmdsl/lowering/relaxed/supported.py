"""Constructs that the relaxation does not support: reported with their place and what to use instead."""

from __future__ import annotations

from collections.abc import Iterator

from lpmdsl.diagnostics import Report, fail
from lpmdsl.lowering.relaxed.phase_type import STAGES
from lpmdsl.quantities import Kind
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.dependencies import acts_on, moving
from lpmdsl.semantics.analysis.derivative import lost
from lpmdsl.semantics.context import text_of
from lpmdsl.source import Span

HELP = "Use `--estimator differences`, which takes any model as it is."


def refuse(message: str, span: Span) -> Exception:
    """The error (E0846) that says what the relaxation has not."""
    return fail("E0846", f"The relaxation has no {message}.", span, HELP)


def check_relaxable(model: m.Model) -> None:
    """Raise ``LpmError`` (E0846) with every construct of the model that cannot be relaxed."""
    report = Report()
    for message, span in _refused(model):
        report.add("E0846", f"The relaxation has no {message}.", span, HELP)
    if report.has_errors:
        from lpmdsl.diagnostics import LpmError

        raise LpmError(report)


def _refused(model: m.Model) -> Iterator[tuple[str, Span]]:
    if model.clock.until is not None:
        yield "early end of a run (`until nobody is in …`)", model.clock.until.span
    for condition in model.conditions:
        yield from _condition(model, condition)
    for intervention in model.interventions:
        if intervention.place:
            yield f"intervention of each place (`{intervention.name} of {intervention.place}`)", intervention.span
        if intervention.together is not None:
            yield "limit that several blocks share", intervention.together.span
        for block in intervention.repeated:
            if block.by is not None:
                yield f"choice by rank (`{block.order}`)", block.by.span
            yield from _actions(model, block.of, block.actions)
            yield from (("paragraph of a block", one.span) for one in block.paragraphs)
    for observation in model.observations:
        yield from _observation(observation)
    for part in (model.conditions, model.contagions):
        for expr in m.every_expression(part):
            if isinstance(expr, m.ObservationRef | m.GroupReport) and _is_counted(model, expr):
                yield "count of everybody in rates, chances and scalings", expr.span
            elif isinstance(expr, m.ObservationRef | m.GroupReport | m.Rolling):
                yield "behaviour that depends on what was reported, unless a trigger reads it", expr.span
    for expr in m.every_expression((model.conditions, model.contagions, model.observations, model.interventions,
                                    model.networks)):  # fmt: skip
        if isinstance(expr, m.Since):
            yield f"`time since {expr.condition}`", expr.span
    yield from _attributes(model)
    for network in model.networks:
        if network.where is not None:
            yield "network in which only some take part (`where`)", network.where.span
        if network.is_by_person:
            yield "network on which everybody has contacts of their own", network.span
        if network.redrawn:
            yield f"network whose ties are drawn anew (`{network.name}`)", network.span
        if network.to:
            yield "network between two kinds of agents", network.span
        if network.mixing is not None:
            (key, *_) = model.table(network.mixing).key_attributes
            if any(a.name == key and a.is_changed for a in model.agent(network.of).attributes):
                yield f"mixing by an attribute that changes in a run (`{key}`)", network.span
    for rule in model.rules:
        yield f"`rule` ({rule.name})", rule.span
    for behaviour in model.behaviours:
        yield "`behaviour`", behaviour.span


def _is_counted(model: m.Model, expr: m.ObservationRef | m.GroupReport) -> bool:
    """Return True if it is what there is, `count of Zombie where …`, and not a report."""
    return any(o.name == expr.observation and o.is_hidden for o in model.observations)


def _condition(model: m.Model, condition: m.Condition) -> Iterator[tuple[str, Span]]:
    if condition.excludes:
        yield "conditions that exclude each other (`at most one of`)", condition.span
    for state in range(len(condition.states)):
        timed = [e for e in condition.exits_of(state) if isinstance(e.trigger, m.After)]
        if len(timed) > 1:
            yield "state with several `after` exits that compete", timed[1].span
    for exit_ in condition.exits:
        if isinstance(exit_.trigger, m.After):
            dwell = exit_.trigger.dwell
            if dwell.family not in STAGES:
                yield f"dwell time that is {dwell.family}", dwell.span
            for leaf in m.every_expression(dwell.arguments):
                if isinstance(leaf, m.InState | m.StateOf) or _moves(model, leaf):
                    yield "dwell time that depends on what changes in a run", leaf.span
                elif isinstance(leaf, m.AttributeRef) and leaf.type.kind not in (Kind.BOOLEAN, Kind.CATEGORY):
                    yield "dwell time that depends on a number of the agent", leaf.span
    if condition.entering:
        yield "`on entering`", condition.entering[0].span


def _actions(model: m.Model, kind: str, actions: tuple[m.Action, ...]) -> Iterator[tuple[str, Span]]:
    for action in actions:
        if isinstance(action, m.SetAttribute):
            attribute = next(a for a in model.agent(kind).attributes if a.name == action.attribute)
            if attribute.type.kind is not Kind.BOOLEAN:
                yield f"`set` of `{attribute.name}`, which is not yes or no", action.span


def _observation(observation: m.Observation) -> Iterator[tuple[str, Span]]:
    match observation.value:
        case m.Level(aggregate) if aggregate.function in ("sd", "min", "max", "quantile"):
            yield f"{aggregate.function} of a population", aggregate.span
        case m.Derived(formula) if any(isinstance(e, m.Rolling) and e.how == "total" for e in m.walk(formula)):
            yield "running total", observation.span
        case m.Spending():
            what = "number of people whom an intervention reaches" if observation.value.is_number else "costs over time"
            yield what, observation.span
        case m.Flow() if observation.value.origins:
            yield "number of those who go from one state to another", observation.span
        case _:
            pass
    if observation.delayed is not None:
        if observation.delayed.family not in STAGES:
            yield f"delay that is {observation.delayed.family}", observation.delayed.span
        for leaf in m.every_expression(observation.delayed.arguments):
            if m.reads_agent(leaf):
                yield "delay that depends on the agent", leaf.span


def _moves(model: m.Model, leaf: m.Expr) -> bool:
    return isinstance(leaf, m.AttributeRef) and not m.is_fixed(model, leaf.of, leaf.name)


def _attributes(model: m.Model) -> Iterator[tuple[str, Span]]:
    """Attributes that change are chances of yes; others that change cannot be followed."""
    for agent in model.agents:
        for attribute in agent.attributes:
            if attribute.view is not None:
                yield f"look at neighbours ({text_of(attribute.span)})", attribute.span
            elif attribute.is_changed and attribute.type.kind is not Kind.BOOLEAN:
                yield f"attribute that changes in a run and is not yes or no (`{attribute.name}`)", attribute.span


def unseen(model: m.Model, parameter: str) -> tuple[str, Span] | None:
    """Through what a parameter acts that the relaxation does not see, in words; None if it sees all of it."""
    if (formula := moving(model).get(parameter)) is not None:
        return "its formula moves in a run, and only set by hand has it one value", formula.span
    for agent in model.agents:
        for expr in m.every_expression(agent):
            if acts_on(expr, parameter, model):
                return "it decides what people are drawn or set to be", expr.span
    for network in model.networks:
        for expr in m.every_expression(network.generator) if network.generator else ():
            if acts_on(expr, parameter, model):
                return f"it decides who is tied to whom in `{network.name}`", expr.span
    for intervention in model.interventions:
        for expr in m.every_expression((intervention.starts, intervention.stops)):
            if acts_on(expr, parameter, model):
                return f"it decides when `{intervention.name}` starts or stops", expr.span
    for expr in m.every_expression((model.conditions, model.contagions, model.observations, model.interventions)):
        for part in lost(expr, parameter, model):
            return "it acts through a comparison, a rounding or a table's row", part.span
    return None
