"""Interval arithmetic over expressions: between which values something lies, whatever happens in a run.

From above: what lies outside cannot happen; what lies inside need not. Parameters go over their bounds where they have
any, else over their own value and those that scenarios give them (Moore 1966, Interval Analysis).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from lpmdsl.quantities import DURATION, Kind
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.quantile_tables import TICKS
from lpmdsl.semantics.operators import BUILT_IN
from lpmdsl.semantics.rows import ANYTHING, Bounds

TRUTH: Bounds = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """A model with its parameters' values, and what is assumed of attributes (name → bounds).

    ``states``: condition → the states that one can be in. ``at_start``: nothing has happened yet.
    """

    model: m.Model
    values: Mapping[str, float]
    attributes: Mapping[str, Bounds] = field(default_factory=dict)
    states: Mapping[str, frozenset[int]] = field(default_factory=dict)
    at_start: bool = False
    given: Mapping[str, Bounds] = field(default_factory=dict)
    """Bounds of parameters that are known better than from their values."""
    _parameters: dict[str, Bounds] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Bounds found so far: parameters made of one another twice would take twice as long with every link."""
    _observed: dict[str, Bounds] = field(default_factory=dict, init=False, repr=False, compare=False)


def bounds(expr: m.Expr, known: Knowledge) -> Bounds:
    """Between which values, in base units, an expression lies."""
    match expr:
        case m.Literal_():
            return expr.value, expr.value
        case m.ParameterRef() if expr.name in known.given:
            return known.given[expr.name]
        case m.ParameterRef():
            if expr.name not in known._parameters:
                known._parameters[expr.name] = _parameter(expr.name, known)
            return known._parameters[expr.name]
        case m.AttributeRef() if (seen := m.view_of(known.model, expr)) is not None:
            return bounds(seen, known)
        case m.AttributeRef():
            return known.attributes.get(expr.name, by_kind(expr))
        case m.InState() if expr.condition in known.states:
            inside = known.states[expr.condition]
            return float(inside <= set(expr.states)), float(bool(inside & set(expr.states)))
        case m.InState() | m.IsActive() | m.Follows():
            return TRUTH
        case m.StateOf():
            return 0.0, len(known.model.condition(expr.condition).states) - 1.0
        case m.TableRef():
            values = known.model.table(expr.table).values
            return min(values), max(values)
        case m.ObservationRef() | m.GroupReport() | m.Rolling():
            if expr.observation not in known._observed:
                known._observed[expr.observation] = observed(known.model.observation(expr.observation), known)
            return known._observed[expr.observation]
        case m.Population():
            return _people(expr.of, known.model)
        case m.Since() if known.at_start:
            return 0.0, 0.0
        case m.Time() | m.Since():
            return 0.0, known.model.clock.step * known.model.clock.steps
        case m.Aggregate():
            return _aggregate(expr, known)
        case m.Luck():
            return TRUTH
        case m.Theirs():
            return by_kind(expr.inner) if isinstance(expr.inner, m.AttributeRef) else bounds(expr.inner, known)
        case m.TieRef():
            return _of_tie(expr)
        case m.Neighbours():
            return _neighbours(expr, known)
        case m.Apply():
            return _apply(expr.op, [bounds(a, known) for a in expr.arguments])


def _parameter(name: str, known: Knowledge) -> Bounds:
    parameter = known.model.parameter(name)
    if parameter.low is not None and parameter.high is not None:
        return parameter.low, parameter.high
    own = bounds(parameter.default, known) if not isinstance(parameter.default, m.Literal_) else ANYTHING
    values = [*own] if own != ANYTHING else [known.values.get(name, math.nan)] * 2
    known._parameters[name] = values[0], values[1]  # what a scenario changes it to may read it, as it was before
    changes = [bounds(v, known) for s in known.model.scenarios for n, v in s.changes if n == name]
    values += [x for pair in changes for x in pair]
    return ANYTHING if any(math.isnan(v) for v in values) else (min(values), max(values))


def _of_tie(ref: m.TieRef) -> Bounds:
    low, high = by_kind(ref)
    if ref.low is not None or ref.high is not None:
        return (-math.inf if ref.low is None else ref.low), (math.inf if ref.high is None else ref.high)
    return (0.0, high) if ref.type == DURATION else (low, high)


def by_kind(ref: m.AttributeRef | m.TieRef) -> Bounds:
    """Bounds of an attribute that its type alone gives."""
    match ref.type.kind:
        case Kind.BOOLEAN | Kind.SHARE | Kind.PROBABILITY:
            return TRUTH
        case Kind.CATEGORY:
            return 0.0, max(0.0, len(ref.type.labels) - 1.0)
        case _:
            return ANYTHING


def _people(kind: str, model: m.Model) -> Bounds:
    count = model.agent(kind).count
    return (count, count) if count is not None else (0.0, math.inf)


def _aggregate(expr: m.Aggregate, known: Knowledge) -> Bounds:
    match expr.function:
        case "count" if expr.where is None:
            return _people(expr.of, known.model)
        case "count" if known.at_start and isinstance(expr.where, m.InState):
            return _starting(expr.where, known)
        case "count":
            return 0.0, _people(expr.of, known.model)[1]
        case "share":
            return TRUTH
        case _:
            return ANYTHING


def _neighbours(expr: m.Neighbours, known: Knowledge) -> Bounds:
    match expr.function:
        case "count":
            return 0.0, _people(expr.of or known.model.network(expr.network).of, known.model)[1]
        case "share":
            return TRUTH
        case "min" | "max" | "mean" | "quantile" | "commonest" if expr.what is not None:
            low, high = bounds(expr.what, known)
            none = bounds(expr.otherwise, known) if expr.otherwise is not None else (low, high)
            return min(low, none[0]), max(high, none[1])
        case _:
            return ANYTHING


def _starting(test: m.InState, known: Knowledge) -> Bounds:
    """Bounds of the number that starts in some states."""
    condition = known.model.condition(test.condition)
    people = _people(condition.of, known.model)
    low = high = 0.0
    rest = people
    for exception in condition.start.exceptions:
        least, most = starting(exception, people, known)
        rest = max(0.0, rest[0] - most), rest[1] - least
        if exception.state in test.states:
            low, high = low + least, high + most
    return (low + rest[0], high + rest[1]) if condition.start.state in test.states else (low, high)


def starting(exception: m.StartExcept, people: Bounds, known: Knowledge) -> Bounds:
    """Bounds of the number, of so many people, that an exception puts into its state."""
    if exception.number is not None:
        return bounds(exception.number, known)
    if exception.share is not None:
        low, high = bounds(exception.share, known)
        most = math.floor(high * people[1] + 0.5) if people[1] < math.inf else math.inf
        return (math.floor(low * people[0] + 0.5) if exception.where is None else 0.0), most
    return 0.0, people[1]


# ------------------------------------------------------------------ observations


def observed(observation: m.Observation, known: Knowledge) -> Bounds:
    """Between which values reports lie, in base units: nobody is counted twice unless one can come back."""
    match observation.value:
        case m.Level():
            return _aggregate(observation.value.aggregate, known)
        case m.Derived():
            return bounds(observation.value.formula, known)
        case m.Spending():
            return 0.0, math.inf
        case m.Flow():
            return _flow(observation, observation.value, known)


def _longest(observation: m.Observation) -> float:
    """The longest of its periods, in days."""
    return 31.0 * observation.months if observation.months else observation.every


def _flow(observation: m.Observation, flow: m.Flow, known: Knowledge) -> Bounds:
    condition = known.model.condition(flow.condition)
    people = _people(condition.of, known.model)[1]
    if condition.is_cyclic:
        # At most a move a tick, of which a step has so many, and late reports may fall together.
        span = known.model.clock.steps if observation.delayed else _longest(observation) / known.model.clock.step
        people *= TICKS * max(1.0, span)
    return 0.0, people / observation.every


# ------------------------------------------------------------------ arithmetic


def _apply(op: str, parts: list[Bounds]) -> Bounds:
    if op != "select" and any(math.isnan(x) for part in parts for x in part):
        return ANYTHING
    return BUILT_IN[op].interval(*parts)


def within_arguments(law: m.Distribution, known: Knowledge) -> Bounds:
    """Bounds of a draw from a law of ``BOUNDED``, which lies between the least and the largest of its arguments."""
    ends = [bounds(e, known) for _, e in law.arguments]
    return min(low for low, _ in ends), max(high for _, high in ends)
