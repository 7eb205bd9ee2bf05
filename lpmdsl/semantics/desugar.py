"""Rewriting of ``while active`` and of parameters that read the time into constructs that every back end has anyway.

Contacts that are scaled become scalings of contagions; a parameter with another value becomes, wherever a run reads it,
the choice between the two; a parameter that reads the time becomes its formula. A parameter that is needed before a run
cannot vary: that is reported (E0740).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TypeVar

from lpmdsl.diagnostics import Label, Report
from lpmdsl.quantities import NUMBER, Type
from lpmdsl.semantics import model as m
from lpmdsl.source import Span

MOST_NODES = 20_000
Node = TypeVar("Node")


def hold(checked: m.Model, report: Report) -> m.Model:
    """The model in which nothing but ordinary expressions says what holds while an intervention is active."""
    _steady_contacts(checked, report)
    contagions = tuple(_scaled(checked, _by_person(checked, c)) for c in checked.contagions)
    with_scalings = replace(checked, contagions=contagions)
    varying = _varying(checked, report)
    if not varying.values:
        return with_scalings
    _refuse(checked, varying, report)
    parts = ("conditions", "contagions", "networks", "observations", "behaviours", "rules", "checks")
    changed = {name: _rewritten(getattr(with_scalings, name), varying.values) for name in parts}
    interventions = tuple(_in_intervention(i, varying.values) for i in with_scalings.interventions)
    return replace(with_scalings, interventions=interventions, **changed)


# ------------------------------------------------------------------ contacts


def _scaled(checked: m.Model, contagion: m.Contagion) -> m.Contagion:
    used = set(contagion.networks)
    found = [
        made
        for one in checked.interventions
        for clause in one.while_active
        for scale in clause.scales
        if used & set(scale.networks)
        for made in _scalings(checked, contagion, one, clause, scale)
    ]
    return replace(contagion, scalings=(*contagion.scalings, *found))


def _scalings(
    checked: m.Model, contagion: m.Contagion, one: m.Intervention, clause: m.WhileActive, scale: m.Rescale
) -> Iterator[m.Scaling]:
    """All contacts once, or those of the agents who qualify at each end where one of them stands."""
    active = one.active(scale.span)
    plain = m.Literal_(1.0, NUMBER, scale.span)
    factor = m.Apply("select", (active, scale.factor, plain), NUMBER, scale.span)
    networks = tuple(n for n in scale.networks if n in contagion.networks)
    within = tuple(n for n in networks if clause.where is None and _is_within(checked, one, n))
    if within:
        yield m.Scaling("source", factor, None, within, scale.span)
    networks = tuple(n for n in networks if n not in within)
    if not networks:
        return
    sources = tuple(n for n in networks if checked.condition(contagion.source_on(n)).of == clause.of)
    if sources:
        yield m.Scaling("source", factor, clause.where, sources, scale.span)
    if checked.condition(contagion.condition).of == clause.of:
        yield m.Scaling("target", factor, clause.where, networks, scale.span)


def _is_within(checked: m.Model, one: m.Intervention, network: str) -> bool:
    """Return True if an intervention concerns both ends of all contacts of a network: that of everybody does, and that
    of a place on the networks of those who share it."""
    joined = checked.network(network)
    return not one.place or (joined.layout == "place" and (joined.of, joined.place) == (one.of, one.place))


def _by_person(checked: m.Model, contagion: m.Contagion) -> m.Contagion:
    """Whoever has more contacts of their own gets more of what is shared out among all contacts."""
    networks = [checked.network(n) for n in contagion.networks]
    own = [m.Scaling("target", n.contacts, None, (n.name,), n.contacts.span)
           for n in networks if n.is_by_person and n.contacts is not None]  # fmt: skip
    return replace(contagion, scalings=(*contagion.scalings, *own)) if own else contagion


def _steady_contacts(checked: m.Model, report: Report) -> None:
    """Report contacts of one's own that depend on what changes: all contacts are added up once (E0623)."""
    for network in checked.networks:
        for leaf in m.walk(network.contacts) if network.contacts is not None else ():
            if isinstance(leaf, m.AttributeRef) and not m.is_fixed(checked, leaf.of, leaf.name):
                report.add(
                    "E0623",
                    f"`{leaf.name}` changes in a run, and the contacts of `{network.name}` are everybody's own: all of "
                    "them are added up before.",
                    leaf.span,
                    "Read an attribute that stays, and write what changes in the contagion: "
                    f"`source, target scaled by FACTOR where … on {network.name}`.",
                )


# ------------------------------------------------------------------ parameters


@dataclass(slots=True)
class Varying:
    """``values``: what a run reads for a parameter that varies; ``by_time``: the same apart from interventions.
    ``why``: what makes it vary, in words and where."""

    values: dict[str, m.Expr] = field(default_factory=dict)
    by_time: dict[str, m.Expr] = field(default_factory=dict)
    why: dict[str, tuple[str, Span]] = field(default_factory=dict)


def _varying(checked: m.Model, report: Report) -> Varying:
    """Every parameter that varies, after those it is computed from; several changes apply in written order."""
    found = Varying()
    by_time = found.by_time
    changes = [(i, c) for i in checked.interventions for w in i.while_active for c in w.changes]
    for parameter in checked.parameters:
        name = parameter.name
        plain: m.Expr = m.ParameterRef(name, parameter.type, parameter.span)
        if _reads_time(parameter.default, by_time):
            by_time[name] = _followed(parameter, plain, by_time)
        value = plain
        read = [e.name for e in m.walk(parameter.default) if isinstance(e, m.ParameterRef) and e.name in found.values]
        if read or name in by_time:
            value = _followed(parameter, plain, found.values)
            found.why[name] = found.why[read[0]] if read else ("reads the time", parameter.default.span)
        for one, change in (pair for pair in changes if pair[1].parameter == name):
            inside = substituted(change.value, by_time | {name: value})
            active = one.active(change.span)
            value = m.Apply("select", (active, inside, value), parameter.type, change.span)
            found.why[name] = f"changes while `{one.name}` is active", change.span
        if value is not plain:
            found.values[name] = value
            if _is_long(value):
                message = f"What `{name}` is made of is too long to follow while a run goes on."
                report.add("E0107", message, parameter.span, "Compute it from fewer steps.")
                return Varying()
    return found


def _reads_time(expr: m.Expr, by_time: Mapping[str, m.Expr]) -> bool:
    return any(isinstance(e, m.Time) or (isinstance(e, m.ParameterRef) and e.name in by_time) for e in m.walk(expr))


def _followed(parameter: m.Parameter, plain: m.Expr, values: Mapping[str, m.Expr]) -> m.Expr:
    """The formula, unless the parameter was set by hand: then it follows nothing."""
    follows = m.Follows(parameter.name, NUMBER, parameter.span)
    made = substituted(parameter.default, values)
    return m.Apply("select", (follows, made, plain), parameter.type, parameter.span)


def _is_long(expr: m.Expr) -> bool:
    return any(k > MOST_NODES for k, _ in enumerate(m.walk(expr)))


def substituted(expr: m.Expr, values: Mapping[str, m.Expr]) -> m.Expr:
    """The expression with these parameters' values in place of their names."""
    if isinstance(expr, m.ParameterRef):
        return values.get(expr.name, expr)
    return m.mapped(expr, lambda part: substituted(part, values))


def _rewritten(node: Node, values: Mapping[str, m.Expr]) -> Node:
    """A part of the model with the values in all its expressions; itself where nothing changes."""
    if isinstance(node, m.Expr):
        return substituted(node, values)  # type: ignore[return-value]
    if isinstance(node, tuple):
        made = tuple(_rewritten(item, values) for item in node)
        return node if all(a is b for a, b in zip(node, made, strict=True)) else made  # type: ignore[return-value]
    if not hasattr(node, "__dataclass_fields__") or isinstance(node, Span | Type):
        return node
    new = {f.name: _rewritten(getattr(node, f.name), values) for f in fields(node)}  # type: ignore[arg-type]
    changed = {name: value for name, value in new.items() if value is not getattr(node, name)}
    return replace(node, **changed) if changed else node  # type: ignore[type-var]


def _in_intervention(one: m.Intervention, values: Mapping[str, m.Expr]) -> m.Intervention:
    """Leave what an intervention changes as it is written: it is in the values already."""
    clauses = tuple(replace(_rewritten(w, values), changes=w.changes) for w in one.while_active)
    return replace(_rewritten(replace(one, while_active=()), values), while_active=clauses)


# ------------------------------------------------------------------ where one value is needed


def _refuse(checked: m.Model, varying: Varying, report: Report) -> None:
    parts = [(part, what, varying.values) for part, what in _needed_once(checked)]
    parts += [(part, what, varying.by_time) for part, what in _told_once(checked)]
    for part, what, those in parts:
        for expr in m.every_expression(part):
            if isinstance(expr, m.ParameterRef) and expr.name in those:
                why, where = varying.why[expr.name]
                report.add(
                    "E0740",
                    f"`{expr.name}` {why}, and {what}: here one value is needed.",
                    expr.span,
                    "Write a parameter of its own for this place, or a rate: `at rate …` is read in each step.",
                    [Label(where, why)],
                )


def _needed_once(checked: m.Model) -> Iterator[tuple[object, str]]:
    yield checked.agents, "people are made before the run"
    yield tuple(n.generator for n in checked.networks), "ties are made before the run"
    own = tuple(n.contacts for n in checked.networks if n.is_by_person)
    yield own, "the contacts that people have of their own are added up before the run"
    yield tuple(c.start for c in checked.conditions), "who starts in which state is drawn before the run"
    dwells = tuple(e.trigger for c in checked.conditions for e in c.exits if isinstance(e.trigger, m.After))
    yield dwells, "times in a state are drawn on entry, from tables made before the run"
    yield tuple(o.delayed for o in checked.observations), "delays are drawn from tables made before the run"
    for one in checked.behaviours:
        yield (one.knows, one.shifted, one.otherwise), "what people know is banded before the run"


def _told_once(checked: m.Model) -> Iterator[tuple[object, str]]:
    """Expressions in which a parameter has the value that is set for the run, whatever interventions make of it."""
    yield tuple(s.changes for s in checked.scenarios), "a scenario changes a parameter for the whole run"
    yield tuple(c for c in checked.checks if isinstance(c, m.CheckQuantity)), "what is promised is promised once"
    yield tuple(f.likelihood for c in checked.calibrations for f in c.fits), "a fit is scored after the run"
