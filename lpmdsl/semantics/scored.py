"""Which parameters act on a run through chances alone, so that the score of its draws has their whole derivative.

A parameter may act on hazards, probabilities and laws of dwell times. One that moves people, ties or start states, that
is compared with something, or that a report is computed with, acts on what the draws then decide by itself, and the
score does not see it. ``unscored`` says what, and where.
"""

from __future__ import annotations

from collections.abc import Iterator

from lpmdsl.semantics import model as m
from lpmdsl.semantics.context import text_of
from lpmdsl.semantics.derivative import acts_on, lost
from lpmdsl.semantics.unmoved import roots

SCORED_LAWS = frozenset({"exponential", "gamma", "erlang", "weibull", "lognormal"})
"""Families whose density has a derivative by every argument; that of a uniform law jumps at its ends."""


def unscored(model: m.Model, parameter: str, observation: str) -> str | None:
    """Why the score of a run has not all that a parameter does to an observation, in words; None if it has."""
    behind = observations_behind(model, {observation})
    for part, why in _fixed(model, behind):
        for expr in roots(part):
            if acts_on(expr, parameter, model):
                return f"{why} ({_place(expr)})"
    for law in _laws(model, behind):
        moved = [e for e in roots(law.arguments) if acts_on(e, parameter, model)]
        if moved and law.family not in SCORED_LAWS:
            return f"the density of `{law.family}` has no derivative by it ({_place(moved[0])})"
    for expr in _chances(model, behind):
        for part in lost(expr, parameter, model):
            return f"it acts through {text_of(part.span)}, which has no derivative ({_place(part)})"
    return None


def observations_behind(model: m.Model, observations: set[str]) -> set[str]:
    """These observations and all that their formulas, interventions and chances read."""
    read = (model.interventions, model.behaviours, model.conditions, model.contagions, model.networks)
    found = observations | _observed_in(read)
    waiting = list(found)
    while waiting:
        more = _observed_in(model.observation(waiting.pop())) - found
        found |= more
        waiting += more
    return found


def conditions_behind(model: m.Model, observations: set[str]) -> set[str]:
    """The conditions on whose course these observations may hang, directly or not; more rather than fewer.

    What the other conditions draw has nothing to do with the observations, and would be nothing but noise in a score.
    """
    found: set[str] = set()
    behind = observations_behind(model, observations)
    waiting: list[object] = [model.interventions, model.behaviours, *(model.observation(n) for n in behind)]
    while waiting:
        for name in _conditions_in(waiting.pop(), model) - found:
            found.add(name)
            condition = model.condition(name)
            contagion = model.contagion_of(name)
            networks = {s.network for s in contagion.spreads} if contagion is not None else set()
            waiting += [condition, contagion, *(model.network(n) for n in networks)]
            kinds = {condition.of, *(kind for n in networks for kind in (model.network(n).of, model.network(n).to))}
            waiting += [c for c in model.conditions if c.of in kinds and _decides_presence(c, networks)]
    return found


def _decides_presence(condition: m.Condition, networks: set[str]) -> bool:
    """Whether its states decide who is present in one of the networks."""
    return bool(networks) and bool(condition.removed or any(networks & set(w.networks) for w in condition.whiles))


def _conditions_in(part: object, model: m.Model) -> set[str]:
    """The conditions that a declaration is, counts or reads, also by attributes that they set."""
    found = {part.name} if isinstance(part, m.Condition) else set()
    if isinstance(part, m.Observation) and isinstance(part.value, m.Flow):
        found.add(part.value.condition)
    if isinstance(part, m.Contagion):
        found |= {s.of for s in part.spreads if s.of}
    expressions = list(m.every_expression(part))
    found |= {e.condition for e in expressions if isinstance(e, m.InState | m.StateOf)}
    attributes = {e.name for e in expressions if isinstance(e, m.AttributeRef)}
    if isinstance(part, m.Network) and part.mixing is not None:
        attributes.add(model.table(part.mixing).key_attributes[0])
    for condition in model.conditions:
        sets = {a.attribute for clause in condition.entering for a in clause.actions}
        if attributes & (sets | {w.attribute for w in condition.whiles}):
            found.add(condition.name)
    return found


def _observed_in(part: object) -> set[str]:
    refs = (e for e in m.every_expression(part) if isinstance(e, m.ObservationRef | m.GroupReport | m.Rolling))
    return {e.observation for e in refs}


def _place(expr: m.Expr) -> str:
    return expr.span.label


def _fixed(model: m.Model, behind: set[str]) -> Iterator[tuple[object, str]]:
    """What decides without a draw, with what a parameter in it does."""
    yield model.agents, "it decides who and where people are"
    yield tuple(n.generator for n in model.networks), "it decides who is joined with whom"
    own = tuple(n.contacts for n in model.networks if n.is_by_person)
    yield own, "it decides over how many contacts an infection is spread"
    yield tuple(n.where for n in model.networks), "it is compared with something"
    yield tuple(c.start for c in model.conditions), "it decides who starts in which state"
    yield tuple(w for c in model.contagions for w in (s.where for s in c.scalings)), "it is compared with something"
    apart = {c.name for c in model.conditions if c.excludes}
    yield tuple(c for c in model.contagions if c.condition in apart), "it is of conditions that exclude each other"
    for condition in model.conditions:
        tests = tuple(e.trigger for e in condition.exits if isinstance(e.trigger, m.When))
        yield tests, "it is compared with something"
        yield tuple(a.value for c in condition.entering for a in c.actions), "it decides what an attribute is set to"
    for decision in model.behaviours:
        parts = (decision.shifted, decision.rule, decision.otherwise, decision.knows)
        yield parts, f"it decides what `{decision.name}` decides"
    for one in model.interventions:
        yield (one.starts, one.stops), "it decides when an intervention starts or stops"
        yield tuple(w.where for w in one.while_active), "it is compared with something"
        yield (one.together.at_most if one.together is not None else None,), "it decides who is chosen"
        for block in one.repeated:
            yield (block.at_most, block.where), "it decides who is chosen"
            sets = tuple(a.value for a in block.actions if isinstance(a, m.SetAttribute))
            yield sets, "it decides what an attribute is set to"
    for name in sorted(behind):
        observation = model.observation(name)
        yield (observation.value, observation.where, observation.by), f"`{name}` itself is computed with it"
        if isinstance(observation.value, m.Level) and not _is_steady(observation.thinned):
            yield observation.thinned, f"the thinning of `{name}` changes with time"


def _is_steady(probability: m.Expr | None) -> bool:
    """Whether neither time nor reports decide a probability."""
    moving = m.Time | m.ObservationRef | m.Rolling | m.IsActive
    return probability is None or not any(isinstance(e, moving) for e in m.walk(probability))


def _laws(model: m.Model, behind: set[str]) -> Iterator[m.Distribution]:
    for condition in model.conditions:
        yield from (e.trigger.dwell for e in condition.exits if isinstance(e.trigger, m.After))
    yield from (d for d in (model.observation(n).delayed for n in sorted(behind)) if d is not None)


def _chances(model: m.Model, behind: set[str]) -> Iterator[m.Expr]:
    """The expressions of every hazard, probability and argument of a law, and what attributes read as."""
    parts: list[object] = [tuple(s.rate for s in c.spreads) for c in model.contagions]
    parts += [tuple(s.factor for s in c.scalings) for c in model.contagions]
    parts += [tuple(n.contacts for n in model.networks)]
    for condition in model.conditions:
        parts += [tuple(e.branches for e in condition.exits), tuple(w.value for w in condition.whiles)]
        parts += [e.trigger for e in condition.exits if isinstance(e.trigger, m.AtRate | m.Chance)]
        parts += [a.probability for c in condition.entering for a in c.actions]
    parts += [a.probability for i in model.interventions for b in i.repeated for a in b.actions]
    parts += [model.observation(name).thinned for name in sorted(behind)]
    parts += [law.arguments for law in _laws(model, behind)]
    yield from (e for part in parts for e in roots(part))
