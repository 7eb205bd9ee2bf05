"""Events of a Model: everything that makes something happen in a run, with what it reads and what it writes.

An exit of a state, a clause ``on entering``, a block of an intervention, a decision, and what holds while a state or an
intervention lasts are all events: of a kind of agents (``of``), at some time (``when``), for some of them (``guard``,
``at_most``), with some effects. Whatever asks what can change what reads the effects, and knows no declaration: a new
declaration is an event more here, a new effect a case more in ``writes``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, assert_never

from lpmdsl.quantities import BOOLEAN
from lpmdsl.records import dataclass
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.archetypes import asked_as
from lpmdsl.semantics.identity_cache import kept_by_identity
from lpmdsl.source import Span

# ------------------------------------------------------------------ effects


@dataclass(frozen=True, slots=True)
class Enter:
    """The agent leaves its state of ``condition`` for ``state``; each with its probability (None: what is left)."""

    condition: str
    branches: tuple[m.Branch, ...]
    span: Span

    @property
    def states(self) -> frozenset[int]:
        """States that may be entered."""
        return frozenset(b.to for b in self.branches)


@dataclass(frozen=True, slots=True)
class ReadAs:
    """While it lasts, ``attribute`` reads as ``value``; what is stored stays."""

    attribute: str
    value: m.Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Leave:
    """While it lasts, the agent is absent from ``networks``."""

    networks: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Decide:
    """``attribute`` becomes what ``by`` (a behaviour, a network) makes of it: nobody's to foresee."""

    attribute: str
    by: str
    span: Span


Effect = m.SetAttribute | Enter | Decide | ReadAs | Leave | m.Rescale | m.ParameterChange


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that an effect can change.

    ``attribute``: its stored value (``of`` a kind); ``reading``: what it reads as; ``state`` of a condition;
    ``presence`` on a network; ``contacts`` of a network; value of a ``parameter``.
    """

    what: Literal["attribute", "reading", "state", "presence", "contacts", "parameter"]
    of: str
    name: str


def writes(effect: Effect, of: str) -> frozenset[Thing]:
    """Things that an effect changes, of agents of a kind or of all."""
    match effect:
        case m.SetAttribute() | Decide():
            return frozenset({Thing("attribute", of, effect.attribute)})
        case Enter():
            return frozenset({Thing("state", of, effect.condition)})
        case ReadAs():
            return frozenset({Thing("reading", of, effect.attribute)})
        case Leave():
            return frozenset(Thing("presence", of, network) for network in effect.networks)
        case m.Rescale():
            return frozenset(Thing("contacts", "", network) for network in effect.networks)
        case m.ParameterChange():
            return frozenset({Thing("parameter", "", effect.parameter)})
        case _:
            assert_never(effect)


def chance(effect: Effect) -> m.Expr | None:
    """The probability with which an effect happens to each who is chosen; None: for certain, or by branches."""
    match effect:
        case m.SetAttribute():
            return effect.probability
        case Enter(branches=(m.Branch(probability=p),)):
            return p
        case _:
            return None


# ------------------------------------------------------------------ when


@dataclass(frozen=True, slots=True)
class Leaving:
    """By one exit of a state: a hazard, a dwell time, a chance or a test."""

    exit: m.Exit


@dataclass(frozen=True, slots=True)
class Entering:
    """Whenever an agent enters one of the states; ``is_ruled``: in a paragraph, after all moves of the step."""

    condition: str
    states: tuple[int, ...]
    is_ruled: bool = False


@dataclass(frozen=True, slots=True)
class InStates:
    """While an agent is in one of the states."""

    condition: str
    states: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scheduled:
    """At boundaries while the intervention is active: those of one of its blocks."""

    intervention: str
    block: m.Repeated


@dataclass(frozen=True, slots=True)
class WhileActive:
    """While the intervention is active."""

    intervention: str


@dataclass(frozen=True, slots=True)
class Deciding:
    """Schedule of the behaviour."""

    behaviour: str


@dataclass(frozen=True, slots=True)
class Looking:
    """Whenever something reads what an agent sees of its neighbours, or an attribute that is a formula."""

    attribute: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """At boundaries at which a rule is due, in one of its paragraphs."""

    rule: str


When = Leaving | Entering | InStates | Scheduled | WhileActive | Deciding | Looking | Ruling


@dataclass(frozen=True, slots=True)
class Event:
    """``owner`` is the declaration (``intervention masks``); ``of`` "" where nobody in particular is meant."""

    owner: str
    of: str
    when: When
    guard: m.Expr | None
    at_most: m.Expr | None
    effects: tuple[Effect, ...]
    span: Span

    @property
    def writes(self) -> frozenset[Thing]:
        """Things that the effects of the event change."""
        return frozenset(thing for effect in self.effects for thing in writes(effect, self.of))


@kept_by_identity
def events(model: m.Model) -> tuple[Event, ...]:
    """All events of a model: those of conditions, of behaviours, of interventions, each in written order."""
    found = [event for condition in model.conditions for event in _of_condition(model, condition)]
    for behaviour in model.behaviours:
        name = asked_as(behaviour)
        decides = Decide(behaviour.into, name, behaviour.span)
        when = Deciding(behaviour.name)
        found.append(Event(f"behaviour {name}", behaviour.of, when, None, None, (decides,), behaviour.span))
    found += [event for agent in model.agents for event in _of_views(agent)]
    found += [event for rule in model.rules for event in _of_rule(rule)]
    return (*found, *(event for intervention in model.interventions for event in events_of(intervention)))


def _of_rule(rule: m.Rule) -> Iterator[Event]:
    for one in rule.paragraphs:
        effects = tuple(_ruled(action) for action in one.actions)
        yield Event(f"rule {rule.name}", rule.of, Ruling(rule.name), one.where, rule.block.at_most, effects, one.span)


def _ruled(action: m.RuleAction) -> Effect:
    if not isinstance(action, m.CopyState):
        return _done(action)
    branches = (m.Branch(s, action.probability, action.span) for s in range(action.states))
    return Enter(action.condition, tuple(branches), action.span)


def _of_views(agent: m.Agent) -> Iterator[Event]:
    for one in (a for a in agent.attributes if a.follows is not None):
        assert one.follows is not None
        reads = ReadAs(one.name, one.follows, one.span)
        yield Event(f"agent {agent.name}", agent.name, Looking(one.name), None, None, (reads,), one.span)
    for seen in (a for a in agent.attributes if a.view is not None):
        assert seen.view is not None
        effect = Decide(seen.name, seen.view.network, seen.span)
        yield Event(f"network {seen.view.network}", agent.name, Looking(seen.name), None, None, (effect,), seen.span)


def _of_condition(model: m.Model, condition: m.Condition) -> Iterator[Event]:
    owner, of, name = f"condition {condition.name}", condition.of, condition.name
    for exit_ in condition.exits:
        guard = m.InState(name, (exit_.state,), BOOLEAN, exit_.span)
        moves = Enter(name, exit_.branches, exit_.span)
        yield Event(owner, of, Leaving(exit_), guard, None, (moves,), exit_.span)
    for clause in condition.entering:
        yield Event(owner, of, Entering(name, clause.states), None, None, clause.actions, clause.span)
        for one in clause.paragraphs:
            effects = tuple(_ruled(action) for action in one.actions)
            yield Event(owner, of, Entering(name, clause.states, True), one.where, None, effects, one.span)
    for held in condition.whiles:
        reads: list[Effect] = []
        if held.attribute is not None and held.value is not None:
            reads.append(ReadAs(held.attribute, held.value, held.span))
        if held.networks:
            reads.append(Leave(held.networks, held.span))
        yield Event(owner, of, InStates(name, held.states), None, None, tuple(reads), held.span)
    if condition.removed:
        everywhere = tuple(n.name for n in model.networks if of in (n.of, n.met))
        gone = Leave(everywhere, condition.span)
        yield Event(owner, of, InStates(name, condition.removed), None, None, (gone,), condition.span)


def events_of(intervention: m.Intervention) -> Iterator[Event]:
    """The events of one intervention: its blocks, then what holds while it is active."""
    owner = f"intervention {intervention.name}"
    for block in intervention.repeated:
        effects = tuple(_done(action) for action in block.actions)
        when = Scheduled(intervention.name, block)
        if not block.paragraphs:
            yield Event(owner, block.of, when, block.where, block.at_most, effects, block.span)
        for one in block.paragraphs:
            done = tuple(_ruled(action) for action in one.actions)
            yield Event(owner, block.of, when, block.where, block.at_most, done, one.span)
    for held in intervention.while_active:
        reads: list[Effect] = [ReadAs(s.attribute, s.value, s.span) for s in held.sets]
        if held.networks:
            reads.append(Leave(held.networks, held.span))
        effects = (*reads, *held.scales, *held.changes)
        yield Event(owner, held.of, WhileActive(intervention.name), held.where, None, effects, held.span)


def _done(action: m.Action) -> Effect:
    match action:
        case m.SetAttribute():
            return action
        case m.ForceMove():
            to = m.Branch(action.state, action.probability, action.span)
            return Enter(action.condition, (to,), action.span)
        case _:
            assert_never(action)


# ------------------------------------------------------------------ what can be changed


def first_writes(model: m.Model, *what: str) -> dict[tuple[str, str], Span]:
    """(kind, name of the thing) -> the first effect that changes it, for things that are one of ``what``."""
    found: dict[tuple[str, str], Span] = {}
    for event in events(model):
        for effect in event.effects:
            for thing in writes(effect, event.of):
                if thing.what in what:
                    found.setdefault((thing.of, thing.name), effect.span)
    return found


def attributes_written(model: m.Model) -> set[tuple[str, str]]:
    """(kind, attribute) of all whose stored value may be replaced during a run.

    What an attribute reads as while something lasts is none of these: that goes, and the stored value stays.
    """
    return set(first_writes(model, "attribute"))


def forced_states(model: m.Model, condition: str) -> frozenset[int]:
    """The states of a condition into which agents are moved from whichever state they are in."""
    moves = (effect for event in events(model) if not isinstance(event.when, Leaving) for effect in event.effects)
    return frozenset(s for e in moves if isinstance(e, Enter) and e.condition == condition for s in e.states)


def may_be_absent(model: m.Model, network: m.Network, kind: str) -> bool:
    """Return True if something can make an agent of a kind absent from a network."""
    return Thing("presence", kind, network.name) in {t for event in events(model) for t in event.writes}
