"""Dependencies between the declarations of a Model: which reads which, and what stands behind an observation.

One module answers every question of that kind: what reads a parameter (``readers_of``), which observations, conditions
and parameters have a part in an observation (``…_behind``), and whether a parameter has a part in the value of an
expression (``acts_on``). Whatever a new declaration reads is entered here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields

from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.archetypes import asked_as
from lpmdsl.semantics.analysis.events import Entering, Event, InStates, events
from lpmdsl.semantics.identity_cache import kept_by_identity

Readers = dict[str, set[str]]
REPORTS = m.ObservationRef | m.GroupReport | m.Rolling
"""Expressions that read reports of an observation."""


# ------------------------------------------------------------------ which declarations read a thing


def readers_of(model: m.Model) -> Readers:
    """Map each thing (``parameter beta``) to the declarations that read it; setting an attribute is no reading."""
    readers: Readers = {}
    for owner, node in _declarations(model):
        for thing in _read_by(node):
            readers.setdefault(thing, set()).add(owner)
    return readers


def _declarations(model: m.Model) -> Iterator[tuple[str, object]]:
    for p in model.parameters:
        yield f"parameter {p.name}", p.default
    for agent in model.agents:
        for member in agent.members:
            yield f"attribute {agent.name}.{member.name}", member
    for network in model.networks:
        yield f"network {network.name}", network
    for condition in model.conditions:
        yield f"condition {condition.name}", condition
    for contagion in model.contagions:
        yield f"contagion {contagion.condition}", contagion
    for observation in model.observations:
        yield f"observe {observation.name}", observation
    for intervention in model.interventions:
        yield f"intervention {intervention.name}", intervention
    for rule in model.rules:
        yield f"rule {rule.name}", rule
    for behaviour in model.behaviours:
        yield f"behaviour {asked_as(behaviour)}", behaviour
    for number, promise in enumerate(model.checks):
        yield f"check {number}", promise
    for number, fit in enumerate(model.calibrations):
        yield f"calibrate {number}", fit


def _whole_tables(network: m.Network) -> Iterator[str]:
    """Tables that a generator takes as they are: their rows are groups of agents."""
    for _, argument in network.generator.arguments if network.generator is not None else ():
        if isinstance(argument, m.TableRef) and not argument.keys:
            yield argument.table


def _drawn_from(node: object) -> Iterator[str]:
    """Tables whose rows are drawn by their shares."""
    if isinstance(node, m.Distribution):
        yield from [node.table] if node.table is not None else []
    elif isinstance(node, tuple):
        for item in node:
            yield from _drawn_from(item)
    elif isinstance(node, m.Agent | m.Attribute | m.Place | m.Network | m.Generator):
        for f in fields(node):
            yield from _drawn_from(getattr(node, f.name))


def _read_by(node: object) -> Iterator[str]:
    yield from (f"table {table}" for table in _drawn_from(node))
    for expr in m.every_expression(node):
        match expr:
            case m.ParameterRef():
                yield f"parameter {expr.name}"
            case m.AttributeRef():
                yield f"attribute {expr.of}.{expr.name}"
            case m.TableRef():
                yield f"table {expr.table}"
            case m.InState() | m.StateOf() | m.Since():
                yield f"condition {expr.condition}"
            case m.ObservationRef() | m.GroupReport() | m.Rolling():
                yield f"observe {expr.observation}"
            case m.IsActive() if expr.block < 0:
                yield f"intervention {expr.intervention}"
            case m.Neighbours() if expr.network:
                yield f"network {expr.network}"
            case _:
                pass
    match node:
        case m.Attribute(band=(of, _)):
            yield f"band {of}"
        case m.Network():
            yield f"table {node.mixing}"
            yield from (f"groups {node.of} {table}" for table in (node.mixing, *_whole_tables(node)) if table)
        case m.Rule() | m.Intervention() | m.Condition():
            yield from (thing for rule in m.rules_in(node) for thing in _read_in(rule))
        case m.Contagion():
            yield from (f"network {name}" for name in node.networks)
        case _:
            pass


def _read_in(rule: m.Rule) -> Iterator[str]:
    """Networks over which others are met, and conditions whose states are copied."""
    yield from (f"network {p.meeting.network}" for p in rule.paragraphs if p.meeting is not None and p.meeting.network)
    yield from (f"condition {a.theirs}" for a in rule.actions if isinstance(a, m.CopyState))


# ------------------------------------------------------------------ what stands behind an observation


def observations_behind(model: m.Model, observations: set[str]) -> set[str]:
    """These observations, all that the course of events reads, and all that their formulas read."""
    course = (model.interventions, model.behaviours, model.rules, model.conditions, model.contagions, model.networks,
              model.clock)  # fmt: skip
    return _closure(observations | observations_in(course), lambda name: observations_in(model.observation(name)))


def parameters_behind(model: m.Model, observations: set[str], more: tuple[object, ...] = ()) -> set[str]:
    """The parameters that the course of events, some observations or ``more`` read, directly or not."""
    course = (model.agents, model.networks, model.conditions, model.contagions, model.interventions, model.behaviours,
              model.rules)  # fmt: skip
    behind = tuple(model.observation(name) for name in observations_behind(model, observations))
    return _closure(parameters_in((*course, *behind, *more)), lambda name: parameters_in(model.parameter(name).default))


def conditions_behind(model: m.Model, observations: set[str]) -> set[str]:
    """The conditions on whose course these observations may hang, directly or not; more rather than fewer.

    What the other conditions draw has nothing to do with the observations, and would be nothing but noise in a score.
    """
    observed = tuple(model.observation(n) for n in observations_behind(model, observations))
    copies = (a for rule in m.every_rule(model) for a in rule.actions if isinstance(a, m.CopyState))
    ruled = tuple(model.condition(a.condition) for a in copies)
    first = _conditions_in((model.interventions, model.behaviours, model.rules, *ruled, *observed), model)
    return _closure(first, lambda name: _conditions_in(_course_of(name, model), model))


def _closure(first: Iterable[str], following: Callable[[str], set[str]]) -> set[str]:
    """The names that can be reached from the first ones."""
    found = set(first)
    waiting = list(found)
    while waiting:
        more = following(waiting.pop()) - found
        found |= more
        waiting += more
    return found


def parameters_in(part: object) -> set[str]:
    """The parameters that a declaration or an expression reads itself."""
    return {e.name for e in m.every_expression(part) if isinstance(e, m.ParameterRef)}


def observations_in(part: object) -> set[str]:
    """The observations that a declaration or an expression reads itself."""
    return {e.observation for e in m.every_expression(part) if isinstance(e, REPORTS)}


def _course_of(name: str, model: m.Model) -> tuple[object, ...]:
    """The declarations that decide the course of a condition, those that decide who meets whom among them."""
    condition, contagion = model.condition(name), model.contagion_of(name)
    networks = set(contagion.networks) if contagion is not None else set()
    ties = tuple(model.network(n) for n in networks)
    kinds = {condition.of, *(kind for network in ties for kind in (network.of, network.to))}
    present = tuple(c for c in model.conditions if c.of in kinds and _decides_presence(c, networks))
    return (condition, contagion, *ties, *present)


def _decides_presence(condition: m.Condition, networks: set[str]) -> bool:
    """Return True if its states decide who is present in one of the networks."""
    return bool(networks) and bool(condition.removed or any(networks & set(w.networks) for w in condition.whiles))


def _conditions_in(parts: tuple[object, ...], model: m.Model) -> set[str]:
    """The conditions that declarations are, count or read, also by attributes that they set."""
    found = {part.name for part in parts if isinstance(part, m.Condition)}
    found |= {p.value.condition for p in parts if isinstance(p, m.Observation) and isinstance(p.value, m.Flow)}
    found |= {s.of for part in parts if isinstance(part, m.Contagion) for s in part.spreads if s.of}
    expressions = list(m.every_expression(parts))
    found |= {e.condition for e in expressions if isinstance(e, m.InState | m.StateOf | m.Since)}
    attributes = {e.name for e in expressions if isinstance(e, m.AttributeRef)}
    mixing = (p.mixing for p in parts if isinstance(p, m.Network))
    attributes |= {model.table(table).key_attributes[0] for table in mixing if table is not None}
    formulas = [a.follows for kind in model.agents for a in kind.attributes if a.name in attributes]
    attributes |= {e.name for e in m.every_expression(tuple(formulas)) if isinstance(e, m.AttributeRef)}
    return found | {e.when.condition for e in events(model) if attributes & _set_by_state(e)}  # type: ignore[union-attr]


def _set_by_state(event: Event) -> set[str]:
    """The attributes that entering a state sets, or that being in one makes read otherwise."""
    if not isinstance(event.when, Entering | InStates):
        return set()
    return {thing.name for thing in event.writes if thing.what in ("attribute", "reading")}


# ------------------------------------------------------------------ what a parameter has a part in


def computed_from(parameter: str, model: m.Model) -> set[str]:
    """The parameter and all that are computed from it; parameters stand after those they are made of."""
    found = {parameter}
    for other in model.parameters:
        if parameters_in(other.default) & found:
            found.add(other.name)
    return found


@kept_by_identity
def moving(model: m.Model) -> Mapping[str, m.Expr]:
    """The parameters that move by themselves, each with its formula: of the time, of what an intervention changes."""
    followed = {e.parameter for e in m.every_expression(model) if isinstance(e, m.Follows)}
    return {p.name: p.default for p in model.parameters if p.name in followed}


def acts_on(expr: m.Expr, parameter: str, model: m.Model) -> bool:
    """Return True if the parameter has a part in the value while states, reports and stored attributes are held."""
    names = computed_from(parameter, model)
    return any(
        (isinstance(e, m.ParameterRef) and e.name in names)
        or (isinstance(e, m.AttributeRef) and _acts_by_overlay(e, parameter, model))
        or (isinstance(e, m.AttributeRef) and _acts_by_view(e, parameter, model))
        for e in m.walk(expr)
    )


def _acts_by_view(ref: m.AttributeRef, parameter: str, model: m.Model) -> bool:
    """Return True if the parameter has a part in what the agent sees of its neighbours."""
    seen = m.view_of(model, ref)
    return seen is not None and acts_on(seen, parameter, model)


def _acts_by_overlay(ref: m.AttributeRef, parameter: str, model: m.Model) -> bool:
    return any(acts_on(value, parameter, model) for _, value in m.overlays(model, ref.of, ref.name))
