"""Choices by which a processor's program avoids going through everyone in every step.

Every choice gives the same counts. What cannot be shown to be rare or additive is gone through densely, as in the
Program that a GPU runs. ``docs/passes.md`` says what each way costs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lpmdsl.lowering.plan.censuses import Occupancy, census_choice, censuses, occupancy_of
from lpmdsl.lowering.plan.choices import Choice
from lpmdsl.lowering.plan.sights import Sight, sights, woken_states
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.events import (
    Deciding,
    Entering,
    Event,
    Looking,
    Ruling,
    Scheduled,
    events,
    forced_states,
    may_be_absent,
)

Way = Literal["listed", "swept", "dense"]
"""listed: only those under a force or due; swept: every state is read, and those act who may; dense: everyone acts."""
CONSTANT_HAZARD = "every infectious neighbour weighs the same, at all times"
WOKEN = "who sees no neighbour change and has no hazard is not looked at"


@dataclass(frozen=True, slots=True)
class Plan:
    """Choices for a model.

    ``counted``: pairs (condition, network) on which all sources weigh the same, and are counted.
    ``constant_hazard``: conditions whose susceptible feel one constant number for each infectious neighbour: they
    wait for a number of contacts.
    ``circles``: networks whose ties are worked out from keys, because memory would not hold them.
    ``acted_on``: kinds of agents of whom interventions or behaviours change what others feel.
    ``kept``: counts of neighbours that are kept between steps.
    ``woken``: states by condition in which agents are looked at again only when such a count has changed.
    """

    ways: dict[str, Way]
    counted: frozenset[tuple[str, str]]
    constant_hazard: frozenset[str]
    acted_on: frozenset[str]
    occupancies: tuple[Occupancy, ...]
    circles: frozenset[str]
    kept: tuple[Sight, ...]
    woken: dict[str, frozenset[int]]
    choices: tuple[Choice, ...]


def choose(model: m.Model, circles: frozenset[str] = frozenset()) -> Plan:
    """The plan of a model."""
    ways: dict[str, Way] = {}
    choices: list[Choice] = []
    for condition in model.conditions:
        ways[condition.name], why = _way_of(model, condition)
        choices.append(Choice(f"condition {condition.name}", ways[condition.name], why))
    counted: set[tuple[str, str]] = set()
    for contagion in model.contagions:
        for network in model.networks_of(contagion.condition):
            alike = _weigh_the_same(contagion, network)
            counted |= {(contagion.condition, network.name)} if alike else set()
            choices.append(_network_choice(contagion, network, alike))
    constant_hazard = frozenset(
        c.name for c in model.conditions if ways[c.name] == "listed" and _has_constant_hazard(model, c, counted)
    )
    choices += [Choice(f"thresholds of {name}", "in contacts", CONSTANT_HAZARD) for name in sorted(constant_hazard)]
    kept: dict[str, Occupancy] = {}
    for name, aggregate, observation in censuses(model):
        occupancy = occupancy_of(model, aggregate, observation)
        if occupancy is not None:
            kept.setdefault(occupancy.name, occupancy)
        choices.append(census_choice(name, occupancy))
    told = told_attributes(model)
    acted_on = frozenset(e.of for e in events(model) if _is_acting(e) and is_felt(e, told))
    acted_on |= {i.of for i in model.interventions if i.place}
    forced = frozenset(c.of for c in model.conditions if _is_forced(model, c))
    seen, reasons = sights(model, told, forced)
    tables = tuple(kept.values())
    woken = {c.name: woken_states(model, seen, c) for c in model.conditions if ways[c.name] == "swept"}
    choices += [*reasons, *(Choice(f"state {c.states[s]} of {c.name}", "woken", WOKEN)
                            for c in model.conditions for s in sorted(woken.get(c.name, ())))]  # fmt: skip
    return Plan(ways, frozenset(counted), constant_hazard, acted_on, tables, circles, seen, woken, tuple(choices))


def _is_acting(event: Event) -> bool:
    """Return True if something else than an agent's own move lets the event happen, so that it may come to it twice."""
    match event.when:
        case Entering():
            return event.when.is_ruled
        case Scheduled() | Deciding() | Looking() | Ruling():
            return True
        case _:
            return False


# ------------------------------------------------------------------ conditions


def _way_of(model: m.Model, condition: m.Condition) -> tuple[Way, str]:
    if sum(c.of == condition.of for c in model.conditions) > 1:
        return "dense", f"{condition.of} has other conditions, whose moves are made in the same pass"
    if _is_forced(model, condition):
        return "dense", "interventions force moves"
    if left_at_any_step(condition):
        names = ", ".join(condition.states[s] for s in left_at_any_step(condition))
        return "swept", f"who is in {names} may leave in any step"
    if all(n.layout == "ties" and not n.redrawn for n in model.networks_of(condition.name)):
        return "listed", "only those with an infectious neighbour, and those whose time has come, are looked at"
    if all(n.layout == "ties" for n in model.networks_of(condition.name)):
        return "swept", "ties are drawn anew, and anyone susceptible may have one to someone infectious"
    return "swept", "everyone susceptible may share a place or a group with someone infectious"


def _is_forced(model: m.Model, condition: m.Condition) -> bool:
    return bool(forced_states(model, condition.name))


def susceptible(condition: m.Condition) -> list[int]:
    """The states that one leaves by contagion alone."""
    return [s for s in range(len(condition.states)) if _kinds(condition, s) == [m.ByContagion]]


def timed(condition: m.Condition) -> list[int]:
    """The states that one leaves after a time, and in no other way."""
    return [s for s in range(len(condition.states)) if set(_kinds(condition, s)) == {m.After}]


def left_at_any_step(condition: m.Condition) -> list[int]:
    """The states with exits of which nobody knows the step beforehand."""
    calm = {*susceptible(condition), *timed(condition)}
    return [s for s in range(len(condition.states)) if condition.exits_of(s) and s not in calm]


def _kinds(condition: m.Condition, state: int) -> list[type]:
    return [type(e.trigger) for e in condition.exits_of(state)]


# ------------------------------------------------------------------ what others feel


def _weigh_the_same(contagion: m.Contagion, network: m.Network) -> bool:
    """Return True if every source on a network weighs the same at any one time: then counting them is enough."""
    spreads = contagion.spreads_on(network.name)
    scalings = [s for s in contagion.scalings if s.end == "source" and (not s.networks or network.name in s.networks)]
    parts = [spreads[0].rate, *([network.contacts] if network.contacts is not None else []),
             *(s.factor for s in scalings)]  # fmt: skip
    if network.is_afresh:
        return False
    return len(spreads) == 1 and all(s.where is None for s in scalings) and not any(m.reads_agent(p) for p in parts)


def _has_constant_hazard(model: m.Model, condition: m.Condition, counted: set[tuple[str, str]]) -> bool:
    """Return True if the force on every susceptible is one constant number for each infectious neighbour.

    One network of ties, on which nobody is ever absent, one susceptible state to which nobody returns, nothing that
    distinguishes targets, and nothing that reads a person when somebody enters a state.
    """
    contagion, networks = model.contagion_of(condition.name), model.networks_of(condition.name)
    if contagion is None or len(networks) != 1 or len(susceptible(condition)) != 1 or condition.entering:
        return False
    if any(b.to in susceptible(condition) for e in condition.exits for b in e.branches):
        return False  # who comes within a step meets a part of it
    (network,) = networks
    spread = contagion.spreads[0]
    weight = [spread.rate, *([network.contacts] if network.contacts is not None else []),
              *(s.factor for s in contagion.scalings)]  # fmt: skip
    is_even = network.contacts is not None and not network.per_tie
    alone = all(c is contagion or model.condition(c.condition).of != condition.of for c in model.contagions)
    return (
        (condition.name, network.name) in counted
        and alone
        and not (is_even or network.days or _may_be_absent(model, condition, network))
        and all(s.end == "source" for s in contagion.scalings)
        and all(m.is_constant(e) for e in weight)
    )


def _may_be_absent(model: m.Model, condition: m.Condition, network: m.Network) -> bool:
    return network.where is not None or may_be_absent(model, network, condition.of)


def _network_choice(contagion: m.Contagion, network: m.Network, alike: bool) -> Choice:
    if network.is_between:
        why = "those of the other kind who weigh are found by reading one byte of each"
        return Choice(f"{contagion.condition} on {network.name}", "summed afresh", why)
    if network.redrawn:
        why = "its ties are others after a while, and those who weigh are found by reading one byte of each"
        return Choice(f"{contagion.condition} on {network.name}", "summed afresh", why)
    why = "all sources weigh the same" if alike else "a weight is told when it changes"
    return Choice(f"{contagion.condition} on {network.name}", "counted" if alike else "summed", why)


def telling_states(model: m.Model, condition: m.Condition) -> frozenset[int]:
    """The states that decide what an agent weighs or where it is present."""
    everything = frozenset(range(len(condition.states)))
    if condition.entering or _is_read(model, condition):
        return everything
    contagion = model.contagion_of(condition.name)
    sources = {s for spread in contagion.spreads if not spread.of for s in spread.states} if contagion else set()
    return frozenset(sources | set(condition.removed) | {s for w in condition.whiles for s in w.states})


def _is_read(model: m.Model, condition: m.Condition) -> bool:
    """Return True if a rate, a scaling, a rule of absence or an effect of a state names the condition."""
    nodes = (e for expr in _told_by(model) for e in m.walk(expr))
    return any(isinstance(e, m.InState | m.StateOf | m.Since) and e.condition == condition.name for e in nodes)


def is_felt(event: Event, told: set[str]) -> bool:
    """Return True if an event can change an agent's weight, presence or mixing group, which depend on ``told``."""
    return any(t.what == "state" or (t.what == "attribute" and t.name in told) for t in event.writes)


def told_attributes(model: m.Model) -> set[str]:
    """The attributes on which weights, presence and mixing groups hang."""
    mixing = [model.table(n.mixing) for n in model.networks if n.mixing is not None]
    read = {e.name for expr in _told_by(model) for e in m.walk(expr) if isinstance(e, m.AttributeRef)}
    return read | {name for table in mixing for name in table.key_attributes}


def _told_by(model: m.Model) -> Iterator[m.Expr]:
    """Every expression on which weights and presence hang."""
    for contagion in model.contagions:
        yield from (s.rate for s in contagion.spreads)
        sources = (s for s in contagion.scalings if s.end == "source")
        yield from (e for s in sources for e in (s.factor, s.where) if e is not None)
    yield from (n.contacts for n in model.networks if n.contacts is not None)
    yield from (n.where for n in model.networks if n.where is not None)
    yield from (w.where for i in model.interventions for w in i.while_active if w.where is not None)
    yield from (w.value for c in model.conditions for w in c.whiles if w.value is not None)
    yield from (a.follows for agent in model.agents for a in agent.attributes if a.follows is not None)
    yield from (s.value for i in model.interventions for w in i.while_active for s in w.sets)
