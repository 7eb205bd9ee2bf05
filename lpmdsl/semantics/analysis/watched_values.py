"""Expressions that a run must find to be numbers in their range: rates, factors, chances, limits, values that are set.

What parameters and tables decide is looked at before a run (``check_finite``). What depends on the time, reports or
the agent is looked at in the run, unless bounds show that it cannot go wrong. A report that is not out yet has no
number, and what is made of it has none: that is no mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from lpmdsl.diagnostics import LpmError, fail
from lpmdsl.distributions.table import BOUNDED, DISTRIBUTIONS
from lpmdsl.quantities import Kind
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.exposure.largest_hazards import MOST, MOST_CONTACTS, hazards, said_in_a_run
from lpmdsl.semantics.analysis.intervals import Knowledge, bounds, within_arguments
from lpmdsl.semantics.context import text_of
from lpmdsl.semantics.functions import Bounds
from lpmdsl.semantics.host.calendar import moment_text
from lpmdsl.semantics.host.evaluate import parameter_values

Role = Literal["rate", "contacts", "factor", "probability", "limit", "value", "hazard"]
"""``hazard``: of one step, with all that is multiplied; its parts are looked at in roles of their own."""
Fault = Literal["undefined", "infinite", "negative", "too large"]
FAULTS: tuple[Fault, ...] = ("undefined", "infinite", "negative", "too large")
LARGEST = 1e300
"""Numbers from here on count as infinite: ``exp`` goes no further than e^709."""
SLACK = 1e-9
"""So far may arithmetic miss the end of a range."""
_GIVEN = 1e60
"""Parameters and people's own numbers that never change are taken to lie below."""


@dataclass(frozen=True, slots=True)
class Watched:
    """An expression in its role. ``of``: the kind of agent for each of whom it is read, "" where it is the same."""

    expr: m.Expr
    role: Role
    of: str

    @property
    def range(self) -> Bounds:
        """Lower and upper bound of what it may be."""
        low = -SLACK if self.role not in ("limit", "value", "hazard") else -LARGEST
        return low, self._most

    @property
    def _most(self) -> float:
        match self.role:
            case "probability":
                return 1.0 + SLACK
            case "hazard":
                return MOST * (1.0 + SLACK)
            case "contacts" if self.of:
                return MOST_CONTACTS * (1.0 + SLACK)
            case _:
                return LARGEST


def watched(model: m.Model) -> tuple[Watched, ...]:
    """All that may change in a run or between agents, each once, in order of the model's parts."""
    parts = dict.fromkeys(part for part in _found(model) if part[0].type.is_numeric and not m.is_constant(part[0]))
    return tuple(Watched(expr, role, _kind_of(expr, model)) for expr, role in parts)


def doubtful(model: m.Model) -> tuple[Watched, ...]:
    """Expressions that nothing shows before a run to be finite and in their range."""
    values = parameter_values(model)
    parameters = {p.name: _kept(p, model, values) for p in model.parameters}
    kinds = (*(a.name for a in model.agents), "")
    plain = Knowledge(model, values)
    known = {kind: Knowledge(model, values, _attributes(plain, kind), given=parameters) for kind in kinds}
    as_given = {kind: Knowledge(model, values, known[kind].attributes) for kind in kinds}
    return tuple(w for w in watched(model) if not _is_sound(w, (as_given if w.role == "hazard" else known)[w.of]))


_Part = tuple[m.Expr, Role]


def _found(model: m.Model) -> Iterator[_Part]:
    for network in model.networks:
        if network.contacts is not None:
            yield network.contacts, "contacts"
    for contagion in model.contagions:
        for spread in contagion.spreads:
            yield spread.rate, "rate"
        for scaling in contagion.scalings:
            yield scaling.factor, "factor"
    for condition in model.conditions:
        yield from _of_condition(condition)
    for rule in model.rules:
        yield from _of_rule(rule)
    for intervention in model.interventions:
        if intervention.together is not None:
            yield intervention.together.at_most, "limit"
        for block in intervention.repeated:
            if block.at_most is not None:
                yield block.at_most, "limit"
            yield from _of_actions(block.actions)
            yield from _of_paragraphs(block.paragraphs)
    for observation in model.observations:
        if observation.thinned is not None:
            yield observation.thinned, "probability"
    for hazard in hazards(model):
        yield hazard.expr, "hazard"


def _of_condition(condition: m.Condition) -> Iterator[_Part]:
    for exit_ in condition.exits:
        match exit_.trigger:
            case m.AtRate():
                yield exit_.trigger.rate, "rate"
            case m.Chance():
                yield exit_.trigger.probability, "probability"
            case _:
                pass
        for branch in exit_.branches[:-1]:
            if branch.probability is not None:
                yield branch.probability, "probability"
    for clause in condition.entering:
        yield from _of_actions(clause.actions)
        yield from _of_paragraphs(clause.paragraphs)


def _of_rule(rule: m.Rule) -> Iterator[_Part]:
    if rule.block.at_most is not None:
        yield rule.block.at_most, "limit"
    if rule.chance is not None:
        yield rule.chance, "probability"
    yield from _of_paragraphs(rule.paragraphs)


def _of_paragraphs(paragraphs: tuple[m.Paragraph, ...]) -> Iterator[_Part]:
    for paragraph in paragraphs:
        if paragraph.probability is not None:
            yield paragraph.probability, "probability"
        for action in paragraph.actions:
            if action.probability is not None:
                yield action.probability, "probability"
            if isinstance(action, m.SetAttribute):
                yield action.value, "value"


def _of_actions(actions: tuple[m.Action, ...]) -> Iterator[_Part]:
    for action in actions:
        if action.probability is not None:
            yield action.probability, "probability"
        if isinstance(action, m.SetAttribute):
            yield action.value, "value"


def _kind_of(expr: m.Expr, model: m.Model) -> str:
    match expr:
        case m.AttributeRef():
            return expr.of
        case m.InState() | m.StateOf() | m.Since():
            return model.condition(expr.condition).of
        case m.Aggregate():
            return ""
        case m.Luck():
            return expr.of
        case m.IsActive() | m.Neighbours() if expr.of:
            return expr.of
        case m.Neighbours() | m.TieRef():
            return model.network(expr.network).of
        case _:
            return next((kind for part in m.children(expr) if (kind := _kind_of(part, model))), "")


# ------------------------------------------------------------------ what is known before a run


def _kept(parameter: m.Parameter, model: m.Model, values: Mapping[str, float]) -> Bounds:
    """A parameter's limits, else every number of the sign that its values in the text have: a run may be given any."""
    if parameter.low is not None and parameter.high is not None:
        return parameter.low, parameter.high
    known = Knowledge(model, values)
    low = bounds(m.ParameterRef(parameter.name, parameter.type, parameter.span), known)[0]
    return (0.0 if low >= 0 else -_GIVEN), _GIVEN


def _attributes(known: Knowledge, kind: str) -> dict[str, Bounds]:
    """Bounds of the numbers of a kind that never change and read the same in every state."""
    model = known.model
    agent = next((a for a in model.agents if a.name == kind), None)
    return {
        a.name: _number(a, known)
        for a in (agent.attributes if agent else ())
        if a.type.kind not in _NARROW and m.is_fixed(model, kind, a.name)
    }


_NARROW = (Kind.CATEGORY, Kind.BOOLEAN, Kind.PLACE, Kind.SHARE, Kind.PROBABILITY)


def _number(attribute: m.Attribute, known: Knowledge) -> Bounds:
    low, high, drawn = attribute.low, attribute.high, attribute.drawn
    if attribute.value is not None and m.is_constant(attribute.value):
        return bounds(attribute.value, known)
    if drawn is not None and drawn.family in BOUNDED:
        return within_arguments(drawn, known)
    is_positive = drawn is not None and DISTRIBUTIONS[drawn.family].support in ("positive", "unit", "whole")
    return (low if low is not None else 0.0 if is_positive else -_GIVEN), high if high is not None else _GIVEN


def _is_sound(one: Watched, known: Knowledge) -> bool:
    """Return True if every part has a number whatever happens, and the whole lies in its range."""
    low, high = one.range
    least, most = bounds(one.expr, known)
    if one.role == "hazard":
        return most <= high  # its parts are looked at by themselves
    return low <= least and most <= high and _has_number(one.expr, known)


def _has_number(expr: m.Expr, known: Knowledge) -> bool:
    """Return True if every operation gives a finite number of all that its parts can be."""
    if isinstance(expr, m.Aggregate | m.Neighbours):
        return True  # of what has no number there is none, and bounds show the rest
    if isinstance(expr, m.Apply) and expr.type.is_numeric:
        low, high = bounds(expr, known)
        if not -LARGEST < low <= high < LARGEST:
            return False  # bounds are endless where an operation may leave its domain
    return all(_has_number(part, known) for part in m.children(expr))


def excuses(expr: m.Expr) -> tuple[m.Expr, ...]:
    """Parts that may have no number, in which case the whole need not: reports, numbers of nobody, what was set."""
    if isinstance(expr, m.Aggregate | m.ObservationRef | m.GroupReport | m.Rolling | m.Neighbours | m.Theirs):
        return (expr,)
    if isinstance(expr, m.AttributeRef):
        return (expr,) if expr.type.is_numeric else ()
    return tuple(dict.fromkeys(e for part in m.children(expr) for e in excuses(part)))


# ------------------------------------------------------------------ what is said


def unsound(model: m.Model, found: Mapping[tuple[Watched, Fault], int]) -> LpmError:
    """E0744 or, of a hazard, E0776 of what was found first: by its step (the boundary at which it was read), then in
    written order."""
    order = {w: k for k, w in enumerate(watched(model))}
    (one, fault), step = min(found.items(), key=lambda f: (f[1], order[f[0][0]], FAULTS.index(f[0][1])))
    whose = f" for a {one.of}" if one.of else ""
    when = moment_text(model.clock, step)
    if one.role == "hazard":
        message, help = said_in_a_run(model, one.expr, whose, when)
        return fail("E0776", message, one.expr.span, help)
    what = "above 1" if one.role == "probability" and fault == "too large" else fault
    message = f"{text_of(one.expr.span)} is {what}{whose} at {when}, and {_ROLES[one.role]} is {_range(one)}."
    return fail("E0744", message, one.expr.span, _HELP[fault])


_ROLES: dict[Role, str] = {
    "rate": "a rate", "contacts": "a number of contacts", "factor": "a factor", "probability": "a probability",
    "limit": "a limit", "value": "a value that is set", "hazard": "a hazard",
}  # fmt: skip
_HELP: dict[Fault, str] = {
    "undefined": "Look at what it is divided by, its powers, roots and logarithms; or say in a choice what holds then.",
    "infinite": "Look at what it is divided by and its powers; or say in a choice what holds then.",
    "negative": "Write `max(0, …)` around it if nothing below is meant.",
    "too large": "Write `min(1, …)` around it if all of them are meant.",
}


def _range(one: Watched) -> str:
    if one.role == "probability":
        return "a number from 0 to 1"
    if one.role == "contacts" and one.of:
        return f"a number from 0 to {MOST_CONTACTS:.0f} a day"
    return "a finite number" if one.role in ("limit", "value") else "a finite number that is not negative"
